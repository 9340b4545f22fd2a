//! The whole gate, from a request to its answer: always an answer, nothing sent unless the caller is proven, nothing
//! called sent that ACS did not take, and bounds on time, calls and memory.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN, REFERER, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use postern::acs::{MAX_CALLS, MAX_REQUEST_BYTES};
use postern::decode::MAX_EVENTS;
use postern::gate::Gate;
use postern::host::{BodyError, Clock as _, Settings as _};
use postern::policy::{Coverage, Kind, Policy, Recipients, Route};
use postern_seeds::input::Input;
use postern_seeds::policy::{self, FILES, POLICY};
use postern_seeds::{MARKUP_START, NOW, SITE, signed};
use serde_json::Value;

use crate::host::{CANARY, PUBLIC_URL, Send, StandIn};
use crate::memory;
use crate::verify::is_proven;

/// What stands in an input for a form token, a proof of work and a confirmation, which no input can make itself.
const TOKEN: &[u8] = b"@token@";
const PROOF: &[u8] = b"@proof@";
const LINK: &str = "@link@";

/// What no input can make itself.
struct World {
    gate: Gate,
    token: Vec<u8>,
    proof: Vec<u8>,
    link: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let gate = Gate::new(Policy::load(&FILES));
    let (token, proof, link) = (token(&gate), proof(&gate), link(&gate));
    World { gate, token, proof, link }
});

/// A host with every setting of the policy but those of the other targets, whose secrets are words that an answer may
/// say.
fn host(now: u64) -> StandIn {
    let own = |(name, _): &(String, String)| !["senders_", "decode_"].iter().any(|other| name.starts_with(other));
    StandIn::new(now).with(policy::settings().into_iter().filter(own))
}

fn ask(gate: &Gate, path: &str) -> Value {
    let host = host(NOW - 10);
    let request = Request::get(path).header(ORIGIN, SITE).body(Ok(Bytes::new())).unwrap();
    let response = gate.handle(&host, request, Duration::ZERO).now_or_never().expect("the host never waits");
    serde_json::from_slice(response.body()).unwrap()
}

fn token(gate: &Gate) -> Vec<u8> {
    ask(gate, "/guarded/token")["token"].as_str().unwrap().into()
}

/// The token of a confirmation, out of the mail that asks for it.
fn link(gate: &Gate) -> String {
    let host = host(NOW - 10);
    let form = Bytes::from_static(b"name=Ada&email=ada%40customer.example&message=Hello");
    let request = Request::post("/news").header(ORIGIN, SITE).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    gate.handle(&host, request.body(Ok(form)).unwrap(), Duration::ZERO).now_or_never().expect("the host never waits");
    let mail: Value = serde_json::from_slice(&host.sends.borrow()[0].body).unwrap();
    mail["content"]["plainText"].as_str().unwrap().trim().split_once("?token=").unwrap().1.to_owned()
}

/// Solves a challenge as the widget does.
fn proof(gate: &Gate) -> Vec<u8> {
    let mut challenge = ask(gate, "/guarded/challenge");
    let (salt, wanted) = (challenge["salt"].as_str().unwrap().to_owned(), challenge["challenge"].clone());
    let number = (0_u64..).find(|number| {
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{salt}{number}").as_bytes());
        let hex = digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        wanted == hex
    });
    challenge["number"] = number.unwrap().into();
    let solution = STANDARD.encode(challenge.to_string());
    form_urlencoded::byte_serialize(solution.as_bytes()).collect::<String>().into()
}

