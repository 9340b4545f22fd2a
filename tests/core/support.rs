//! A scripted host: a fixed clock, given settings, answers in order, and a record of everything that the gate did.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use postern::gate::Gate;
use postern::host::{AuditLog, BodyError, Clock, Fetch, FetchError, Random, Settings};
use postern::policy::{Diagnostic, Files, Policy};
use serde_json::{Value, json};

/// 2026-03-03T07:05:09Z
pub const NOW: u64 = 1_772_521_509;
/// The site whose pages use the example's form.
pub const SITE: &str = "https://www.contoso.example";
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";
pub const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub type Answer = Result<Response<Bytes>, FetchError>;

/// Answers requests that are not for ACS.
pub type Platform = Box<dyn Fn(&Request<Bytes>) -> Option<Answer>>;

pub struct ScriptedHost {
    /// Entra and the like; requests that it does not answer go to ACS.
    pub platform: RefCell<Option<Platform>>,
    pub now: Cell<u64>,
    pub settings: BTreeMap<String, String>,
    /// ACS's first answers, in order; after that, it works.
    pub answers: RefCell<VecDeque<Answer>>,
    /// ACS's answer after that.
    pub ailing: RefCell<Option<Answer>>,
    pub requests: RefCell<Vec<Request<Bytes>>>,
    pub platform_requests: RefCell<Vec<Request<Bytes>>>,
    pub lines: RefCell<Vec<Value>>,
    /// The host's files, by path.
    pub files: RefCell<BTreeMap<String, String>>,
    /// The operations that ACS has accepted.
    taken: RefCell<BTreeSet<String>>,
    /// How long the gate waited between calls.
    pub waits: RefCell<Vec<Duration>>,
    /// Whether waits never end: for simultaneous requests, of which only answers may wake one.
    pub patient: Cell<bool>,
    monotonic: Cell<Duration>,
    random: Cell<u128>,
    /// The random bits; by default, they count up.
    pub randomness: Cell<Option<u128>>,
    /// Whether each call takes a second of the time of day.
    pub ticking: Cell<bool>,
    /// How long each answer takes.
    pub latency: Cell<Duration>,
}

impl ScriptedHost {
    pub fn new() -> Self {
        let settings = [
            ("acs_endpoint", "https://contoso.communication.azure.com/"),
            ("acs_access_key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
            ("github_webhook_secret", GITHUB_SECRET),
            ("jobs_secret", STANDARD_SECRET),
        ];
        Self {
            platform: RefCell::default(),
            now: Cell::new(NOW),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            answers: RefCell::default(),
            ailing: RefCell::default(),
            taken: RefCell::default(),
            waits: RefCell::default(),
            requests: RefCell::default(),
            platform_requests: RefCell::default(),
            lines: RefCell::default(),
            files: RefCell::default(),
            patient: Cell::new(false),
            monotonic: Cell::new(Duration::from_secs(1)),
            random: Cell::new(1),
            randomness: Cell::new(None),
            ticking: Cell::new(false),
            latency: Cell::new(Duration::from_millis(7)),
        }
    }

    pub fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let host = Self::new();
        host.answers.borrow_mut().extend(answers);
        host
    }

    /// ACS gives this answer to everything.
    pub fn ailing(answer: Answer) -> Self {
        let host = Self::new();
        host.ailing.replace(Some(answer));
        host
    }

    /// What was sent to ACS, without status reads.
    pub fn sends(&self) -> Vec<Request<Bytes>> {
        self.requests
            .borrow()
            .iter()
            .filter(|request| request.headers().contains_key("operation-id"))
            .cloned()
            .collect()
    }

    fn pass(&self, time: Duration) {
        self.monotonic.set(self.monotonic.get() + time);
    }

    fn healthy(&self, request: &Request<Bytes>) -> Answer {
        match request.headers().get("operation-id") {
            Some(operation) => {
                self.taken.borrow_mut().insert(operation.to_str().unwrap().to_owned());
                accepted(operation.to_str().unwrap())
            }
            None => match request.uri().path().strip_prefix("/emails/operations/") {
                Some(id) if self.taken.borrow().contains(id) => operation(id, "Running", None),
                _ => refusal(404, "NotFound"),
            },
        }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The JSON bodies that were sent to ACS.
    pub fn sent(&self) -> Vec<Value> {
        self.sends().iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect()
    }

    pub fn operations(&self) -> Vec<String> {
        let id = |request: &Request<Bytes>| request.headers()["operation-id"].to_str().unwrap().to_owned();
        self.sends().iter().map(id).collect()
    }

    /// The only audit line that was written.
    pub fn line(&self) -> Value {
        let lines = self.lines.borrow();
        assert_eq!(lines.len(), 1, "one line for one request: {lines:?}");
        lines[0].clone()
    }
}

impl Settings for ScriptedHost {
    async fn setting(&self, name: &str) -> Option<String> {
        self.settings.get(name).cloned()
    }

