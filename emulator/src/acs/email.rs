//! The JSON of a mail as `POST /emails:send` takes it, strict.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::acs::body::{maybe_objects, object, objects};

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

/// The three lists. `to` must be there, but may be empty if another list is not.
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