/// Reads an input and sends it through the gate; whether mail was sent.
///
/// # Panics
/// When something that must hold does not.
pub fn run(data: &[u8]) -> bool {
    let Some(input) = Input::read(data) else { return false };
    let World { token, proof, link, .. } = &*WORLD;
    let now = input.now();
    let mut request = input.request.clone();
    let uri = request.uri().to_string();
    let Ok(linked) = uri.replace(LINK, link).parse() else { return false };
    *request.uri_mut() = linked;
    let route = POLICY.route(request.uri().path());
    let has = |mark: &[u8]| input.request.body().windows(mark.len()).any(|window| window == mark);
    let vouched = if uri.contains(LINK) { Vouched::ByLink } else { Vouched::ByGuards(has(TOKEN) && has(PROOF)) };
    let body = replace(&replace(request.body(), TOKEN, token), PROOF, proof);
    *request.body_mut() = body.into();
    let mut proving = Vec::new();
    let number = input.number("sign").filter(|_| route.is_some_and(|route| route.auth.is_some()));
    if let (Some(route), Some(number)) = (route, number) {
        let Some(key) = policy::key(&route.path, number) else { return false };
        let Some(made) = signed(route, &key, request, now) else { return false };
        (request, proving) = made;
    }
    let delivery = Delivery {
        now,
        script: input.control("acs").unwrap_or_default(),
        latency: Duration::from_millis(input.number("slow").unwrap_or_default() % 20_000),
        late: Duration::from_secs(input.number("late").unwrap_or_default() % 60),
    };
    let host = delivery.host();
    let size = data.len() + request.body().len();
    let response = memory::bounded(size, 4096, 2 << 20, || handle(&host, &request, delivery.late));
    answered(&request, &response);
    lines(&host, &response);
    sent(&request, &host, vouched, now);
    if delivery.script.is_empty() {
        let other = delivery.host().reseeded(u128::from(now) << 64 | 77);
        handle(&other, &request, delivery.late);
        if delivery.latency.is_zero() {
            assert_eq!(messages(&host), messages(&other), "the same event is the same operation and the same bytes");
        } else {
            progress(&delivery, &request);
        }
    }
    if let (Some(route), false) = (route, proving.is_empty()) {
        only_signed_bytes_decide(&delivery, route, &request, &proving, &host);
    }
    let sent = host.sends.borrow();
    !sent.is_empty()
}

/// How a request is delivered, beside what it says.
struct Delivery<'a> {
    now: u64,
    /// What ACS answers.
    script: &'a [u8],
    /// How long ACS takes for an answer.
    latency: Duration,
    /// How long the body took to arrive.
    late: Duration,
}

impl Delivery<'_> {
    fn host(&self) -> StandIn {
        host(self.now).scripted(self.script).slow(self.latency)
    }
}

/// The messages that ACS was sent, each once.
fn messages(host: &StandIn) -> BTreeSet<Send> {
    host.sends.borrow().iter().cloned().collect()
}

/// What a slow ACS has no time for is not lost: a delivery that begins at an event reaches it, so that repeated
/// deliveries reach all that a quick ACS would take.
fn progress(delivery: &Delivery<'_>, request: &Request<Bytes>) {
    let quick = Delivery { latency: Duration::ZERO, ..*delivery };
    let host = quick.host();
    handle(&host, request, delivery.late);
    let wanted = host.taken.take();
    // Each delivery has time for a call, unless the body took all of it.
    let budget = POLICY.route(request.uri().path()).map_or(Duration::ZERO, |route| route.time_budget);
    if delivery.late + delivery.latency * MAX_CALLS >= budget {
        return;
    }
    let mut reached = BTreeSet::new();
    // Every place, those far from each other first.
    for step in 0..MAX_EVENTS as u128 {
        let beginning = step * 61 % MAX_EVENTS as u128;
        if wanted.is_subset(&reached) {
            break;
        }
        let host = delivery.host().always(beginning);
        handle(&host, request, delivery.late);
        reached.append(&mut host.taken.take());
    }
    assert!(wanted.is_subset(&reached), "{} of {} messages are never reached", reached.len(), wanted.len());
}

