//! The whole gate, from a request to its answer: there is always an answer, nothing is sent unless the caller is
//! authenticated, nothing is reported as sent that ACS did not accept, and time, calls and memory are bounded.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, REFERER, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use postern::acs::{MAX_CALLS, MAX_REQUEST_BYTES};
use postern::decode::MAX_EVENTS;
use postern::gate::Gate;
use postern::host::{BodyError, Clock as _, Settings as _};
use postern::policy::{Files, Kind, Policy, Recipients, Route};
use serde_json::Value;

use crate::NOW;
use crate::host::{CANARY, Send, StandIn};
use crate::memory;
use crate::request::Input;
use crate::verify::{is_proven, signed};

/// The site whose pages use the forms.
const SITE: &str = "https://www.contoso.example";

/// Placeholders in an input for a form token, a proof of work and a confirmation, which no input can contain by itself.
const TOKEN: &[u8] = b"@token@";
const PROOF: &[u8] = b"@proof@";
const LINK: &str = "@link@";

/// The secret of every route whose scheme accepts any text, which is also a name and a password.
const SECRET: &str = "canary-name:canary-password";

/// The secrets of schemes that need another format.
const OTHER_SECRETS: [(&str, &str); 1] = [("hooks_secret", "whsec_Y2FuYXJ5LXNlY3JldC1vZi1ob29rcw==")];

/// Routes in addition to those of the repository's example and of all presets.
const ROUTES: &str = r#"
[routes.guarded]
path = "/guarded"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.guarded.form]
allow_missing_origin = true
error_redirect = "https://www.contoso.example/sorry?x=1#form"
token = { key = "form_key", min_seconds = 3, max_seconds = 600 }
proof_of_work = { key = "form_key", max_number = 50, max_seconds = 600 }
[[routes.guarded.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]

[routes.captcha]
path = "/captcha"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.captcha.form]
honeypot = "feedback_note"
conventions = ["formspree", "formsubmit", "web3forms", "netlify"]
captcha = { service = "turnstile", secret = "captcha_secret" }
[[routes.captcha.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]
reply_to = { field = "/email", name = "/name" }

[routes.files]
path = "/files"
kind = "form"
schema = "contact"
origins = ["https://*.contoso.example"]
[routes.files.form]
attachments = { types = ["pdf", "png", "jpeg", "docx", "txt", "csv"], max_count = 2, max_bytes = 4096 }
[[routes.files.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]
attachments = true

[routes.news]
path = "/news"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.news.form]
confirmation = { key = "form_key", max_seconds = 86400 }
[[routes.news.mails]]
template = "please-confirm"
sender = "website"
purpose = "verification"
to = { field = "/email" }
[[routes.news.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]

[routes.hooks]
path = "/hooks"
kind = "event"
auth = { scheme = "standard-webhooks", secret = "hooks_secret" }
schema = "hook"
[[routes.hooks.mails]]
template = "hook"
sender = "alerts"
purpose = "workflow"
to = { field = "/to", allow = ["contoso.example"] }

[routes.cloud]
path = "/cloud"
kind = "event"
auth = { scheme = "bearer", secret = "cloud_secret" }
envelope = "cloudevents"
handshake = { protocol = "cloudevents", origin = "events.contoso.example" }
schema = "event"
[[routes.cloud.mails]]
template = "hook"
sender = "alerts"
purpose = "alert"
to = ["oncall@contoso.example", "second@contoso.example"]

[routes.slack]
path = "/slack"
kind = "event"
auth = { scheme = "slack", secret = "slack_secret" }
handshake = "slack"
schema = "event"
[[routes.slack.mails]]
template = "hook"
sender = "alerts"
purpose = "alert"
to = ["oncall@contoso.example"]
"#;

/// A schema that is expensive to check, and a template that is expensive to render.
const HOOK_SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "to": { "type": "string", "format": "email" },
        "subject": { "type": "string" },
        "when": { "type": "string", "format": "date-time" },
        "link": { "type": "string", "format": "uri", "pattern": "^https://([a-z]+\\.)+example/(a+)+$" },
        "items": {
            "type": "array", "maxItems": 1000, "uniqueItems": true,
            "items": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/node" }] }
        }
    },
    "required": [],
    "unevaluatedProperties": { "maxLength": 1000 },
    "$defs": { "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } } }
}"##;
const HOOK_BODY: &str = "{{ subject or '' }} {{ when or '' }}\n{% for item in items or [] %}{{ loop.index }}. {{ item }}\n\
    {% for other in items %}{{ other }}{% endfor %}\n{% endfor %}";
const CONFIRM_SAMPLE: &str = r#"{"name": "Ada", "email": "ada@customer.example", "message": "Hello"}"#;
const HOOK_SAMPLE: &str = r#"{"to": "a@contoso.example", "subject": "s", "when": "2026-03-03T07:05:09Z", "items": []}"#;

struct World {
    policy: Policy,
    gate: Gate,
    token: Vec<u8>,
    proof: Vec<u8>,
    link: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let files = files();
    let policy = Policy::load(&files).unwrap_or_else(|findings| panic!("{findings:?}"));
    let gate = Gate::new(Policy::load(&files));
    let (token, proof, link) = (token(&policy, &gate), proof(&policy, &gate), link(&policy, &gate));
    World { policy, gate, token, proof, link }
});

