//! The wire types of a send request, strict, and a message as the emulator keeps it.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::body::{maybe_objects, object, objects};
use crate::operation::{Delivery, Operation};
use crate::version::ApiVersion;

/// A mail as sent to `/emails:send`. Unknown properties are refused at every level.
///
/// Source: `EmailMessage` of the REST description 2025-09-01.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Email {
    /// The From address, bare.
    pub sender_address: String,
    /// Subject and bodies.
    #[serde(deserialize_with = "object")]
    pub content: Content,
    /// Who gets it.
    #[serde(deserialize_with = "object")]
    pub recipients: Recipients,
    /// Files that go with it.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
    /// Where replies go.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Vec<Address>>,
    /// Extra mail headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Switches tracking off for this mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_engagement_tracking_disabled: Option<bool>,
}

/// Subject and bodies; at least one body is needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// The subject line.
    pub subject: String,
    /// The text body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain_text: Option<String>,
    /// The HTML body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// The three lists. `to` must be there, but may be empty when another list is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// Open recipients.
    #[serde(deserialize_with = "objects")]
    pub to: Vec<Address>,
    /// Recipients of a copy.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub cc: Option<Vec<Address>>,
    /// Recipients of a hidden copy.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub bcc: Option<Vec<Address>>,
}

impl Recipients {
    /// The lists with their names, in the order of the documentation.
    pub(crate) fn lists(&self) -> [(&'static str, &[Address]); 3] {
        [
            ("to", self.to.as_slice()),
            ("cc", self.cc.as_deref().unwrap_or_default()),
            ("bcc", self.bcc.as_deref().unwrap_or_default()),
        ]
    }

    /// Everybody who gets the mail.
    pub fn all(&self) -> impl Iterator<Item = &Address> {
        self.lists().into_iter().flat_map(|(_, list)| list)
    }
}

/// A mail address with an optional name to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// The bare address.
    pub address: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A file that goes with the mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// The file name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes in standard base64.
    pub content_in_base64: String,
    /// The name by which the HTML body shows it: `cid:<contentId>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
}

/// A mail that the emulator accepted.
#[derive(Clone, Debug)]
pub struct Message {
    /// The operation's id, which is also the message's id in delivery events.
    pub id: Uuid,
    /// When it was accepted.
    pub received_at: SystemTime,
    /// The version it was sent with.
    pub api_version: ApiVersion,
    /// The mail itself. Attachments that were dropped on request are not in it.
    pub email: Email,
    /// The mail's Message-ID: the sender's own if it is well formed, else one made here.
    pub internet_message_id: String,
    /// The send operation, which changes with time.
    pub operation: Operation,
    /// What becomes of the mail for each recipient, known once the operation has ended.
    pub deliveries: Vec<Delivery>,
    /// The request as received.
    pub request: RawRequest,
    pub(crate) haystack: Haystack,
}

/// What is searched in a message, in lower case: made when somebody first searches, and kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Haystack(OnceLock<String>);

impl Message {
    /// Whether every word stands somewhere in subject, addresses or bodies, or begins the id. They are in lower case.
    pub(crate) fn speaks_of(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let text = self.haystack.0.get_or_init(|| self.texts().collect::<Vec<_>>().join("\n").to_lowercase());
        let id = self.id.to_string();
        words.iter().all(|word| text.contains(word.as_str()) || id.starts_with(word.as_str()))
    }

    /// What is searched.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let Email { content, recipients, sender_address, .. } = &self.email;
        let people = recipients.all().flat_map(|to| [Some(to.address.as_str()), to.display_name.as_deref()]);
        let bodies = [content.plain_text.as_deref(), content.html.as_deref()];
        [content.subject.as_str(), sender_address].into_iter().chain(people.chain(bodies).flatten())
    }
}

/// A request as it came over the wire, without its `Authorization` header.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The method.
    pub method: String,
    /// Path and query as on the request line.
    pub target: String,
    /// Headers in the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Bytes,
}
