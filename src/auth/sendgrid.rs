//! SendGrid's signed event webhook: ECDSA over P-256 with SHA-256 (sendgrid/sendgrid-python, `helpers/eventwebhook`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use p256::ecdsa::signature::{MultipartSigner as _, MultipartVerifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};

use super::Refusal;
use super::hmac::{check_time, header};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-email-event-webhook-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-twilio-email-event-webhook-timestamp");

/// Checks a request against the public keys that SendGrid shows.
pub(super) fn verify(
    tolerance: Duration,
    headers: &HeaderMap,
    body: &[u8],
    keys: &[String],
    now: SystemTime,
) -> Result<(), Refusal> {
    let timestamp = header(headers, &TIMESTAMP)?;
    check_time(timestamp, &TIMESTAMP, tolerance, now)?;
    let signature = STANDARD.decode(header(headers, &SIGNATURE)?).ok();
    let signature = signature.and_then(|bytes| Signature::from_der(&bytes).ok());
    let signature = signature.ok_or(Refusal::MalformedHeader(SIGNATURE))?;
    for key in keys {
        let key = public_key(key).ok_or(Refusal::UnusableSecret)?;
        if key.multipart_verify(&[timestamp.as_bytes(), body], &signature).is_ok() {
            return Ok(());
        }
    }
    Err(Refusal::WrongSignature)
}

/// The headers of a request signed with a private key: the base64 of its PKCS #8 form.
pub(super) fn sign(key: &str, now: SystemTime, body: &[u8]) -> Option<Vec<(HeaderName, String)>> {
    let key = SigningKey::from_pkcs8_der(&STANDARD.decode(key).ok()?).ok()?;
    let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let signature: Signature = key.try_multipart_sign(&[timestamp.as_bytes(), body]).ok()?;
    Some(vec![(SIGNATURE, STANDARD.encode(signature.to_der())), (TIMESTAMP, timestamp)])
}

/// Whether a setting's value is a public key: the base64 of its SubjectPublicKeyInfo.
pub(super) fn usable(key: &str) -> bool {
    public_key(key).is_some()
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_public_key_der(&STANDARD.decode(text.trim()).ok()?).ok()
}
