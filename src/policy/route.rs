//! Routes, their mails and senders.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::address::Address;
use super::diagnostic::Place;
use super::form::Form;
use super::purpose::Purpose;
use super::schema::Schema;
use super::scheme::Scheme;
use super::template::Template;
use crate::contract::{Contract, DuplicateWindow};
use crate::setting::SettingName;

/// The most bytes of a body, if the route does not say otherwise.
pub const DEFAULT_BODY_LIMIT: usize = 256 * 1024;

/// The highest limit that a route may set: what ACS accepts in one request.
pub const MAX_BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The most levels of arrays and objects. Real payloads have fewer than ten.
pub const MAX_DEPTH: usize = 32;

/// The longest time that a route may set: Event Grid, the most patient known sender, waits thirty seconds.
pub const MAX_TIME_BUDGET: Duration = Duration::from_secs(29);

/// How many secrets a route may accept at a time: the current one, the next one and some to spare.
pub const MAX_SECRETS: usize = 4;

/// How many addresses a mail may name; ACS's own limit is 50 over all lists.
pub const MAX_FIXED_RECIPIENTS: usize = 10;

/// A From address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that mails refer to.
    pub name: String,
    /// The From address.
    pub address: Address,
    /// Who is responsible for it.
    pub owner: Address,
}

/// A form or a webhook.
#[derive(Debug)]
pub struct Route {
    /// The name in the policy.
    pub name: String,
    /// The path callers post to.
    pub path: String,
    /// Who calls.
    pub kind: Kind,
    /// How callers of an event route authenticate; `None` only for forms.
    pub auth: Option<RouteAuth>,
    /// How they react to answers.
    pub contract: &'static Contract,
    /// The envelope of an event's data; none if absent.
    pub envelope: Option<Envelope>,
    /// The sender's handshake, with which it asks whether its events are wanted.
    pub handshake: Option<Handshake>,
    /// The sites whose pages may post, as browsers write them in `Origin`.
    pub origins: Vec<String>,
    /// Where a browser goes after its form was accepted.
    pub thanks: Option<String>,
    /// Options for visitors and guards; only for forms.
    pub form: Form,
    /// The most bytes of a body that is not a form with files.
    pub body_limit: usize,
    /// The most bytes of a form with files (`multipart/form-data`).
    pub upload_limit: usize,
    /// How long the gate may take for a request.
    pub time_budget: Duration,
    /// How long the same content is the same event, if only its content identifies it; for ever if absent.
    pub duplicate_window: Option<DuplicateWindow>,
    /// The schema of the payload.
    pub schema: Arc<Schema>,
    /// The schema's name.
    pub schema_name: String,
    /// The mails that the route may send.
    pub mails: Vec<Mail>,
}

/// Who calls a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Browsers on listed sites; in other words, anyone.
    Form,
    /// Systems that sign what they send.
    Event,
}

/// The envelope of an event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Envelope {
    /// CloudEvents 1.0, in any of its three HTTP forms (cloudevents/spec, bindings/http-protocol-binding.md).
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// The Event Grid schema: a list of events (learn.microsoft.com/azure/event-grid/event-schema).
    EventGrid,
    /// A plain list of objects, each an event.
    List,
}

impl Envelope {
    /// The envelope's name in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::EventGrid => "event-grid",
            Self::List => "list",
        }
    }
}

/// A handshake protocol, and whom it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// An event that validates a subscription
    /// (learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema).
    EventGrid {
        /// The only subscription whose handshake the gate answers; any if absent.
        subscription: Option<String>,
    },
    /// An OPTIONS request (cloudevents/spec, http-webhook.md, 4, "Abuse protection").
    CloudEvents {
        /// The only origin that may send.
        origin: String,
    },
    /// An event with a challenge (docs.slack.dev, `url_verification`).
    Slack,
}

/// The origin of Event Grid's handshakes, if the route does not name another.
pub const EVENT_GRID_ORIGIN: &str = "eventgrid.azure.net";

/// When a form's mails are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Once the form was sent.
    Submitted,
    /// Once the visitor followed the link in the mail that asks for it.
    Confirmed,
}

impl Route {
    /// When a mail is sent. If a form needs a confirmation, only the mail that asks for it is sent before.
    pub fn stage(&self, mail: &Mail) -> Stage {
        match (&self.form.confirmation, mail.purpose) {
            (Some(_), purpose) if purpose != Purpose::Verification => Stage::Confirmed,
            _ => Stage::Submitted,
        }
    }

    /// Whether a mail may show the table of all fields.
    pub fn shows_table(&self) -> bool {
        self.mails.iter().any(|mail| mail.template.shows_table())
    }

    /// An origin that the route lists, for trying the route; for a pattern, one that it matches.
    pub fn example_origin(&self) -> Option<String> {
        self.origins.first().map(|origin| origin.replacen('*', "www", 1))
    }
}

/// How callers authenticate.
#[derive(Debug)]
pub struct RouteAuth {
    /// The scheme's name.
    pub name: &'static str,
    /// What it requires.
    pub scheme: Scheme,
    /// The settings that contain the secrets. The gate accepts any of them, so that operators can rotate a secret.
    pub secrets: Vec<SettingName>,
}

/// One message a route may send.
#[derive(Debug)]
pub struct Mail {
    /// Distinguishes the mail from the route's other mails.
    pub name: String,
    /// Its template.
    pub template: Template,
    /// Its sender.
    pub sender: Sender,
    /// What it is for.
    pub purpose: Purpose,
    /// Its recipients.
    pub to: Recipients,
    /// Where replies go.
    pub reply_to: Option<ReplyTo>,
    /// Whether the form's files are attached.
    pub attachments: bool,
    /// The condition under which it is sent; always if absent.
    pub when: Option<Schema>,
    /// Where the policy defines the mail.
    pub place: Place,
}

/// The recipients of a mail.
#[derive(Debug)]
pub enum Recipients {
    /// Addresses the policy names.
    Fixed(Vec<Address>),
    /// The one address that the payload contains.
    Field {
        /// A JSON Pointer to it.
        pointer: String,
        /// The domains that the address may have, in lower case; any if empty.
        allow: Vec<String>,
    },
}

impl Recipients {
    /// The pointer to the address in the payload; `None` if the policy names the addresses.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Field { pointer, .. } => Some(pointer),
            Self::Fixed(_) => None,
        }
    }
}

impl Mail {
    /// The pointers to what its headers take from the payload: the recipient, and who gets the replies.
    pub fn pointers(&self) -> impl Iterator<Item = &str> {
        let reply_to = self.reply_to.iter();
        let reply_to = reply_to.flat_map(|reply_to| [Some(reply_to.address.as_str()), reply_to.name.as_deref()]);
        [self.to.pointer()].into_iter().chain(reply_to).flatten()
    }
}

/// Where replies to a mail go.
#[derive(Debug)]
pub struct ReplyTo {
    /// A JSON Pointer to the address.
    pub address: String,
    /// A JSON Pointer to the person's name.
    pub name: Option<String>,
}
