//! A mail as the queue holds it: a head of JSON, a line's end, and the very bytes that ACS gets; all of it in base64,
//! which XML can hold and Azure's own tools decode.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::MAX_MESSAGE_BYTES;

/// The form of letters that this version writes and reads.
pub const FORM: u8 = 1;

/// What a letter is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORM`]
    pub postern: u8,
    /// The operation id, under which alone the mail may be sent.
    pub operation: Uuid,
    /// The route's name.
    pub route: String,
    /// The mail's name.
    pub mail: String,
    /// The sha256 of the policy that it was written by.
    pub policy_sha256: String,
    /// When it came here, in RFC 3339.
    pub queued_at: String,
    /// Whether ACS may have taken it already.
    pub in_doubt: bool,
    /// The W3C trace that it belongs to.
    pub traceparent: String,
    /// The blob that holds the body, where the queue cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// Why it was set aside, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
}

/// A mail as the queue holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub head: Head,
    /// The bytes that ACS gets; empty where a blob has them.
    pub body: Bytes,
}

/// A text of the queue is no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// It was not written by Postern.
    #[error("no mail of Postern")]
    Foreign,
    /// It was written by another version.
    #[error("written in form {0}, and only form {FORM} is known here")]
    Form(u8),
}

impl Letter {
    /// The text of a message of the queue; `None` where it would be larger than a queue takes.
    pub fn encode(&self) -> Option<String> {
        // Plain texts and ids are things that JSON can hold, so the default is never taken.
        let head = serde_json::to_vec(&self.head).unwrap_or_default();
        let size = head.len() + 1 + self.body.len();
        (size.div_ceil(3) * 4 <= MAX_MESSAGE_BYTES).then(|| {
            let mut letter = head;
            letter.push(b'\n');
            letter.extend_from_slice(&self.body);
            STANDARD.encode(letter)
        })
    }

    /// Reads the text of a message of the queue.
    ///
    /// # Errors
    /// When it is none that [`Letter::encode`] writes.
    pub fn decode(text: &str) -> Result<Self, LetterError> {
        #[derive(Deserialize)]
        struct Form {
            postern: u8,
        }
        let letter = STANDARD.decode(text.trim()).map_err(|_| LetterError::Foreign)?;
        let end = letter.iter().position(|byte| *byte == b'\n').ok_or(LetterError::Foreign)?;
        let (head, body) = letter.split_at(end);
        let form: Form = serde_json::from_slice(head).map_err(|_| LetterError::Foreign)?;
        if form.postern != FORM {
            return Err(LetterError::Form(form.postern));
        }
        let head = serde_json::from_slice(head).map_err(|_| LetterError::Foreign)?;
        Ok(Self { head, body: Bytes::copy_from_slice(body.get(1..).unwrap_or_default()) })
    }
}
