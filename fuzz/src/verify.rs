//! `auth::authenticate`: accepts no request whose proof a second implementation rejects.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request};
use postern::auth::{self, KeyCache};
use postern::policy::{Route, Scheme, TokenLocation};

use crate::decision::Demand;
use crate::request::Input;
use crate::senders::{self, ENTRA, SENDERS, Sender};

/// Reads an input, signs it if it has `x-fuzz-sign`, and gives it and its forgeries to the gate; returns whether the
/// gate accepted it.
///
/// # Panics
/// If the gate accepts a request that proves nothing, or refuses one that its sender signed.
pub fn run(data: &[u8]) -> bool {
    let Some(input) = Input::read(data) else { return false };
    let path = input.request.uri().path();
    let Some((sender, route)) = sender(path) else { return false };
    let now = input.now();
    let request = input.request.clone();
    let Some(index) = input.number("sign").filter(|_| !sender.keys.is_empty()) else {
        return check(sender, route, &request, now);
    };
    let (_, key) = &sender.keys[index as usize % sender.keys.len()];
    let Some(signed) = signed(route, key, request, now) else { return false };
    assert!(check(sender, route, &signed, now), "what its sender signed is not let in: {signed:?}");
    let at = data.iter().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    for forgery in forgeries(&signed, at) {
        check(sender, route, &forgery, now);
    }
    for later in [now.saturating_add(86_401), now.saturating_sub(86_401)] {
        check(sender, route, &signed, later);
    }
    true
}

fn sender(path: &str) -> Option<(&'static Sender, &'static Route)> {
    let sender = SENDERS.values().find(|sender| sender.path == path)?;
    Some((sender, senders::POLICY.route(path)?))
}

/// The request as its sender would send it; `None` if no sender would.
pub fn signed(route: &Route, key: &str, mut request: Request<Bytes>, now: u64) -> Option<Request<Bytes>> {
    let proof = &route.auth.as_ref()?.scheme;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    if form
        && matches!(proof, Scheme::Twilio { .. })
        && request.body().iter().filter(|byte| **byte == b'&').count() > 150
    {
        return None;
    }
    let time = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(now))?;
    let made = auth::sign(proof, key, "id-1", time, form, request.body()).ok()?;
    if let Scheme::Rule(rule) = proof {
        // A sender writes one header; if another one is not text, the gate refuses the whole request.
        for name in &rule.further_headers {
            request.headers_mut().remove(name);
        }
    }
    for (name, value) in made.headers {
        request.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    let path = request.uri().path();
    let uri = made.query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    *request.uri_mut() = uri.parse().ok()?;
    Some(request)
}

/// The same request with a change at a place that the input chooses.
fn forgeries(signed: &Request<Bytes>, at: usize) -> Vec<Request<Bytes>> {
    let mut forgeries = Vec::new();
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        match bytes.len() {
            0 => bytes.push(b'0'),
            length => bytes[at % length] ^= 1,
        }
        bytes
    };
    let with_body = |body: Vec<u8>| signed.clone().map(|_| Bytes::from(body));
    forgeries.push(with_body(flipped(signed.body())));
    forgeries.push(with_body([signed.body(), &b"0"[..]].concat()));
    forgeries.push(with_body(signed.body()[..signed.body().len() / 2].to_vec()));
    for name in signed.headers().keys() {
        let mut changed = signed.clone();
        let Ok(value) = HeaderValue::from_bytes(&flipped(signed.headers()[name].as_bytes())) else { continue };
        changed.headers_mut().insert(name.clone(), value.clone());
        forgeries.push(changed.clone());
        changed.headers_mut().append(name.clone(), signed.headers()[name].clone());
        forgeries.push(changed.clone());
        changed.headers_mut().remove(name);
        forgeries.push(changed);
    }
    forgeries
}

/// Gives a request to the gate and to the second implementation; returns whether the gate accepted it.
fn check(sender: &Sender, route: &Route, request: &Request<Bytes>, now: u64) -> bool {
    let host = senders::host(now);
    let (parts, body) = request.clone().into_parts();
    let secrets: Vec<_> = sender.keys.iter().map(|(secret, _)| secret.clone()).collect();
    let keys = KeyCache::default();
    let deadline = Duration::from_secs(9);
    let verified = auth::authenticate(&host, &keys, route, &parts, body.clone(), &secrets, deadline);
    let accepted = verified.now_or_never().expect("the host never waits").is_ok();
    assert!(!accepted || is_proven(route, &secrets, &parts, &body, now), "let in without a proof: {request:?}");
    assert!(host.requests.get() <= 1, "keys are read once");
    accepted
}

/// The second implementation.
pub fn is_proven(route: &Route, secrets: &[String], parts: &Parts, body: &[u8], now: u64) -> bool {
    let auth = route.auth.as_ref().expect("an event route");
    let (mut header, mut query, mut url) = (None, None, None);
    match &auth.scheme {
        Scheme::Token(TokenLocation::Header(name)) => header = Some(name.as_str()),
        Scheme::Token(TokenLocation::Query(name)) => query = Some(name.as_str()),
        Scheme::Twilio { url: given } => url = Some(given.as_str()),
        _ => {}
    }
    let entra = matches!(auth.scheme, Scheme::Entra(_)).then_some(&*ENTRA);
    Demand { scheme: auth.name, header, query, url, secrets, entra }.is_met(parts, body, now)
}