    async fn file(&self, path: &str) -> Option<String> {
        self.files.borrow().get(path).cloned()
    }
}

impl Clock for ScriptedHost {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now.get())
    }

    fn monotonic(&self) -> Duration {
        self.monotonic.get()
    }

    async fn sleep(&self, duration: Duration) {
        if self.patient.get() {
            return std::future::pending().await;
        }
        self.waits.borrow_mut().push(duration);
        self.pass(duration);
    }
}

impl Random for ScriptedHost {
    fn random(&self) -> u128 {
        self.randomness.get().unwrap_or_else(|| self.random.replace(self.random.get() + 1))
    }
}

impl Fetch for ScriptedHost {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Answer {
        let platform = self.platform.borrow().as_ref().and_then(|platform| platform(&request));
        if let Some(answer) = platform {
            self.platform_requests.borrow_mut().push(request);
            tokio::task::yield_now().await;
            return answer;
        }
        let answer = self.answers.borrow_mut().pop_front().or_else(|| self.ailing.borrow().clone());
        let answer = answer.unwrap_or_else(|| self.healthy(&request));
        self.requests.borrow_mut().push(request);
        self.pass(self.latency.get().min(timeout));
        self.now.set(self.now.get() + u64::from(self.ticking.get()));
        if self.latency.get() > timeout { Err(FetchError::Timeout) } else { answer }
    }
}

impl AuditLog for ScriptedHost {
    fn audit(&self, line: &str) {
        self.lines.borrow_mut().push(serde_json::from_str(line).unwrap());
    }
}

/// ACS's answer to a send, as recorded from a live resource.
pub fn accepted(operation: &str) -> Answer {
    let body = json!({"id": operation, "status": "Running", "error": null}).to_string();
    Ok(Response::builder().status(202).header("retry-after", "30").body(body.into()).unwrap())
}

/// ACS's answer to a status read.
pub fn operation(id: &str, status: &str, code: Option<&str>) -> Answer {
    let error = code.map(|code| json!({"code": code, "message": "canary-acs-text"}));
    let body = json!({"id": id, "status": status, "error": error}).to_string();
    Ok(Response::builder().status(200).body(body.into()).unwrap())
}

/// An ACS error whose text nobody else may see.
pub fn refusal(status: u16, code: &str) -> Answer {
    let body = json!({"error": {"code": code, "message": "canary-acs-text", "target": null}}).to_string();
    Ok(Response::builder().status(status).header("x-ms-error-code", code).body(body.into()).unwrap())
}

