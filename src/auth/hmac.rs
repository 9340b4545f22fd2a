//! Verification and making of HMAC signatures by a [`Scheme`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;

use super::MAX_EVENT_ID_BYTES;
use super::scheme::{Encoding, Part, Scheme, SecretForm};

/// The most signatures that are tried: a sender in the middle of a rotation sends two or three.
const MAX_SIGNATURES: usize = 8;

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the scheme needs is absent.
    #[error("missing-header:{0}")]
    MissingHeader(&'static str),
    /// A header that the scheme needs is there more than once, or is not of the scheme's form.
    #[error("malformed-header:{0}")]
    MalformedHeader(&'static str),
    /// The event was signed too long ago.
    #[error("timestamp-too-old")]
    TooOld,
    /// The event claims to be signed in the future.
    #[error("timestamp-in-future")]
    InFuture,
    /// No signature was made with a secret of the route.
    #[error("wrong-signature")]
    WrongSignature,
    /// A secret of the route is not written as the scheme demands.
    #[error("unusable-secret")]
    UnusableSecret,
}

/// Checks a request; gives the event's id where the scheme has one.
pub(super) fn verify(
    scheme: &Scheme,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[String],
    now: SystemTime,
) -> Result<Option<String>, Refusal> {
    let id = scheme.id_header.map(|name| event_id(headers, name, scheme)).transpose()?;
    let timestamp = match &scheme.timestamp {
        None => "",
        Some(timestamp) => {
            let text = header(headers, timestamp.header)?;
            let seconds = unix_seconds(text).ok_or(Refusal::MalformedHeader(timestamp.header))?;
            fresh(seconds, timestamp.tolerance, now)?;
            text
        }
    };
    let signatures = signatures(scheme, headers)?;
    let signed = Signed { scheme, id: id.as_deref().unwrap_or_default(), timestamp, body };
    for secret in secrets {
        let mac = signed.mac(secret).ok_or(Refusal::UnusableSecret)?;
        if signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()) {
            return Ok(id);
        }
    }
    Err(Refusal::WrongSignature)
}

/// The headers by which a request with this body proves itself: what a sender would send.
///
/// `None` when the secret is not written as the scheme demands.
pub fn sign(
    scheme: &Scheme,
    secret: &str,
    id: &str,
    now: SystemTime,
    body: &[u8],
) -> Option<Vec<(&'static str, String)>> {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let timestamp = if scheme.timestamp.is_some() { seconds.as_str() } else { "" };
    let mac = Signed { scheme, id, timestamp, body }.mac(secret)?.finalize().into_bytes();
    let written = match scheme.encoding {
        Encoding::Hex => base16ct::lower::encode_string(&mac),
        Encoding::Base64 => STANDARD.encode(mac),
    };
    let mut headers = vec![(scheme.signature_header, format!("{}{written}", scheme.prefix))];
    headers.extend(scheme.id_header.map(|name| (name, id.to_owned())));
    headers.extend(scheme.timestamp.as_ref().map(|source| (source.header, timestamp.to_owned())));
    Some(headers)
}

/// Whether a setting's value can be a secret of the scheme.
pub fn usable_secret(scheme: &Scheme, secret: &str) -> bool {
    key(scheme.secret, secret).is_some()
}

struct Signed<'a> {
    scheme: &'a Scheme,
    id: &'a str,
    timestamp: &'a str,
    body: &'a [u8],
}

impl Signed<'_> {
    fn mac(&self, secret: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key(self.scheme.secret, secret)?).ok()?;
        for part in self.scheme.signed {
            match part {
                Part::Id => mac.update(self.id.as_bytes()),
                Part::Timestamp => mac.update(self.timestamp.as_bytes()),
                Part::Text(text) => mac.update(text.as_bytes()),
                Part::Body => mac.update(self.body),
            }
        }
        Some(mac)
    }
}

fn key(form: SecretForm, secret: &str) -> Option<Vec<u8>> {
    let key = match form {
        SecretForm::Text => secret.as_bytes().to_vec(),
        SecretForm::Base64 { prefix } => {
            STANDARD.decode(secret.strip_prefix(prefix).unwrap_or(secret).as_bytes()).ok()?
        }
    };
    (!key.is_empty()).then_some(key)
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::MissingHeader(name))?;
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(text),
        _ => Err(Refusal::MalformedHeader(name)),
    }
}

/// An id with a `.` in it could move the boundaries of the signed string, so schemes that sign one refuse it.
fn event_id(headers: &HeaderMap, name: &'static str, scheme: &Scheme) -> Result<String, Refusal> {
    let id = header(headers, name)?;
    let ambiguous = scheme.signed.contains(&Part::Id) && id.contains('.');
    let plain = !id.is_empty() && id.len() <= MAX_EVENT_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && !ambiguous { Ok(id.to_owned()) } else { Err(Refusal::MalformedHeader(name)) }
}

fn unix_seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn fresh(seconds: u64, tolerance: Duration, now: SystemTime) -> Result<(), Refusal> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if seconds.saturating_add(tolerance.as_secs()) < now {
        Err(Refusal::TooOld)
    } else if seconds > now.saturating_add(tolerance.as_secs()) {
        Err(Refusal::InFuture)
    } else {
        Ok(())
    }
}

fn signatures(scheme: &Scheme, headers: &HeaderMap) -> Result<Vec<Vec<u8>>, Refusal> {
    let text = header(headers, scheme.signature_header)?;
    let parts: Vec<&str> = match scheme.separator {
        None => vec![text],
        Some(separator) => text.split(separator).collect(),
    };
    let signatures: Vec<_> = parts
        .into_iter()
        .filter_map(|part| decode(scheme.encoding, part.strip_prefix(scheme.prefix)?))
        .take(MAX_SIGNATURES)
        .collect();
    if signatures.is_empty() { Err(Refusal::MalformedHeader(scheme.signature_header)) } else { Ok(signatures) }
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => base16ct::mixed::decode_vec(text).ok(),
    }
}
