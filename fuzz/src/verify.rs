//! `auth::authenticate`: no accepted request without a proof that a second opinion finds too.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderValue, Request};
use postern::auth::{self, KeyCache};
use postern::policy::{Route, Scheme, TokenLocation};
use postern_seeds::input::Input;
use postern_seeds::policy::{self, POLICY};
use postern_seeds::senders::{ENTRA, SENDERS, Sender};
use postern_seeds::signed;

use crate::decision::Demand;
use crate::host::StandIn;

/// Reads an input, signs it where it says `x-fuzz-sign`, and shows it and its forgeries to the gate;
/// whether it was let in.
///
/// # Panics
/// When something is let in that proves nothing, or what its sender signed is not.
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
    let Some((signed, _)) = signed(route, key, request, now) else { return false };
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
    Some((sender, POLICY.route(path)?))
}

/// A host that has the secrets of all senders, and Entra's keys.
fn host(now: u64) -> StandIn {
    StandIn::new(now).with(policy::settings()).publishing(ENTRA["jwks"].to_string().into())
}

/// The same with something changed at a place that the input decides.
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

/// Shows a request to the gate and to the second opinion; whether it was let in.
fn check(sender: &Sender, route: &Route, request: &Request<Bytes>, now: u64) -> bool {
    let host = host(now);
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

/// The second opinion.
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