/// What a scheme does not sign decides nothing: neither what is sent, nor under which operation. Whoever has one
/// signed request sends it with other headers, and with another content type.
fn only_signed_bytes_decide(
    delivery: &Delivery<'_>,
    route: &Route,
    request: &Request<Bytes>,
    proving: &[HeaderName],
    host: &StandIn,
) {
    let covered = route.auth.as_ref().map(|auth| auth.scheme.coverage());
    if !delivery.script.is_empty() || !delivery.latency.is_zero() || !matches!(covered, Some(Coverage::Body { .. })) {
        return;
    }
    let mut known = messages(host);
    let all = variants(request, proving);
    let first = request.body().iter().map(|byte| usize::from(*byte)).sum::<usize>() % all.len();
    for variant in all.iter().cycle().skip(first).take(VARIANTS) {
        let host = delivery.host();
        handle(&host, variant, delivery.late);
        let sent = messages(&host);
        if known.is_empty() {
            known = sent;
        } else if !sent.is_empty() {
            assert_eq!(known, sent, "what nobody signed decides what is sent: {:?}", variant.headers());
        }
    }
}

/// How many of the variants of a request are tried; its bytes decide which.
const VARIANTS: usize = 4;

/// The same signed bytes with other things around them.
fn variants(request: &Request<Bytes>, proving: &[HeaderName]) -> Vec<Request<Bytes>> {
    let content_types = [
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded+json",
    ];
    let mut bare = request.clone();
    *bare.headers_mut() = request
        .headers()
        .iter()
        .filter(|(name, _)| proving.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let with = |content_type: &'static str, more: &[(&'static str, &'static str)]| {
        let mut variant = bare.clone();
        variant.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        for (name, value) in more {
            variant.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        variant
    };
    let attributes = [("ce-specversion", "1.0"), ("ce-type", "other"), ("ce-source", "/other"), ("ce-id", "other")];
    let ids = [
        ("idempotency-key", "other"),
        ("x-github-delivery", "other"),
        ("x-github-event", "other"),
        ("x-shopify-webhook-id", "other"),
        ("x-hookdeck-eventid", "other"),
        ("aeg-event-type", "Notification"),
    ];
    let plain = content_types.map(|content_type| with(content_type, &[]));
    let named = content_types.map(|content_type| with(content_type, &ids));
    let attributed = content_types.map(|content_type| with(content_type, &attributes));
    plain.into_iter().chain(named).chain(attributed).collect()
}

/// What an input could not have made itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vouched {
    /// A form token and a proof of work, or not.
    ByGuards(bool),
    /// A confirmation.
    ByLink,
}

/// The route that a path is about, and whether it is that of its confirmations.
fn target(path: &str) -> Option<(&'static Route, bool)> {
    let confirmed = || path.strip_suffix("/confirm").and_then(|form| POLICY.route(form));
    POLICY.route(path).map(|route| (route, false)).or_else(|| Some((confirmed()?, true)))
}

fn replace(body: &[u8], mark: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        out.extend([&rest[..at], value].concat());
        rest = &rest[at + mark.len()..];
    }
    out.extend(rest);
    out
}

fn secrets(route: &Route) -> Vec<String> {
    let host = host(NOW);
    let names = route.auth.iter().flat_map(|auth| &auth.secrets);
    names.map(|name| host.setting(name.as_str()).now_or_never().flatten().expect("every setting has a value")).collect()
}

