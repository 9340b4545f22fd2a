//! A mail in the overflow queue: a JSON header, a line feed, and the exact bytes for ACS; all of it in base64, which
//! XML can contain and Azure's own tools decode.
//!
//! Anyone who can write to the queue can write any letter, so the content of a [`Letter`] is only a claim.
//! [`Letter::open`] turns one that the gate signed into an [`Authentic`], and only an `Authentic` may be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Key, MAX_MESSAGE_BYTES};

/// The version of the format that this version of Postern writes and reads.
pub const FORM: u8 = 2;

/// The header of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORM`]
    pub postern: u8,
    /// The only operation id under which the mail may be sent.
    pub operation: Uuid,
    /// The route's name.
    pub route: String,
    /// The mail's name.
    pub mail: String,
    /// The sha256 of the policy that the gate had when it queued the mail.
    pub policy_sha256: String,
    /// When the gate queued it, in RFC 3339.
    pub queued_at: String,
    /// Whether ACS may already have accepted it.
    pub in_doubt: bool,
    /// The W3C trace that it belongs to.
    pub traceparent: String,
    /// The blob that contains the body, if the message cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// HMAC-SHA256 of all members above and of the body, with the gate's key, in hexadecimal.
    pub mac: String,
    /// Why it was moved to the poison queue, if it was. It is not signed: a moved letter is no more trustworthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
}

/// A mail as the queue holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its header.
    pub head: Head,
    /// The bytes for ACS; empty if a blob contains them.
    pub body: Bytes,
}

/// A letter that the gate wrote, with its whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    head: Head,
    body: Bytes,
}

/// Why a message of the queue must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// Postern did not write it.
    #[error("not a mail queued by Postern")]
    Foreign,
    /// Another version of Postern wrote it.
    #[error("in format {0}, but this version of Postern reads only format {FORM}")]
    Form(u8),
    /// It names a blob that the gate would not choose.
    #[error("its blob's name is not one that the gate chooses")]
    Blob,
    /// None of the gate's keys signed it.
    #[error("it is not signed with overflow_key or overflow_previous_key")]
    Forged,
}

/// The name of the blob for the body of one message about an operation: `{operation}-{32 hexadecimal digits}`.
pub(super) fn blob_name(operation: Uuid, random: u128) -> String {
    format!("{operation}-{random:032x}")
}

impl Head {
    /// The bytes that are signed: this header without its signature and without what was added later.
    fn signed(&self) -> Vec<u8> {
        let unsigned = Self { mac: String::new(), set_aside: None, ..self.clone() };
        // Plain texts and ids always fit into JSON, so the default is never used.
        serde_json::to_vec(&unsigned).unwrap_or_default()
    }
}

impl Authentic {
    /// Its header.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The bytes for ACS.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl Letter {
    /// Signs a letter. If a blob will contain the body, the letter contains it until then.
    #[must_use]
    pub fn sealed(self, key: &Key) -> Self {
        let mac = key.sign(&self.head.signed(), &self.body);
        Self { head: Head { mac, ..self.head }, body: self.body }
    }

    /// The letter with its body, from the letter or from its blob, if one of these keys signed both.
    ///
    /// # Errors
    /// [`LetterError::Forged`] otherwise.
    pub fn open(&self, keys: &[Key], body: Bytes) -> Result<Authentic, LetterError> {
        let signed = self.head.signed();
        if keys.iter().any(|key| key.signed(&signed, &body, &self.head.mac)) {
            Ok(Authentic { head: self.head.clone(), body })
        } else {
            Err(LetterError::Forged)
        }
    }

    /// The blob that contains its body, if it has one.
    ///
    /// # Errors
    /// [`LetterError::Blob`] if the name does not have the format of [`blob_name`]: it could name somebody else's file,
    /// or be no valid part of an address.
    pub fn blob(&self) -> Result<Option<&str>, LetterError> {
        let Some(name) = self.head.blob.as_deref() else { return Ok(None) };
        let random = name.strip_prefix(&format!("{}-", self.head.operation));
        let random = random.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        // Formatted again, so that only one spelling of the number is valid.
        let own = random.is_some_and(|random| blob_name(self.head.operation, random) == name);
        if own { Ok(Some(name)) } else { Err(LetterError::Blob) }
    }

    /// The text of a queue message; `None` if it would be larger than the queue allows.
    pub fn encode(&self) -> Option<String> {
        // Plain texts and ids always fit into JSON, so the default is never used.
        let head = serde_json::to_vec(&self.head).unwrap_or_default();
        let size = head.len() + 1 + self.body.len();
        (size.div_ceil(3) * 4 <= MAX_MESSAGE_BYTES).then(|| {
            let mut letter = head;
            letter.push(b'\n');
            letter.extend_from_slice(&self.body);
            STANDARD.encode(letter)
        })
    }

    /// Reads the text of a queue message.
    ///
    /// # Errors
    /// If it does not have the format that [`Letter::encode`] writes. This does not check who wrote it.
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
