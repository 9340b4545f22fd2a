//! Verifies and creates signatures by a [`Rule`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{MAX_EVENT_ID_BYTES, Refusal, ed25519};
use crate::policy::rule::{Encoding, Hash, KeyForm, Part, Rule, TimestampSource};

/// How many signatures the gate tries; a sender that is rotating its secret sends two or three.
const MAX_SIGNATURES: usize = 8;

/// The prefix of Standard Webhooks' secrets.
const SECRET_PREFIX: &str = "whsec_";

/// Checks a request: one of its signatures must match one of the secrets.
pub(super) fn verify(
    rule: &Rule,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[String],
    now: SystemTime,
) -> Result<(), Refusal> {
    let parts = parts(rule, headers)?;
    let id = rule.id.as_ref().map_or(Ok(""), |name| signed_id(rule, headers, name))?;
    let timestamp = match &rule.timestamp {
        None => "",
        Some(timestamp) => {
            let (text, name) = match &timestamp.source {
                TimestampSource::Header(name) => (header(headers, name)?, name),
                TimestampSource::Prefix(prefix) => (marked(rule, &parts, prefix)?, &rule.header),
            };
            check_time(text, name, timestamp.tolerance, now)?;
            text
        }
    };
    let signed = Signed { rule, id, timestamp, body };
    let macs = signatures(rule, &parts, &rule.prefix, rule.encoding);
    let ed25519 = rule.ed25519_prefix.as_deref();
    let ed25519 = ed25519.map_or(Vec::new(), |prefix| signatures(rule, &parts, prefix, Encoding::Base64));
    if macs.is_empty() && ed25519.is_empty() {
        return Err(Refusal::MalformedHeader(rule.header.clone()));
    }
    for secret in secrets {
        let good = match Key::read(rule, secret).ok_or(Refusal::UnusableSecret)? {
            Key::Shared(key) => {
                let mac = signed.mac(&key).ok_or(Refusal::UnusableSecret)?;
                macs.iter().any(|signature| mac.clone().verify(signature))
            }
            Key::Public(key) => {
                let message = signed.bytes();
                ed25519.iter().any(|signature| key.verifies(&message, signature))
            }
        };
        if good {
            return Ok(());
        }
    }
    Err(Refusal::WrongSignature)
}

/// The headers that authenticate a request with this body, as its sender would send them.
///
/// `None` if the secret does not have the format that the rule requires. A public key cannot sign; a private key can.
pub(super) fn sign(
    rule: &Rule,
    secret: &str,
    id: &str,
    now: SystemTime,
    body: &[u8],
) -> Option<Vec<(HeaderName, String)>> {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let timestamp = if rule.timestamp.is_some() { seconds.as_str() } else { "" };
    let signed = Signed { rule, id, timestamp, body };
    let signature = match (&rule.ed25519_prefix, ed25519::PrivateKey::read(secret)) {
        (Some(prefix), Some(key)) => format!("{prefix}{}", STANDARD.encode(key.sign(&signed.bytes()))),
        _ => match Key::read(rule, secret)? {
            Key::Shared(key) => format!("{}{}", rule.prefix, encode(rule.encoding, &signed.mac(&key)?.finish())),
            Key::Public(_) => return None,
        },
    };
    let mut headers = Vec::new();
    let mut value = signature;
    if let Some(source) = rule.timestamp.as_ref().map(|timestamp| &timestamp.source) {
        match source {
            TimestampSource::Header(name) => headers.push((name.clone(), timestamp.to_owned())),
            TimestampSource::Prefix(prefix) => {
                value = format!("{prefix}{timestamp}{}{value}", rule.separator.unwrap_or(','));
            }
        }
    }
    headers.insert(0, (rule.header.clone(), value));
    headers.extend(rule.id.as_ref().map(|name| (name.clone(), id.to_owned())));
    Some(headers)
}

/// Whether a setting's value can be a secret for the rule.
pub(super) fn usable(rule: &Rule, secret: &str) -> bool {
    Key::read(rule, secret).is_some()
}

enum Key {
    Shared(Vec<u8>),
    Public(ed25519::PublicKey),
}

impl Key {
    fn read(rule: &Rule, secret: &str) -> Option<Self> {
        if secret.starts_with(ed25519::PUBLIC_PREFIX) {
            // With a public key as the HMAC's key, anyone could sign.
            let public = rule.ed25519_prefix.as_ref().and_then(|_| ed25519::PublicKey::read(secret));
            return public.map(Self::Public);
        }
        let bytes = match rule.key {
            KeyForm::Text => secret.as_bytes().to_vec(),
            KeyForm::Base64 => STANDARD.decode(secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret)).ok()?,
        };
        (!bytes.is_empty()).then_some(Self::Shared(bytes))
    }
}

struct Signed<'a> {
    rule: &'a Rule,
    id: &'a str,
    timestamp: &'a str,
    body: &'a [u8],
}