/// The repository's example, every preset, and [`ROUTES`].
fn files() -> Files {
    let mut files = Files::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the example is there");
    for preset in postern_presets::all() {
        match preset.add(&files) {
            Ok(addition) => {
                let added = addition.files.into_iter().map(|(path, text)| (path, text.to_owned()));
                files = and(&files, added.chain([("postern.toml".to_owned(), addition.policy)]));
            }
            // The example has one preset's route under another name, with the same schema.
            Err(error) => assert_eq!(preset.name, "github-issues", "{error}"),
        }
    }
    let policy = files.text("postern.toml").unwrap_or_default().to_owned() + ROUTES;
    let own = [
        ("postern.toml", policy.as_str()),
        ("schemas/hook.json", &HOOK_SCHEMA.replace("\"required\": []", "\"required\": [\"to\"]")),
        ("schemas/event.json", HOOK_SCHEMA),
        ("templates/hook/subject.txt.j2", "{{ subject or 'Event' }}"),
        ("templates/hook/body.txt.j2", HOOK_BODY),
        ("templates/hook/sample.json", HOOK_SAMPLE),
        ("templates/please-confirm/subject.txt.j2", "Please confirm"),
        ("templates/please-confirm/body.txt.j2", "{{ confirmation_link }}"),
        ("templates/please-confirm/sample.json", CONFIRM_SAMPLE),
    ];
    and(&files, own.map(|(path, text)| (path.to_owned(), text.to_owned())))
}

fn and(files: &Files, more: impl IntoIterator<Item = (String, String)>) -> Files {
    let old = files.paths().map(|path| (path.to_owned(), files.text(path).unwrap_or_default().to_owned()));
    old.chain(more).collect()
}

/// The policy of this target.
pub fn policy() -> &'static Policy {
    &WORLD.policy
}

/// A host with every setting of a policy.
fn host(policy: &Policy, now: u64) -> StandIn {
    let other = |name: &str| OTHER_SECRETS.iter().find(|(known, _)| *known == name).map(|(_, secret)| *secret);
    let value = |name: &str| other(name).unwrap_or(SECRET).to_owned();
    StandIn::new(now).with(policy.secrets().iter().map(|name| (name.as_str().to_owned(), value(name.as_str()))))
}

fn ask(policy: &Policy, gate: &Gate, path: &str) -> Value {
    let host = host(policy, NOW - 10);
    let request = Request::get(path).header(ORIGIN, SITE).body(Ok(Bytes::new())).unwrap();
    let response = gate.handle(&host, request, Duration::ZERO).now_or_never().expect("the host never waits");
    serde_json::from_slice(response.body()).unwrap()
}

fn token(policy: &Policy, gate: &Gate) -> Vec<u8> {
    ask(policy, gate, "/guarded/token")["token"].as_str().unwrap().into()
}

/// The token of a confirmation, from the mail that asks for it.
fn link(policy: &Policy, gate: &Gate) -> String {
    let host = host(policy, NOW - 10);
    let form = Bytes::from_static(b"name=Ada&email=ada%40customer.example&message=Hello");
    let request = Request::post("/news").header(ORIGIN, SITE).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    gate.handle(&host, request.body(Ok(form)).unwrap(), Duration::ZERO).now_or_never().expect("the host never waits");
    let mail: Value = serde_json::from_slice(&host.sends.borrow()[0].body).unwrap();
    mail["content"]["plainText"].as_str().unwrap().trim().split_once("?token=").unwrap().1.to_owned()
}

