//! `postern.toml` as it is written: names and texts with their places, not yet resolved.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, IntoDeserializer as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::policy::rule::Terms;
use crate::policy::{Diagnostic, Envelope, Kind, OneOrMany, POLICY_FILE, Place, Purpose};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// From addresses, by name.
    #[serde(default)]
    pub senders: BTreeMap<Spanned<String>, SenderTable>,
    /// Forms and webhooks, by name.
    #[serde(default)]
    pub routes: BTreeMap<Spanned<String>, RouteTable>,
    /// Who may make status requests; if absent, nobody.
    pub operations: Option<OperationsTable>,
    /// Where the gate stores mails that it could not deliver in time.
    pub overflow: Option<OverflowTable>,
}

/// `[overflow]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverflowTable {
    /// The address of a queue of Azure Storage.
    pub queue: Spanned<String>,
    /// The address of a container for mails that are too large for the queue; by default, the one with the queue's
    /// name.
    pub container: Option<Spanned<String>>,
}

/// `[senders.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderTable {
    /// The From address, which ACS must know as a sender username of a linked domain.
    pub address: Spanned<String>,
    /// Who is responsible for what this sender sends.
    pub owner: Spanned<String>,
}

/// `[operations]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationsTable {
    /// How callers authenticate.
    pub auth: Spanned<AuthTable>,
}

/// `[routes.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The path that callers post to.
    pub path: Spanned<String>,
    /// Who calls: people's browsers, or systems that authenticate.
    pub kind: Spanned<Kind>,
    /// The schema's name: `schemas/NAME.json`.
    pub schema: Spanned<String>,
    /// How callers of an event route authenticate.
    pub auth: Option<Spanned<AuthTable>>,
    /// How the callers of an event route react to answers: a name from [`crate::contract::CONTRACTS`].
    pub contract: Option<Spanned<String>>,
    /// The envelope of an event route's events.
    pub envelope: Option<Spanned<Envelope>>,
    /// The sender's handshake, with which it asks whether its events are wanted.
    pub handshake: Option<Spanned<HandshakeTable>>,
    /// The sites whose pages may post to a form route.
    pub origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where a browser goes after its form was accepted.
    pub thanks: Option<Spanned<String>>,
    /// Options for visitors and guards; only for forms.
    pub form: Option<Spanned<FormTable>>,
    /// The most bytes of a body.
    pub body_limit: Option<Spanned<u64>>,
    /// The most seconds the gate may take for a request.
    pub time_budget: Option<Spanned<u64>>,
    /// For how many seconds the same content is the same event.
    pub duplicate_window: Option<Spanned<u64>>,
    /// The mails that the route may send.
    #[serde(default)]
    pub mails: Vec<Spanned<MailTable>>,
}

/// `[routes.NAME.form]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormTable {
    /// Whether to accept a request with neither `Origin` nor `Referer`.
    #[serde(default)]
    pub allow_missing_origin: bool,
    /// Where a browser goes if something is wrong.
    pub error_redirect: Option<Spanned<String>>,
    /// Names from [`crate::policy::CONVENTIONS`].
    pub conventions: Option<Vec<Spanned<String>>>,
    /// The name of the honeypot, a field that people do not see.
    pub honeypot: Option<Spanned<String>>,
    /// A form token: how long a page must and may have been open.
    pub token: Option<TokenTable>,
    /// A proof of work that a browser must compute.
    pub proof_of_work: Option<ProofTable>,
    /// A third-party captcha.
    pub captcha: Option<CaptchaTable>,
    /// A link by which the visitor confirms the form.
    pub confirmation: Option<Spanned<ConfirmationTable>>,
    /// The files that the form accepts.
    pub attachments: Option<Spanned<AttachmentsTable>>,
}

/// `confirmation = { key = …, max_seconds = …, thanks = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationTable {
    /// The setting that contains the key.
    pub key: Spanned<String>,
    /// How long a link is valid at least, in seconds.
    pub max_seconds: Option<Spanned<u64>>,
    /// Where a browser goes after the visitor confirmed the form.
    pub thanks: Option<Spanned<String>>,
}

/// `attachments = { types = […], max_count = …, max_bytes = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentsTable {
    /// Names from [`crate::policy::FILE_TYPES`].
    pub types: Vec<Spanned<String>>,
    /// The most files.
    pub max_count: Option<Spanned<usize>>,
    /// The most bytes of all files together.
    pub max_bytes: Option<Spanned<usize>>,
}

/// `token = { key = …, min_seconds = …, max_seconds = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTable {
    /// The setting that contains the key.
    pub key: Spanned<String>,
    /// The least time in seconds.
    pub min_seconds: Option<u64>,
    /// The most time in seconds.
    pub max_seconds: Option<Spanned<u64>>,
}

/// `proof_of_work = { key = …, max_number = …, max_seconds = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofTable {
    /// The setting that contains the key.
    pub key: Spanned<String>,
    /// The most numbers that a browser must try.
    pub max_number: Option<Spanned<u32>>,
    /// How long a challenge is valid, in seconds.
    pub max_seconds: Option<Spanned<u64>>,
}