impl Signed<'_> {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.rule.signed.iter().map(|part| match part {
            Part::Id => self.id.as_bytes(),
            Part::Timestamp => self.timestamp.as_bytes(),
            Part::Text(text) => text.as_bytes(),
            Part::Body => self.body,
        })
    }

    fn mac(&self, key: &[u8]) -> Option<Mac> {
        let mut mac = Mac::new(self.rule.hash, key)?;
        self.pieces().for_each(|piece| mac.update(piece));
        Some(mac)
    }

    fn bytes(&self) -> Vec<u8> {
        self.pieces().flatten().copied().collect()
    }
}

/// An HMAC with the hash that a rule names.
#[derive(Clone)]
pub(super) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Mac {
    pub(super) fn new(hash: Hash, key: &[u8]) -> Option<Self> {
        match hash {
            Hash::Sha1 => Hmac::new_from_slice(key).ok().map(Self::Sha1),
            Hash::Sha256 => Hmac::new_from_slice(key).ok().map(Self::Sha256),
            Hash::Sha512 => Hmac::new_from_slice(key).ok().map(Self::Sha512),
        }
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(piece),
            Self::Sha256(mac) => mac.update(piece),
            Self::Sha512(mac) => mac.update(piece),
        }
    }

    /// Compares in constant time.
    pub(super) fn verify(self, signature: &[u8]) -> bool {
        match self {
            Self::Sha1(mac) => mac.verify_slice(signature).is_ok(),
            Self::Sha256(mac) => mac.verify_slice(signature).is_ok(),
            Self::Sha512(mac) => mac.verify_slice(signature).is_ok(),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}

/// The value of a header that must occur exactly once.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::MissingHeader(name.clone()))?;
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(text),
        _ => Err(Refusal::MalformedHeader(name.clone())),
    }
}

/// Refuses a timestamp, in Unix seconds, that is too far from the gate's clock.
pub(super) fn check_time(text: &str, name: &HeaderName, tolerance: Duration, now: SystemTime) -> Result<(), Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: Option<u64> = if digits { text.parse().ok() } else { None };
    let seconds = seconds.ok_or_else(|| Refusal::MalformedHeader(name.clone()))?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if seconds.saturating_add(tolerance.as_secs()) < now {
        Err(Refusal::TooOld)
    } else if seconds > now.saturating_add(tolerance.as_secs()) {
        Err(Refusal::InFuture)
    } else {
        Ok(())
    }
}

/// If an id contained the text that follows it, the boundaries of the signed string could move (Standard Webhooks 1.0
/// says so about the `.` that it uses).
fn signed_id<'a>(rule: &Rule, headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refusal> {
    let id = header(headers, name)?;
    let plain = !id.is_empty() && id.len() <= MAX_EVENT_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
    let behind = rule.signed.iter().skip_while(|part| **part != Part::Id).nth(1);
    let ambiguous = matches!(behind, Some(Part::Text(text)) if id.contains(text.as_str()));
    if plain && !ambiguous { Ok(id) } else { Err(Refusal::MalformedHeader(name.clone())) }
}

/// The parts of all headers that contain signatures. The first header must be present, unless another one is.
fn parts<'a>(rule: &Rule, headers: &'a HeaderMap) -> Result<Vec<&'a str>, Refusal> {
    let mut parts = Vec::new();
    let names = std::iter::once(&rule.header).chain(&rule.further_headers);
    for name in names.filter(|name| headers.contains_key(*name)) {
        let text = header(headers, name)?;
        match rule.separator {
            None => parts.push(text),
            Some(separator) => parts.extend(text.split(separator).map(str::trim)),
        }
    }
    if parts.is_empty() { Err(Refusal::MissingHeader(rule.header.clone())) } else { Ok(parts) }
}

/// The only part with this prefix: if there were two timestamps, the gate could trust neither.
fn marked<'a>(rule: &Rule, parts: &[&'a str], prefix: &str) -> Result<&'a str, Refusal> {
    let mut marked = parts.iter().filter_map(|part| part.strip_prefix(prefix));
    match (marked.next(), marked.next()) {
        (Some(text), None) => Ok(text),
        _ => Err(Refusal::MalformedHeader(rule.header.clone())),
    }
}

fn signatures(rule: &Rule, parts: &[&str], prefix: &str, encoding: Encoding) -> Vec<Vec<u8>> {
    // A header with parts may also contain a timestamp, which must not count as a signature if signatures have no
    // prefix.
    let time = match rule.timestamp.as_ref().map(|timestamp| &timestamp.source) {
        Some(TimestampSource::Prefix(prefix)) => Some(prefix.as_str()),
        _ => None,
    };
    parts
        .iter()
        .filter(|part| time.is_none_or(|time| !part.starts_with(time)))
        .filter_map(|part| decode(encoding, part.strip_prefix(prefix)?))
        .take(MAX_SIGNATURES)
        .collect()
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => base16ct::mixed::decode_vec(text).ok(),
    }
}

fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Hex => base16ct::lower::encode_string(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
    }
}

/// Whether a secret of the rule is a public key, which cannot sign.
pub(super) fn is_public(rule: &Rule, secret: &str) -> bool {
    matches!(Key::read(rule, secret), Some(Key::Public(_)))
}
