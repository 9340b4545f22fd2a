//! Secrets that callers send themselves: tokens, and names with passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::Refusal;
use super::hmac::{Mac, header};
use crate::policy::TokenLocation;
use crate::policy::rule::Hash;

/// Checks that a caller sends one of the secrets.
pub(super) fn verify(location: &TokenLocation, parts: &Parts, secrets: &[String]) -> Result<(), Refusal> {
    let shown = match location {
        TokenLocation::Header(name) => header(&parts.headers, name)?.as_bytes().to_vec(),
        TokenLocation::Query(name) => query(parts.uri.query().unwrap_or_default(), name)?.into_bytes(),
        TokenLocation::Bearer => credentials(&parts.headers, "bearer")?.as_bytes().to_vec(),
        TokenLocation::Basic => {
            let text = credentials(&parts.headers, "basic")?;
            STANDARD.decode(text).map_err(|_| Refusal::MalformedHeader(AUTHORIZATION))?
        }
    };
    // Compares every secret, and each in the same time: only their number affects the time.
    let good = secrets.iter().fold(false, |good, secret| good | same(&shown, secret.as_bytes()));
    if good { Ok(()) } else { Err(Refusal::WrongSecret) }
}

/// Whether a setting's value can be a secret of this kind.
pub(super) fn usable(location: &TokenLocation, secret: &str) -> bool {
    let printable = !secret.is_empty() && secret.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match location {
        TokenLocation::Header(_) | TokenLocation::Bearer => printable && secret.trim() == secret,
        TokenLocation::Query(_) => !secret.is_empty(),
        TokenLocation::Basic => {
            secret.split_once(':').is_some_and(|(name, password)| !name.is_empty() && !password.is_empty())
        }
    }
}

/// What follows the name of an authentication scheme, which is case-insensitive (RFC 9110, 11.1).
pub(super) fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, Refusal> {
    let text = header(headers, &AUTHORIZATION)?;
    match text.split_once(' ') {
        Some((name, rest)) if name.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        _ => Err(Refusal::MalformedHeader(AUTHORIZATION)),
    }
}

/// If both texts have the same code under one key, they are equal, and comparing codes reveals nothing about their
/// lengths.
fn same(one: &[u8], other: &[u8]) -> bool {
    let mac = |text| {
        let mut mac = Mac::new(Hash::Sha256, b"postern")?;
        mac.update(text);
        Some(mac)
    };
    mac(one).zip(mac(other)).is_some_and(|(one, other)| one.verify(&other.finish()))
}

fn query(query: &str, name: &str) -> Result<String, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.into_owned()),
        (None, _) => Err(Refusal::MissingQuery),
        _ => Err(Refusal::MalformedQuery),
    }
}
