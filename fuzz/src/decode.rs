//! `decode::decode`: whatever a body holds, what comes of it is bounded, is an object, and says what the body said.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::Request;
use http::header::AUTHORIZATION;
use postern::auth::{self, KeyCache, MAX_EVENT_ID_BYTES, Verified};
use postern::decode::{self, Events, Format, MAX_EVENTS};
use postern::policy::{Kind, MAX_DEPTH, MAX_FIELDS, MAX_FILES, Route};
use postern_seeds::NOW;
use postern_seeds::input::Input;
use postern_seeds::policy::{DECODE_SECRET, POLICY};
use serde_json::Value;

use crate::host::StandIn;
use crate::memory;

/// Where the routes of this target are.
const ROUTES: &str = "/decode/";

/// The most bytes of files that the form takes.
const MAX_FILE_BYTES: usize = 2048;

/// How much deeper than its JSON an event may be: attributes stand beside its data.
const ENVELOPE: usize = 1;

/// Reads an input and decodes its body as its route does; whether anything came of it.
///
/// # Panics
/// When what comes of it is not as it must be.
pub fn run(data: &[u8]) -> bool {
    let Some(input) = Input::read(data) else { return false };
    let path = input.request.uri().path();
    let Some(route) = POLICY.route(path).filter(|route| route.path.starts_with(ROUTES)) else { return false };
    let mut request = input.request.clone();
    request.headers_mut().insert(AUTHORIZATION, format!("Bearer {DECODE_SECRET}").parse().unwrap());
    let Ok(format) = decode::format(route, request.headers()) else { return false };
    let decoded = || decode::decode(route, request.headers(), format, verified(route, &request));
    let first = memory::bounded(data.len() + request.body().len(), 512, 64 * 1024, decoded);
    let again = decoded();
    let done = first.is_ok();
    match (first, again) {
        (Ok(events), Ok(again)) => {
            check(route, format, &request, &events);
            for (one, other) in events.submissions.iter().zip(&again.submissions) {
                assert_eq!((&one.payload, &one.caller), (&other.payload, &other.caller), "the same twice");
            }
        }
        (Err(error), Err(again)) => assert_eq!(error, again, "the same twice"),
        (first, again) => panic!("once {first:?}, then {again:?}"),
    }
    done
}

fn verified(route: &Route, request: &Request<Bytes>) -> Verified {
    let (parts, body) = request.clone().into_parts();
    let keys = KeyCache::default();
    let secrets = [DECODE_SECRET.to_owned()];
    let host = StandIn::new(NOW);
    let verified = auth::authenticate(&host, &keys, route, &parts, body, &secrets, Duration::from_secs(9));
    verified.now_or_never().expect("the host never waits").expect("the secret is good")
}

fn check(route: &Route, format: Format, request: &Request<Bytes>, events: &Events) {
    let submissions = &events.submissions;
    assert!(submissions.len() <= MAX_EVENTS && (events.batch || submissions.len() == 1));
    for submission in submissions {
        assert!(submission.payload.is_object() && depth(&submission.payload) <= MAX_DEPTH + ENVELOPE);
        let id = &submission.caller.event_id;
        assert!(!id.is_empty() && id.len() <= MAX_EVENT_ID_BYTES + "#99".len(), "{id}");
        assert!(id.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{id}");
        assert!(events.fields.sent.len() <= MAX_FIELDS && submission.uploads.len() <= MAX_FILES);
        let bytes: usize = submission.uploads.iter().map(|upload| upload.bytes.len()).sum();
        assert!(bytes <= MAX_FILE_BYTES && (bytes == 0 || route.form.attachments.is_some()));
        for upload in &submission.uploads {
            let found = request.body().windows(upload.bytes.len()).any(|window| window == upload.bytes);
            assert!(found, "a file is a piece of the body");
            assert!(!upload.name.chars().any(char::is_control) && !upload.name.contains(['/', '\\']));
        }
        let parts = serde_json::to_string(&submission.payload).unwrap();
        let back: Value = serde_json::from_str(&parts).expect("what is decoded can be written");
        assert!(same(&back, &submission.payload), "{back} is not {}", submission.payload);
    }
    says_the_same(route, format, request, events);
}

/// Compares with what a reader of another make finds in the body, where the gate adds nothing to it.
fn says_the_same(route: &Route, format: Format, request: &Request<Bytes>, events: &Events) {
    let whole: Option<Value> = serde_json::from_slice(request.body()).ok();
    if is_more_than_others_read(request.body(), whole.as_ref(), format) {
        return;
    }
    let first = || &events.submissions[0];
    match (route.kind, format, route.path.as_str()) {
        (Kind::Event, Format::Json, "/decode/event" | "/decode/alerts") => {
            assert_eq!(Some(&first().payload), whole.as_ref())
        }
        (Kind::Event, Format::Json, "/decode/list" | "/decode/grid") => {
            let payloads: Vec<_> = events.submissions.iter().map(|one| one.payload.clone()).collect();
            assert_eq!(Some(Value::Array(payloads)), whole);
        }
        (Kind::Form, Format::Urlencoded, _) => {
            let pairs: Vec<_> = form_urlencoded::parse(request.body()).collect();
            let sent: Vec<_> =
                events.fields.sent.iter().map(|field| (field.name.as_str(), field.text.as_str())).collect();
            assert_eq!(sent.len(), pairs.len());
            assert!(sent.iter().zip(&pairs).all(|(sent, pair)| (pair.0.as_ref(), pair.1.as_ref()) == *sent));
        }
        _ => {}
    }
}

/// Whether the gate reads what the others do not: other encodings, and halves of surrogate pairs.
fn is_more_than_others_read(body: &[u8], whole: Option<&Value>, format: Format) -> bool {
    match format {
        Format::Json => whole.is_none(),
        Format::Urlencoded | Format::Multipart => {
            let bytes: Vec<u8> = percent_encoding::percent_decode(body).collect();
            std::str::from_utf8(&bytes).is_err()
                || body.starts_with(b"\xEF\xBB\xBF")
                || form_urlencoded::parse(body).any(|(name, _)| name == "_charset_")
        }
    }
}

/// Numbers may lose digits on their way through text.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| (one - other).abs() <= one.abs() * 1e-15)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
        }
        _ => one == other,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