/// Solves a challenge as the widget does.
fn proof(policy: &Policy, gate: &Gate) -> Vec<u8> {
    let mut challenge = ask(policy, gate, "/guarded/challenge");
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

/// Reads an input and sends it through the gate; returns whether mail was sent.
///
/// # Panics
/// If an answer breaks a rule.
pub fn run(data: &[u8]) -> bool {
    let Some(input) = Input::read(data) else { return false };
    let World { policy, gate, token, proof, link } = &*WORLD;
    let now = input.now();
    let mut request = input.request.clone();
    let uri = request.uri().to_string();
    let Ok(linked) = uri.replace(LINK, link).parse() else { return false };
    *request.uri_mut() = linked;
    let route = policy.route(request.uri().path());
    let has = |mark: &[u8]| input.request.body().windows(mark.len()).any(|window| window == mark);
    let vouched = if uri.contains(LINK) { Vouched::ByLink } else { Vouched::ByGuards(has(TOKEN) && has(PROOF)) };
    let body = replace(&replace(request.body(), TOKEN, token), PROOF, proof);
    *request.body_mut() = body.into();
    if let Some(route) = route.filter(|route| route.auth.is_some() && input.control("sign").is_some()) {
        let secret = secrets(policy, route).remove(0);
        let Some(good) = signed(route, &secret, request, now) else { return false };
        request = good;
    }
    let script = input.control("acs").unwrap_or_default();
    let late = Duration::from_secs(input.number("late").unwrap_or_default() % 60);
    let host_ = host(policy, now).scripted(script);
    let response = memory::bounded(data.len(), 4096, 1 << 20, || handle(gate, policy, &host_, &request, late));
    answered(&request, &response);
    lines(&host_, &response);
    sent(policy, &request, &host_, vouched, now);
    if script.is_empty() {
        let other = host(policy, now).reseeded(u128::from(now) << 64 | 77);
        handle(gate, policy, &other, &request, late);
        let bodies = |host: &StandIn| host.sends.borrow().iter().cloned().collect::<Vec<Send>>();
        assert_eq!(bodies(&host_), bodies(&other), "the same event is the same operation and the same bytes");
    }
    let sent = host_.sends.borrow();
    !sent.is_empty()
}

/// What an input cannot contain by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vouched {
    /// A form token and a proof of work, or not.
    ByGuards(bool),
    /// A confirmation.
    ByLink,
}

/// The route of a path, and whether the path is that of its confirmations.
fn target<'a>(policy: &'a Policy, path: &str) -> Option<(&'a Route, bool)> {
    let confirmed = || path.strip_suffix("/confirm").and_then(|form| policy.route(form));
    policy.route(path).map(|route| (route, false)).or_else(|| Some((confirmed()?, true)))
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

fn secrets(policy: &Policy, route: &Route) -> Vec<String> {
    let host = host(policy, NOW);
    let names = route.auth.iter().flat_map(|auth| &auth.secrets);
    names.map(|name| host.setting(name.as_str()).now_or_never().flatten().expect("every setting has a value")).collect()
}

/// Does the work of an adapter: reads the body within the route's allowance, then calls the gate.
fn handle(gate: &Gate, policy: &Policy, host: &StandIn, request: &Request<Bytes>, late: Duration) -> Response<Bytes> {
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
    let budget = policy.route(path).map_or(allowance.time, |route| route.time_budget);
    assert!(taken <= budget + Duration::from_millis(1), "{taken:?} of {budget:?}");
    let mails = target(policy, path).map_or(0, |(route, _)| route.mails.len());
    assert!(host.requests.get() <= MAX_EVENTS * mails * MAX_CALLS as usize + 1, "{} calls", host.requests.get());
    response
}

/// The rules for every answer.
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

/// The rules for every audit line, and for the answer with it: no secrets, and none of ACS's text.
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

/// The rules for everything that was sent.
fn sent(policy: &Policy, request: &Request<Bytes>, host: &StandIn, vouched: Vouched, now: u64) {
    let sends = host.sends.borrow();
    if sends.is_empty() {
        return;
    }
    let (route, confirmed) = target(policy, request.uri().path()).expect("nothing is sent for an unknown path");
    let (parts, body) = request.clone().into_parts();
    match route.kind {
        _ if confirmed => assert!(
            vouched == Vouched::ByLink && parts.method == Method::GET && route.form.confirmation.is_some(),
            "sent without a confirmation"
        ),
        Kind::Event => {
            assert!(is_proven(route, &secrets(policy, route), &parts, &body, now), "sent without a proof");
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
        message(policy, route, &send.body);
        bodies.insert((&send.operation, &send.body));
    }
    let operations: BTreeSet<_> = bodies.iter().map(|(operation, _)| operation).collect();
    // Events of a batch may have the same id, which is their sender's mistake.
    assert!(route.envelope.is_some() || operations.len() == bodies.len(), "an operation has one body");
}

/// Whether a browser says that a page of a listed site, or of the gate, posted.
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
    let host =
        text(&parts.headers, HOST).or_else(|| parts.uri.authority().map(ToString::to_string)).unwrap_or_default();
    let own = !host.is_empty() && claimed.split("//").nth(1).is_some_and(|rest| rest.split('/').next() == Some(&host));
    listed || own
}

/// The rules for every message: the policy's sender, the policy's recipients or one address of the payload, and nothing
/// in a header that could become another header.
fn message(policy: &Policy, route: &Route, body: &[u8]) {
    assert!(body.len() <= MAX_REQUEST_BYTES);
    let mail: Value = serde_json::from_slice(body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert!(policy.senders().any(|sender| mail["senderAddress"] == sender.address.as_str()));
    assert!(!text(&mail["content"]["subject"]).chars().any(char::is_control));
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
        assert!(STANDARD.decode(text(&file["contentInBase64"])).is_ok_and(|bytes| bytes.len() <= 4096));
    }
}

fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;<>()".contains(&byte));
    plain && text.matches('@').count() == 1 && !text.starts_with('@') && !text.ends_with('@')
}