/// What an adapter does: reads the body within the route's allowance, then asks the gate.
fn handle(host: &StandIn, request: &Request<Bytes>, late: Duration) -> Response<Bytes> {
    let gate = &WORLD.gate;
    let arrived = host.monotonic();
    let path = request.uri().path();
    let allowance = gate.allowance(path, request.headers());
    let body = match request.body() {
        body if body.len() > allowance.bytes => Err(BodyError::TooLarge),
        _ if late > allowance.time => Err(BodyError::Interrupted),
        body => Ok(body.clone()),
    };
    host.sleep(late.min(allowance.time)).now_or_never();
    let (parts, _) = request.clone().into_parts();
    let answer = gate.handle(host, Request::from_parts(parts, body), arrived);
    let response = answer.now_or_never().expect("an answer always");
    let taken = host.monotonic() - arrived;
    let budget = POLICY.route(path).map_or(allowance.time, |route| route.time_budget);
    assert!(taken <= budget + Duration::from_millis(1), "{taken:?} of {budget:?}");
    let mails = target(path).map_or(0, |(route, _)| route.mails.len());
    assert!(host.requests.get() <= MAX_EVENTS * mails * MAX_CALLS as usize + 1, "{} calls", host.requests.get());
    response
}

/// What every answer fulfils.
fn answered(request: &Request<Bytes>, response: &Response<Bytes>) {
    let headers = response.headers();
    assert!((200..600).contains(&response.status().as_u16()));
    assert!(headers.contains_key(CACHE_CONTROL) && headers[X_CONTENT_TYPE_OPTIONS] == "nosniff");
    assert!(headers.len() <= 16);
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        assert!(response.body().is_empty());
        return;
    };
    match content_type.to_str().unwrap().split(';').next().unwrap() {
        "application/json" => {
            let _: Value = serde_json::from_slice(response.body()).expect("JSON");
        }
        "application/problem+json" => {
            let problem: Value = serde_json::from_slice(response.body()).expect("JSON");
            assert_eq!(problem["status"], response.status().as_u16());
            assert!(problem["type"].as_str().unwrap().starts_with("urn:postern:problem:"));
        }
        "text/html" => {
            let page = std::str::from_utf8(response.body()).expect("text");
            assert!(
                !page.contains("<script") || request.uri().path() != "/contact",
                "no script on a page of the gate's"
            );
        }
        "text/javascript" => assert_eq!(request.uri().path(), "/postern.js"),
        other => panic!("an answer of type {other}"),
    }
}

/// What every audit line fulfils, and the answer with it: nobody hears a secret or ACS's own words.
fn lines(host: &StandIn, response: &Response<Bytes>) {
    let lines = host.lines.borrow();
    assert!(lines.len() <= MAX_EVENTS);
    let answer = String::from_utf8_lossy(response.body()).into_owned();
    let mut told = format!("{answer}{:?}", response.headers());
    for line in lines.iter() {
        assert!(!line.contains('\n') && line.len() <= 64 * 1024);
        let entry: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(entry["http.response.status_code"], response.status().as_u16());
        for mail in entry["mails"].as_array().unwrap() {
            let operation = mail["operation_id"].as_str().unwrap();
            let accepted = mail["outcome"] == "accepted";
            assert!(!accepted || host.taken.borrow().contains(operation), "called sent and was not: {line}");
        }
        told += line;
    }
    assert!(!told.contains(CANARY), "ACS's words");
    for secret in host.secrets() {
        assert!(!told.contains(secret), "a secret");
    }
}

