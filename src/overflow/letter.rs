//! A mail as the queue holds it: a head of JSON, a line's end, and the very bytes that ACS gets; all of it in base64,
//! which XML can hold and Azure's own tools decode.
//!
//! Anyone who can write to the queue can write any letter, so what a [`Letter`] says is only a claim. [`Letter::open`]
//! makes an [`Authentic`] of one that the gate signed, and only that may be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Key, MAX_MESSAGE_BYTES};

/// The form of letters that this version writes and reads.
pub const FORM: u8 = 2;

/// What a letter is about.
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
    /// The sha256 of the policy that it was written by.
    pub policy_sha256: String,
    /// When it came here, in RFC 3339.
    pub queued_at: String,
    /// Whether ACS may have accepted it already.
    pub in_doubt: bool,
    /// The W3C trace that it belongs to.
    pub traceparent: String,
    /// The blob that holds the body, where the queue cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// HMAC-SHA256 of all members above and of the body, by the gate's key, in hexadecimal.
    pub mac: String,
    /// Why it was set aside, where it was. It is not signed: moving a letter aside does not make it more trustworthy.
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

/// A letter that the gate wrote, with its whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    head: Head,
    body: Bytes,
}

/// Why a text of the queue is not to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// It was not written by Postern.
    #[error("not a mail queued by Postern")]
    Foreign,
    /// It was written by another version.
    #[error("in format {0}, but this version of Postern reads only format {FORM}")]
    Form(u8),
    /// It names a blob that is not its own.
    #[error("its blob's name is not one that the gate chooses")]
    Blob,
    /// It is not signed with a key of the gate.
    #[error("it is not signed with overflow_key or overflow_previous_key")]
    Forged,
}

/// The name of the blob for the body of one message about an operation: `{operation}-{32 hexadecimal digits}`.
pub(super) fn blob_name(operation: Uuid, random: u128) -> String {
    format!("{operation}-{random:032x}")
}

impl Head {
    /// The bytes that are signed: this head without its signature, and without what is said of it later.
    fn signed(&self) -> Vec<u8> {
        let unsigned = Self { mac: String::new(), set_aside: None, ..self.clone() };
        // Plain texts and ids always fit into JSON, so the default is never used.
        serde_json::to_vec(&unsigned).unwrap_or_default()
    }
}

impl Authentic {
    /// What it is about.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The bytes that ACS gets.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl Letter {
    /// Signs it. Where a blob will hold the body, the letter has it until then.
    #[must_use]
    pub fn sealed(self, key: &Key) -> Self {
        let mac = key.sign(&self.head.signed(), &self.body);
        Self { head: Head { mac, ..self.head }, body: self.body }
    }

    /// The letter with its body, which is its own or its blob's, if one of these keys signed both.
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

    /// The blob that has its body, if one has.
    ///
    /// # Errors
    /// [`LetterError::Blob`] where the name is not of the form that [`blob_name`] gives: it may be anyone's file, or
    /// nothing that an address can hold.
    pub fn blob(&self) -> Result<Option<&str>, LetterError> {
        let Some(name) = self.head.blob.as_deref() else { return Ok(None) };
        let random = name.strip_prefix(&format!("{}-", self.head.operation));
        let random = random.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        // Written again, so that no other spelling of the number passes.
        let own = random.is_some_and(|random| blob_name(self.head.operation, random) == name);
        if own { Ok(Some(name)) } else { Err(LetterError::Blob) }
    }

    /// The text of a message of the queue; `None` where it would be larger than a queue takes.
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

    /// Reads the text of a message of the queue.
    ///
    /// # Errors
    /// If it is not in the format that [`Letter::encode`] writes. Who wrote it is not checked here.
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