/// `captcha = { service = …, secret = …, … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptchaTable {
    /// A name from [`crate::policy::SERVICES`].
    pub service: Spanned<String>,
    /// The setting that contains the service's secret.
    pub secret: Spanned<String>,
    /// The sites on which the captcha may have been solved; by default, those of `origins`.
    pub hostnames: Option<Vec<String>>,
    /// The action for which the captcha must have been solved.
    pub action: Option<Spanned<String>>,
    /// The minimum score.
    pub min_score: Option<Spanned<f64>>,
    /// What happens to forms while the service is down.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What happens to a form if a guard cannot decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The gate refuses it.
    #[default]
    Refuse,
    /// The gate accepts it.
    Admit,
}

/// `auth = { scheme = …, secret = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthTable {
    /// A name from [`crate::policy::scheme::names`].
    pub scheme: Spanned<String>,
    /// The setting that contains the secret, or several settings during a rotation.
    pub secret: Option<Spanned<OneOrMany>>,
    /// `hmac`: what is signed and how.
    pub rule: Option<Spanned<Terms>>,
    /// Schemes that sign a timestamp: how many seconds it may be off.
    pub tolerance: Option<Spanned<u64>>,
    /// `twilio`: the URL that Twilio calls.
    pub url: Option<Spanned<String>>,
    /// `event-grid`: the header that contains the secret.
    pub header: Option<Spanned<String>>,
    /// `event-grid`: the query parameter that contains the secret.
    pub query: Option<Spanned<String>>,
    /// `entra`: the tenant's id.
    pub tenant: Option<Spanned<String>>,
    /// `entra`: the audience of the tokens.
    pub audience: Option<Spanned<String>>,
    /// `entra`: the ids of the applications that may call.
    pub apps: Option<Spanned<OneOrMany>>,
}

/// `handshake = "…"` or `handshake = { protocol = "…", … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct HandshakeTable {
    /// The protocol.
    pub protocol: Protocol,
    /// `event-grid`: the only subscription whose handshake the gate answers.
    pub subscription: Option<String>,
    /// `cloudevents`: the only origin that may send.
    pub origin: Option<String>,
}

/// A handshake protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// An event that validates a subscription.
    EventGrid,
    /// An OPTIONS request.
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// An event with a challenge.
    Slack,
}

/// `[[routes.NAME.mails]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTable {
    /// Distinguishes the mail from the route's other mails; by default, the template's name.
    pub name: Option<Spanned<String>>,
    /// The template's name: `templates/NAME/`.
    pub template: Spanned<String>,
    /// The sender's name.
    pub sender: Spanned<String>,
    /// What the mail is for.
    pub purpose: Spanned<Purpose>,
    /// The recipients.
    pub to: Spanned<To>,
    /// Where replies go.
    pub reply_to: Option<Spanned<ReplyToTable>>,
    /// Whether the form's files are attached.
    #[serde(default)]
    pub attachments: bool,
    /// The condition, a JSON Schema, under which the mail is sent.
    pub when: Option<Spanned<serde_json::Value>>,
}

/// `to = […]` or `to = { field = … }`
#[derive(Debug)]
pub enum To {
    /// Addresses the policy names.
    Fixed(Vec<Spanned<String>>),
    /// One address that the payload contains.
    Field(FieldTable),
}

/// `to = { field = …, allow = […] }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldTable {
    /// A JSON Pointer to the address.
    pub field: Spanned<String>,
    /// The domains the address may have; any if absent.
    pub allow: Option<Vec<Spanned<String>>>,
}

/// `reply_to = { field = …, name = … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyToTable {
    /// A JSON Pointer to the address.
    pub field: Spanned<String>,
    /// A JSON Pointer to the person's name.
    pub name: Option<Spanned<String>>,
}

impl Document {
    /// Reads the text of `postern.toml`.
    ///
    /// # Errors
    /// One finding with its place, for the first syntax error, unknown key or wrong type.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(Place::File, Place::Span);
            let message = format!("{}.", error.message().trim_end_matches('.'));
            Diagnostic::error(POLICY_FILE, place, message, "docs/policy.md lists every key and its values.")
        })
    }
}

impl<'de> Deserialize<'de> for HandshakeTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = HandshakeTable;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("event-grid, cloudevents or slack, or a table with `protocol`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<HandshakeTable, E> {
                let protocol = Protocol::deserialize(name.into_deserializer())?;
                Ok(HandshakeTable { protocol, subscription: None, origin: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<HandshakeTable, A::Error> {
                HandshakeTable::deserialize(MapAccessDeserializer::new(table))
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

impl<'de> Deserialize<'de> for To {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Recipients;
        impl<'de> Visitor<'de> for Recipients {
            type Value = To;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list of addresses, or a table such as { field = \"/email\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<To, A::Error> {
                let mut addresses = Vec::new();
                while let Some(address) = list.next_element()? {
                    addresses.push(address);
                }
                Ok(To::Fixed(addresses))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<To, A::Error> {
                FieldTable::deserialize(MapAccessDeserializer::new(table)).map(To::Field)
            }
        }
        deserializer.deserialize_any(Recipients)
    }
}
