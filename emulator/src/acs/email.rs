//! The JSON of a mail as `POST /emails:send` accepts it, parsed strictly.

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
    /// The recipients.
    #[serde(deserialize_with = "object")]
    pub recipients: Recipients,
    /// The attachments.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
    /// Where replies go.
    #[serde(default, deserialize_with = "maybe_objects", skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Vec<Address>>,
    /// Extra mail headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Disables tracking for this mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_engagement_tracking_disabled: Option<bool>,
}

/// Subject and bodies; at least one body is required.
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

/// The three lists. `to` is required, but may be empty if another list is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// Recipients that everyone sees.
    #[serde(deserialize_with = "objects")]
    pub to: Vec<Address>,
    /// Recipients of a copy, whom everyone sees.
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

    /// All recipients of the mail.
    pub fn all(&self) -> impl Iterator<Item = &Address> {
        self.lists().into_iter().flat_map(|(_, list)| list)
    }
}

/// A mail address with an optional display name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// The bare address.
    pub address: String,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// The file name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes in standard base64.
    pub content_in_base64: String,
    /// The name by which the HTML body refers to it: `cid:<contentId>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
}
