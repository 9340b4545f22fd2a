//! A mail in the emulator's store.

use std::sync::OnceLock;
use std::time::SystemTime;

use bytes::Bytes;
use uuid::Uuid;

use crate::acs::email::Email;
use crate::acs::operation::{Delivery, Operation};
use crate::acs::version::ApiVersion;

/// A mail that the emulator accepted.
#[derive(Clone, Debug)]
pub struct Message {
    /// The operation's id, which is also the message's id in delivery events.
    pub id: Uuid,
    /// When it was accepted.
    pub received_at: SystemTime,
    /// The api-version of the request.
    pub api_version: ApiVersion,
    /// The mail itself, without attachments that were dropped on request.
    pub email: Email,
    /// The mail's Message-ID: the sender's own if it is well-formed, otherwise a generated one.
    pub internet_message_id: String,
    /// The send operation, which changes with time.
    pub operation: Operation,
    /// What becomes of the mail for each recipient, from the end of the operation on.
    pub deliveries: Vec<Delivery>,
    /// The request as received.
    pub request: RawRequest,
    pub(crate) search_text: SearchText,
}

/// The searchable text of a message, in lower case: built at the first search, then kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchText(OnceLock<String>);

impl Message {
    /// Whether every word, in lower case, occurs in the subject, addresses or bodies, or starts the id.
    pub(crate) fn contains_words(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let text = self.search_text.0.get_or_init(|| self.texts().collect::<Vec<_>>().join("\n").to_lowercase());
        let id = self.id.to_string();
        words.iter().all(|word| text.contains(word.as_str()) || id.starts_with(word.as_str()))
    }

    /// The text to search.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let Email { content, recipients, sender_address, .. } = &self.email;
        let people = recipients.all().flat_map(|to| [Some(to.address.as_str()), to.display_name.as_deref()]);
        let bodies = [content.plain_text.as_deref(), content.html.as_deref()];
        [content.subject.as_str(), sender_address].into_iter().chain(people.chain(bodies).flatten())
    }
}

/// A request as received, without its `Authorization` header.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The method.
    pub method: String,
    /// Path and query as in the request line.
    pub target: String,
    /// Headers in the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Bytes,
}