pub fn example() -> Files {
    Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Every finding about a policy, as `severity file:line message`.
pub fn told(files: &Files) -> Vec<String> {
    let line = |finding: &Diagnostic| {
        assert!(finding.message.ends_with('.') && finding.help.ends_with('.'), "sentences: {finding}");
        let severity = serde_json::to_value(finding.severity).unwrap();
        format!("{} {}:{} {}", severity.as_str().unwrap(), finding.file, finding.line(files), finding.message)
    };
    postern_lint::check(files).iter().map(line).collect()
}

pub fn gate(files: &Files) -> Gate {
    let policy = Policy::load(files);
    assert!(policy.is_ok(), "{policy:?}");
    Gate::new(policy)
}

/// Sends a request through a gate, checks what must hold for every answer, and returns status, headers and body.
pub async fn call(gate: &Gate, host: &ScriptedHost, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    call_with(gate, host, request.map(|body| Ok(body.into()))).await
}

pub async fn call_with(
    gate: &Gate,
    host: &ScriptedHost,
    request: Request<Result<Bytes, BodyError>>,
) -> Response<Bytes> {
    let response = gate.handle(host, request, host.monotonic()).await;
    let allowed = [
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "allow",
        "cache-control",
        "content-language",
        "content-security-policy",
        "content-type",
        "cross-origin-resource-policy",
        "location",
        "referrer-policy",
        "retry-after",
        "vary",
        "x-content-type-options",
        // Of handshakes and contracts.
        "webhook-allowed-origin",
        "webhook-allowed-rate",
        "x-slack-no-retry",
    ];
    for name in response.headers().keys() {
        assert!(allowed.contains(&name.as_str()), "unexpected header {name}");
    }
    let for_everybody = response.headers().contains_key("cross-origin-resource-policy");
    assert_eq!(response.headers()["cache-control"], if for_everybody { "public, max-age=3600" } else { "no-store" });
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap());
    if content_type.is_none_or(|content_type| content_type.starts_with("text/")) {
        assert_eq!(response.body().is_empty(), content_type.is_none());
        return response;
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    if response.status().as_u16() >= 400 && body.get("missing").is_none() {
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(body["status"], response.status().as_u16());
        assert!(body["type"].as_str().unwrap().starts_with("urn:postern:problem:"));
    }
    let text = format!("{body}{:?}{:?}", response.headers(), host.lines.borrow());
    for (name, secret) in &host.settings {
        let public = ["acs_endpoint", "acs_identity", "redirect_all_to"].contains(&name.as_str());
        assert!(public || !text.contains(secret.as_str()), "the value of {name} leaked");
    }
    assert!(!text.contains("canary-acs-text"), "ACS's text leaked");
    response
}

pub fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The last part of a problem's type.
pub fn problem(response: &Response<Bytes>) -> String {
    body(response)["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

pub fn post(path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::post(path).header("content-type", content_type).header("origin", SITE);
    request.body(body.into()).unwrap()
}

pub fn contact() -> Value {
    json!({"name": "Ada", "email": "ada@customer.example", "message": "Hello!"})
}

pub fn contact_request(payload: &Value) -> Request<Bytes> {
    post("/contact", "application/json", payload.to_string())
}

pub fn issue() -> Value {
    serde_json::from_str(example().text("templates/issue-opened/sample.json").unwrap()).unwrap()
}

/// A GitHub delivery, signed with the sha2 and hmac crates directly, not with the code under test.
pub fn github_request(payload: &Value, secret: &str) -> Request<Bytes> {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let body = payload.to_string();
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body).finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Request::post("/hooks/github")
        .header("content-type", "application/json")
        .header("x-hub-signature-256", format!("sha256={hex}"))
        .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("x-github-event", "issues")
        .body(body.into())
        .unwrap()
}

pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A payload for the example's contact form.
pub const GOOD: &str = "name=Ada&email=ada%40customer.example&message=Hello";

/// The example policy, with other lines for its contact form: each replaces the line with the same key, or is added.
pub fn with(lines: &str) -> Files {
    let files = example();
    let mut texts: BTreeMap<String, String> =
        files.paths().map(|path| (path.to_owned(), files.text(path).unwrap_or_default().to_owned())).collect();
    let policy = texts.get_mut("postern.toml").unwrap();
    let form = "[routes.contact.form]\n";
    let (own, table): (Vec<_>, Vec<_>) = lines.lines().partition(|line| line.starts_with('!'));
    for line in own {
        let key = line[1..].split(' ').next().unwrap();
        let old = policy.lines().find(|old| old.starts_with(&format!("{key} = ")) && key != "path").unwrap().to_owned();
        *policy = policy.replacen(&old, line[1..].strip_suffix('-').map_or(&line[1..], |_| ""), 1);
    }
    let table = format!("{form}{}\n\n", table.join("\n"));
    *policy = policy.replacen("[[routes.contact.mails]]", &format!("{table}[[routes.contact.mails]]"), 1);
    texts.into_iter().collect()
}

/// The example policy with additional lines at its start.
pub fn preceded(lines: &str) -> Files {
    let files = example();
    let text = |path: &str| {
        let text = files.text(path).unwrap_or_default();
        if path == "postern.toml" { format!("{lines}\n{text}") } else { text.to_owned() }
    };
    files.paths().map(|path| (path.to_owned(), text(path))).collect()
}

/// What a browser sends to a gate on this machine when a visitor submits a plain form on a page of the site.
pub fn browser(body: &str) -> Request<Bytes> {
    let mut request = post("/contact", URLENCODED, body.to_owned());
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    request.headers_mut().insert("accept", accept.parse().unwrap());
    set(request, "host", "localhost:3000")
}

pub fn set(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

pub fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

pub fn html(response: &Response<Bytes>) -> String {
    assert_eq!(header(response, "content-type"), Some("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(header(response, "content-security-policy"), Some(policy));
    assert_eq!(header(response, "referrer-policy"), Some("same-origin"));
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// Why a policy is not usable.
pub fn refused(files: &Files) -> Vec<String> {
    let findings = Policy::load(files).err().unwrap_or_default();
    findings.into_iter().map(|finding| finding.message).collect()
}
