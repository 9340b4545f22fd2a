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

/// The most bytes a body may have where the route does not say otherwise.
pub const DEFAULT_BODY_LIMIT: usize = 256 * 1024;

/// The most bytes a route may allow: what ACS takes in one request.
pub const MAX_BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The most levels of arrays and objects. Real payloads have fewer than ten.
pub const MAX_DEPTH: usize = 32;

/// The longest time a route may allow: Event Grid, the most patient known sender, waits thirty seconds.
pub const MAX_TIME_BUDGET: Duration = Duration::from_secs(29);

/// The most secrets a route may accept at a time: the current one, the next one and some to spare.
pub const MAX_SECRETS: usize = 4;

/// The most addresses a mail may name; ACS's own ceiling is 50 over all lists.
pub const MAX_FIXED_RECIPIENTS: usize = 10;

/// An approved From address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that mails refer to.
    pub name: String,
    /// The From address.
    pub address: Address,
    /// Who is responsible for it.
    pub owner: Address,
}

/// One webhook.
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
    /// What they expect of answers.
    pub contract: &'static Contract,
    /// The envelope of an event's data; none if absent.
    pub envelope: Option<Envelope>,
    /// The sender's handshake, by which it asks whether its events are wanted.
    pub handshake: Option<Handshake>,
    /// The sites whose pages may post, as browsers write them in `Origin`.
    pub origins: Vec<String>,
    /// Where a browser goes after a form was accepted.
    pub thanks: Option<String>,
    /// What a form does for its visitors and against robots.
    pub form: Form,
    /// The most bytes a body may have if it is not a form with files.
    pub body_limit: usize,
    /// The most bytes of a form with files (`multipart/form-data`).
    pub upload_limit: usize,
    /// How long the gate may take for a request.
    pub time_budget: Duration,
    /// How long the same content is the same event, where only content identifies it; for ever if absent.
    pub duplicate_window: Option<DuplicateWindow>,
    /// What a payload must look like.
    pub schema: Arc<Schema>,
    /// The schema's name.
    pub schema_name: String,
    /// What the route may send.
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
    /// The word in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::EventGrid => "event-grid",
            Self::List => "list",
        }
    }
}

/// A handshake protocol, and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// An event that validates a subscription
    /// (learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema).
    EventGrid {
        /// The only subscription whose handshake is answered; any if absent.
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

/// Who asks for Event Grid, where the route does not say otherwise.
pub const EVENT_GRID_ORIGIN: &str = "eventgrid.azure.net";

/// When the mails of a form go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Once the form was sent.
    Submitted,
    /// Once the visitor followed the link in the mail that asks for it.
    Confirmed,
}

impl Route {
    /// When a mail goes out. Where a form is to be confirmed, only the mail that asks for it goes out before.
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

    /// An origin that the route lists, for trying it; of a pattern, one that it covers.
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
    /// The settings that contain the secrets; any of them is accepted, so that one can be replaced.
    pub secrets: Vec<SettingName>,
}

/// One message a route may send.
#[derive(Debug)]
pub struct Mail {
    /// Distinguishes the mail from others of the route.
    pub name: String,
    /// What it says.
    pub template: Template,
    /// Who sends it.
    pub sender: Sender,
    /// What it is for.
    pub purpose: Purpose,
    /// Who gets it.
    pub to: Recipients,
    /// Where an answer goes.
    pub reply_to: Option<ReplyTo>,
    /// Whether it carries the form's files.
    pub attachments: bool,
    /// The condition under which it is sent; always if absent.
    pub when: Option<Schema>,
    /// Where the policy defines the mail.
    pub place: Place,
}

/// Who gets a mail.
#[derive(Debug)]
pub enum Recipients {
    /// Addresses the policy names.
    Fixed(Vec<Address>),
    /// The one address that the payload contains.
    Field {
        /// A JSON Pointer to it.
        pointer: String,
        /// The domains it may have, in lower case; any if empty.
        allow: Vec<String>,
    },
}

/// Where an answer to a mail goes.
#[derive(Debug)]
pub struct ReplyTo {
    /// A JSON Pointer to the address.
    pub address: String,
    /// A JSON Pointer to the person's name.
    pub name: Option<String>,
}
