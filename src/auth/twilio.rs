//! Twilio signs the URL that it calls and the form's fields (twilio.com/docs/usage/security).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::Refusal;
use super::hmac::{Mac, header};
use crate::policy::MAX_FIELDS;
use crate::policy::rule::Hash;
use crate::web::media_type::{URLENCODED, essence};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// The query parameter with which Twilio adds the hash of a body that is not a form to the URL it signs.
const BODY_HASH: &str = "bodySHA256";

/// Checks a request that Twilio was configured to send to `url`.
pub(super) fn verify(url: &str, parts: &Parts, body: &[u8], secrets: &[String]) -> Result<(), Refusal> {
    let signature = header(&parts.headers, &SIGNATURE)?;
    let signature = STANDARD.decode(signature).map_err(|_| Refusal::MalformedHeader(SIGNATURE))?;
    let signed = signed(url, parts, body)?;
    let good = secrets.iter().any(|secret| mac(secret, &signed).is_some_and(|mac| mac.verify(&signature)));
    if good { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The text that Twilio signs for a request. If the body is not a form, the URL contains its hash, which this function
/// checks.
pub(super) fn signed(url: &str, parts: &Parts, body: &[u8]) -> Result<String, Refusal> {
    let query = parts.uri.query();
    let url = query.map_or_else(|| url.to_owned(), |query| format!("{url}?{query}"));
    if essence(&parts.headers) == URLENCODED {
        return Ok(url + &fields(body)?);
    }
    check_body(query.unwrap_or_default(), body)?;
    Ok(url)
}

/// The signature of a request, and the query that its URL must have.
pub(super) fn sign(url: &str, secret: &str, form: bool, body: &[u8]) -> Option<(HeaderName, String, Option<String>)> {
    let query = (!form).then(|| format!("{BODY_HASH}={}", hash(body)));
    let url = query.as_ref().map_or_else(|| url.to_owned(), |query| format!("{url}?{query}"));
    let fields = if form { fields(body).ok()? } else { String::new() };
    Some((SIGNATURE, STANDARD.encode(mac(secret, &(url + &fields))?.finish()), query))
}

fn mac(secret: &str, signed: &str) -> Option<Mac> {
    let mut mac = Mac::new(Hash::Sha1, secret.as_bytes())?;
    mac.update(signed.as_bytes());
    Some(mac)
}

/// Names and values without separators, sorted by name, then value, each pair once, as Twilio's libraries do it.
fn fields(body: &[u8]) -> Result<String, Refusal> {
    let mut sorted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (index, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if index >= MAX_FIELDS {
            return Err(Refusal::TooManyFields);
        }
        sorted.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    let pairs = sorted.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}")));
    Ok(pairs.collect())
}

fn check_body(query: &str, body: &[u8]) -> Result<(), Refusal> {
    let mut hashes = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == BODY_HASH);
    let (_, claimed) = hashes.next().ok_or(Refusal::MissingQuery)?;
    if hashes.next().is_some() || !claimed.eq_ignore_ascii_case(&hash(body)) {
        return Err(Refusal::WrongSignature);
    }
    Ok(())
}

fn hash(body: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(body))
}
