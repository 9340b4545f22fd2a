//! Who is calling: the only door from a request's bytes to anything that reads them.

pub mod hmac;
mod scheme;

use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::policy::Route;

pub use hmac::Refusal;
pub use scheme::{Encoding, Part, SCHEMES, Scheme, SecretForm, Timestamp};

/// The most secrets a route may accept at a time: the current one, the next one and some room.
pub const MAX_SECRETS: usize = 4;

/// The header by which a form's script names a submission, so that a repeat is known as one
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest event id that is taken as given; senders use UUIDs and the like.
pub const MAX_EVENT_ID_BYTES: usize = 256;

/// The scheme of that name.
pub fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

/// The names of all schemes, for messages.
pub fn names() -> String {
    SCHEMES.iter().map(|scheme| scheme.name).collect::<Vec<_>>().join(", ")
}

/// A body whose caller is known. Only [`authenticate`] makes one, and only it gives the bytes to the next step.
#[derive(Debug)]
pub struct Verified {
    body: Bytes,
    caller: Caller,
}

/// What is known of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The scheme by which it proved itself; `form` for a browser, which proves nothing.
    pub scheme: &'static str,
    /// What tells this event from others of the same caller, and is the same when it is sent again.
    pub event_id: String,
}

/// The scheme's name in audit lines for routes that anybody may post to.
pub const FORM: &str = "form";

impl Verified {
    /// Who sent it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The bytes and who sent them.
    pub fn into_parts(self) -> (Bytes, Caller) {
        (self.body, self.caller)
    }
}

/// Checks a caller by its route's scheme. `secrets` are the values of the route's settings; `now` is the host's clock.
///
/// # Errors
/// The exact reason, for the audit line alone: an answer that tells a forger what was wrong helps the forger.
pub fn authenticate(
    route: &Route,
    headers: &HeaderMap,
    body: Bytes,
    secrets: &[String],
    now: SystemTime,
) -> Result<Verified, Refusal> {
    let caller = match &route.auth {
        None => Caller { scheme: FORM, event_id: submission_id(headers, &body) },
        Some(auth) => {
            let event_id = hmac::verify(auth.scheme, headers, &body, secrets, now)?;
            Caller { scheme: auth.scheme.name, event_id: event_id.unwrap_or_else(|| hash(&[&body])) }
        }
    };
    Ok(Verified { body, caller })
}

/// A form's caller is a stranger, so a key alone must not let one visitor's submission pass for another's.
fn submission_id(headers: &HeaderMap, body: &Bytes) -> String {
    hash(&[headers.get(IDEMPOTENCY_KEY).map_or(&[], http::HeaderValue::as_bytes), body])
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("sha256:{}", base16ct::lower::encode_string(&hash.finalize()))
}