/// What everything fulfils that was sent.
fn sent(request: &Request<Bytes>, host: &StandIn, vouched: Vouched, now: u64) {
    let sends = host.sends.borrow();
    if sends.is_empty() {
        return;
    }
    let (route, confirmed) = target(request.uri().path()).expect("nothing is sent for an unknown path");
    let (parts, body) = request.clone().into_parts();
    match route.kind {
        _ if confirmed => assert!(
            vouched == Vouched::ByLink && parts.method == Method::GET && route.form.confirmation.is_some(),
            "sent without a confirmation"
        ),
        Kind::Event => {
            assert!(is_proven(route, &secrets(route), &parts, &body, now), "sent without a proof");
        }
        Kind::Form => {
            let anonymous = !parts.headers.contains_key(ORIGIN) && !parts.headers.contains_key(REFERER);
            assert!(
                is_known(route, &parts) || (anonymous && route.form.allow_missing_origin),
                "sent for a foreign site"
            );
            let guarded = vouched == Vouched::ByGuards(true);
            assert!(guarded || route.form.token.is_none(), "sent without a token and a proof");
            assert!(host.vouched.get() || route.form.captcha.is_none(), "sent without a captcha");
            let operations: BTreeSet<_> = sends.iter().map(|send| &send.operation).collect();
            assert!(operations.len() == 1 || route.form.confirmation.is_none(), "more than the question was sent");
        }
    }
    assert!(confirmed || (parts.method == Method::POST && body.len() <= route.upload_limit.max(route.body_limit)));
    let mut bodies = BTreeSet::new();
    for send in sends.iter() {
        message(route, &send.body);
        bodies.insert((&send.operation, &send.body));
    }
    let operations: BTreeSet<_> = bodies.iter().map(|(operation, _)| operation).collect();
    // Events of a batch may have the same id, which is their sender's fault.
    assert!(route.envelope.is_some() || operations.len() == bodies.len(), "an operation has one body");
}

/// Whether a browser says that a page of a listed site posted, or one of the gate's own.
fn is_known(route: &Route, parts: &Parts) -> bool {
    let text = |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let claimed = text(&parts.headers, ORIGIN).or_else(|| text(&parts.headers, REFERER)).unwrap_or_default();
    let listed = route.origins.iter().any(|origin| match origin.split_once("*.") {
        Some((scheme, domain)) => {
            let host = claimed.strip_prefix(scheme).unwrap_or_default().split('/').next().unwrap_or_default();
            host.ends_with(&format!(".{domain}"))
        }
        None => claimed == *origin || claimed.starts_with(&format!("{origin}/")),
    });
    let own = claimed == PUBLIC_URL || claimed.starts_with(&format!("{PUBLIC_URL}/"));
    listed || own
}

/// What every message fulfils: the policy's sender, the policy's recipients or one address of the payload, and nothing
/// in a header that could become another.
fn message(route: &Route, body: &[u8]) {
    assert!(body.len() <= MAX_REQUEST_BYTES);
    let mail: Value = serde_json::from_slice(body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert!(POLICY.senders().any(|sender| mail["senderAddress"] == sender.address.as_str()));
    assert!(!text(&mail["content"]["subject"]).chars().any(char::is_control));
    let html = mail["content"]["html"].as_str().unwrap_or_default();
    assert!(!html.contains(MARKUP_START), "a payload's markup is not escaped");
    assert!(mail["recipients"].as_object().unwrap().keys().eq(["to"]), "no Cc, no Bcc");
    let to: Vec<_> = mail["recipients"]["to"].as_array().unwrap().iter().map(|to| text(&to["address"])).collect();
    let fits = route.mails.iter().any(|mail| match &mail.to {
        Recipients::Fixed(addresses) => {
            addresses.iter().map(|address| address.as_str()).eq(to.iter().map(String::as_str))
        }
        Recipients::Field { allow, .. } => {
            let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
            matches!(&to[..], [one] if is_address(one) && (allow.is_empty() || allow.contains(&domain(one).unwrap())))
        }
    });
    assert!(fits, "{to:?}");
    for mailbox in mail["replyTo"].as_array().into_iter().flatten() {
        assert!(is_address(&text(&mailbox["address"])));
        assert!(!mailbox["displayName"].as_str().unwrap_or_default().chars().any(char::is_control));
    }
    for file in mail["attachments"].as_array().into_iter().flatten() {
        assert!(route.form.attachments.is_some());
        assert!(!text(&file["name"]).chars().any(|character| character.is_control() || "/\\".contains(character)));
        assert!(STANDARD.decode(text(&file["contentInBase64"])).is_ok_and(|bytes| bytes.len() <= 1_000_000));
    }
}

fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;<>()".contains(&byte));
    plain && text.matches('@').count() == 1 && !text.starts_with('@') && !text.ends_with('@')
}
