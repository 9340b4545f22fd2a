//! The access-key signature of a received request, recomputed from what was received.
//!
//! Written separately, without a line of the component's signer, so that one checks the other. The algorithm is
//! documented in "Sign an HTTP request" of the ACS documentation and was confirmed against the official SDKs.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The well-known access key of every emulator without another one, in base64. It protects nothing: it is public, like
/// the development keys of other local Azure emulators, and must never be a real resource's key.
pub const DEVELOPMENT_KEY: &str = "cG9zdGVybi1lbXVsYXRvci1kZXZlbG9wbWVudC1rZXk=";

/// [`DEVELOPMENT_KEY`], decoded.
const DEVELOPMENT_KEY_BYTES: &[u8] = b"postern-emulator-development-key";

/// How far a request's date may be before or after the emulator's clock.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

const DATE: &str = "x-ms-date";
const HASH: &str = "x-ms-content-sha256";
const SCHEME: &str = "HMAC-SHA256 ";
const SIGNED: &str = "SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=";

/// A resource's access key, decoded. It never appears in `Debug` output.
#[derive(Clone)]
pub struct AccessKey(Vec<u8>);

/// A text is not an access key.
#[derive(Debug, Error)]
pub enum AccessKeyError {
    /// It is not standard base64 with padding. The decoder's own error would quote the key, so this drops it.
    #[error("the access key is not base64; copy it unchanged from the resource's Keys page")]
    Encoding,
    /// It is empty.
    #[error("the access key is empty")]
    Empty,
}

impl AccessKey {
    /// Decodes a key as Azure shows it: standard base64 with padding.
    ///
    /// # Errors
    /// If the text is not base64, or is empty.
    pub fn parse(text: &str) -> Result<AccessKey, AccessKeyError> {
        let key = STANDARD.decode(text).map_err(|_| AccessKeyError::Encoding)?;
        if key.is_empty() {
            return Err(AccessKeyError::Empty);
        }
        Ok(AccessKey(key))
    }

    /// The key for a connection string. It leaves this type only here.
    pub(crate) fn reveal(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl Default for AccessKey {
    fn default() -> AccessKey {
        AccessKey(DEVELOPMENT_KEY_BYTES.to_vec())
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(hidden)")
    }
}

/// Why the emulator did not accept a signature. ACS says little here; the emulator protects nothing, so it gives
/// details.
#[derive(Debug, Error)]
pub(crate) enum SignatureError {
    #[error("The request has no usable `{0}` header; send it exactly once.")]
    Header(&'static str),
    #[error("The Authorization header is not `HMAC-SHA256 {SIGNED}<base64>`.")]
    Form,
    #[error("The x-ms-date header is not an RFC 1123 date such as `Tue, 03 Mar 2026 07:05:09 GMT`.")]
    Date,
    #[error("The x-ms-date header is more than 5 minutes away from the service's clock.")]
    Clock,
    #[error("The x-ms-content-sha256 header is not the base64 SHA-256 of the body received.")]
    ContentHash,
    #[error("The signature does not match; the string to sign, as received, was {0:?}.")]
    Mismatch(String),
}

/// Checks a request's date, content hash and signature.
pub(crate) fn verify(key: &AccessKey, request: &Parts, body: &[u8], now: SystemTime) -> Result<(), SignatureError> {
    let authorization = single(request, "authorization")?;
    let signature = signature_in(authorization).ok_or(SignatureError::Form)?;
    let date = single(request, DATE)?;
    check_date(date, now)?;
    let hash = single(request, HASH)?;
    if hash != STANDARD.encode(Sha256::digest(body)) {
        return Err(SignatureError::ContentHash);
    }
    let to_sign = string_to_sign(request, date, single(request, "host")?, hash);
    check_mac(key, to_sign, &signature)
}

fn single<'a>(request: &'a Parts, name: &'static str) -> Result<&'a str, SignatureError> {
    let mut values = request.headers.get_all(name).iter();
    let first = values.next().and_then(|value| value.to_str().ok());
    match (first, values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(SignatureError::Header(name)),
    }
}

fn signature_in(authorization: &str) -> Option<Vec<u8>> {
    let text = authorization.strip_prefix(SCHEME)?.strip_prefix(SIGNED)?;
    STANDARD.decode(text).ok()
}

fn check_date(date: &str, now: SystemTime) -> Result<(), SignatureError> {
    let at = httpdate::parse_http_date(date).map_err(|_| SignatureError::Date)?;
    // The parser also accepts older formats; ACS requires this one, with its two-digit day.
    if httpdate::fmt_http_date(at) != date {
        return Err(SignatureError::Date);
    }
    let distance = match at.duration_since(now) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    };
    if distance > CLOCK_TOLERANCE {
        return Err(SignatureError::Clock);
    }
    Ok(())
}

fn string_to_sign(request: &Parts, date: &str, host: &str, hash: &str) -> String {
    let target = target(request);
    format!("{}\n{target}\n{date};{host};{hash}", request.method)
}

/// Path and query as in the request line.
pub(crate) fn target(request: &Parts) -> &str {
    request.uri.path_and_query().map_or("/", |target| target.as_str())
}

fn check_mac(key: &AccessKey, to_sign: String, signature: &[u8]) -> Result<(), SignatureError> {
    // HMAC takes keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.0) else {
        return Err(SignatureError::Mismatch(to_sign));
    };
    mac.update(to_sign.as_bytes());
    // Compares in constant time.
    mac.verify_slice(signature).map_err(|_| SignatureError::Mismatch(to_sign))
}
