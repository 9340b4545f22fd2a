//! A host without a world: a fixed clock, answers by script, and a record of what the gate did.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response};
use postern::host::{AuditLog, Clock, Fetch, FetchError, Random, Settings};
use serde_json::json;

/// Where ACS is.
pub const ACS: &str = "https://contoso.communication.azure.com";

/// Where visitors reach the gate.
pub const PUBLIC_URL: &str = "https://mail.contoso.example";

/// The key that the gate signs requests to ACS with.
const ACS_KEY: &str = "Y2FuYXJ5LWtleS1vZi1hLXJlc291cmNlLW9mLWFjcw==";

/// What ACS may say in its answers and nobody else may hear.
pub const CANARY: &str = "canary-acs-text";

/// The answer to a captcha that the stand-in of its service accepts.
pub const SOLVED: &str = "solved";

/// A message that reached ACS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Send {
    /// Its `Operation-Id`.
    pub operation: String,
    /// Its body.
    pub body: Bytes,
}

/// The stand-in.
#[derive(Debug)]
pub struct StandIn {
    now: u64,
    settings: BTreeMap<String, String>,
    /// Answers to Entra's address for keys.
    keys: Option<Bytes>,
    /// How ACS answers each call; afterwards it is well.
    script: RefCell<Vec<u8>>,
    monotonic: Cell<Duration>,
    random: Cell<u128>,
    /// Whether the random bits are always the same.
    constant: bool,
    /// How long ACS takes for an answer.
    latency: Duration,
    /// What was sent, repeats too.
    pub sends: RefCell<Vec<Send>>,
    /// The operations that ACS has taken, whatever it said.
    pub taken: RefCell<BTreeSet<String>>,
    /// How many requests went out.
    pub requests: Cell<usize>,
    /// Whether the captcha's service vouched for the visitor.
    pub vouched: Cell<bool>,
    /// The audit lines.
    pub lines: RefCell<Vec<String>>,
}

impl StandIn {
    /// A host at a time of day whose ACS is well.
    pub fn new(now: u64) -> Self {
        let settings = [("acs_endpoint", ACS), ("acs_access_key", ACS_KEY), ("public_url", PUBLIC_URL)];
        Self {
            now,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            keys: None,
            script: RefCell::default(),
            monotonic: Cell::new(Duration::from_secs(1)),
            random: Cell::new(1),
            constant: false,
            latency: Duration::from_millis(7),
            sends: RefCell::default(),
            taken: RefCell::default(),
            requests: Cell::new(0),
            vouched: Cell::new(false),
            lines: RefCell::default(),
        }
    }

    /// With further settings.
    pub fn with(mut self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        self.settings.extend(settings);
        self
    }

    /// With keys that Entra publishes.
    pub fn publishing(mut self, keys: Bytes) -> Self {
        self.keys = Some(keys);
        self
    }

    /// With an ACS that follows a script: a letter for each call, of which `A` is an answer of an ACS that is well.
    pub fn scripted(self, script: &[u8]) -> Self {
        self.script.replace(script.iter().rev().copied().collect());
        self
    }

    /// With other random bits.
    pub fn reseeded(self, seed: u128) -> Self {
        self.random.set(seed);
        self
    }

    /// With the same random bits for every question.
    pub fn always(mut self, bits: u128) -> Self {
        self.constant = true;
        self.reseeded(bits)
    }

    /// With an ACS that takes at least so long for an answer.
    pub fn slow(mut self, latency: Duration) -> Self {
        self.latency = self.latency.max(latency);
        self
    }

    /// The values of all settings that nobody may see.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let public = ["acs_endpoint", "public_url"];
        self.settings.iter().filter(move |(name, _)| !public.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    fn pass(&self, time: Duration) {
        self.monotonic.set(self.monotonic.get() + time);
    }

    fn acs(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let send = request.method() == Method::POST;
        let operation = if send {
            let operation = text("operation-id").expect("a message has an operation id");
            self.sends.borrow_mut().push(Send { operation: operation.clone(), body: request.body().clone() });
            operation
        } else {
            request.uri().path().rsplit('/').next().unwrap().to_owned()
        };
        let take = || self.taken.borrow_mut().insert(operation.clone());
        let well = |id: &str, status: &str| {
            let body = json!({"id": id, "status": status, "error": null}).to_string();
            Ok(Response::builder().status(if send { 202 } else { 200 }).body(body.into()).unwrap())
        };
        let trouble = |status: u16, headers: &[(&str, &str)]| {
            let body = json!({"error": {"code": "Code", "message": CANARY}}).to_string();
            let response = Response::builder().status(status);
            let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
            Ok(response.body(body.into()).unwrap())
        };
        let letter = self.script.borrow_mut().pop().unwrap_or(b'A');
        // A small letter is an answer of an ACS that took the message whatever it says.
        if send && letter.is_ascii_lowercase() {
            take();
        }
        match letter.to_ascii_uppercase().wrapping_sub(b'A') % 20 {
            1 => trouble(429, &[("retry-after", "1")]),
            2 => trouble(429, &[("retry-after", "99999999999")]),
            3 => trouble(503, &[]),
            4 => Ok(Response::builder().status(500).body(Bytes::from_static(b"<html>canary-acs-text")).unwrap()),
            5 => trouble(401, &[]),
            6 => trouble(400, &[("x-ms-error-code", "InvalidSenderUserName")]),
            7 => trouble(404, &[]),
            8 => trouble(413, &[]),
            9 => well("00000000-0000-0000-0000-000000000000", "Running"),
            10 => well(&operation, "Failed"),
            11 => Err(FetchError::Timeout),
            12 => Err(FetchError::Unreachable),
            13 => Err(FetchError::Garbled),
            14 => Err(FetchError::Denied),
            15 => Ok(Response::builder().status(202).body(Bytes::from_static(b"{\"id\":")).unwrap()),
            16 => trouble(409, &[("x-ms-error-code", "a code that is none")]),
            17 => trouble(302, &[("location", "https://evil.example/")]),
            18 => trouble(503, &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]),
            _ if send => {
                take();
                well(&operation, "Running")
            }
            _ if self.taken.borrow().contains(&operation) => well(&operation, "Succeeded"),
            _ => trouble(404, &[]),
        }
    }

    fn captcha(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let solved = form_urlencoded::parse(request.body()).any(|(name, text)| name == "response" && text == SOLVED);
        self.vouched.set(solved);
        let body = json!({"success": solved, "hostname": "www.contoso.example", "error-codes": []}).to_string();
        Ok(Response::new(body.into()))
    }
}

impl Settings for StandIn {
    async fn setting(&self, name: &str) -> Option<String> {
        self.settings.get(name).cloned()
    }

    async fn file(&self, _: &str) -> Option<String> {
        None
    }
}

impl Clock for StandIn {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now)
    }

    fn monotonic(&self) -> Duration {
        self.monotonic.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}

impl Random for StandIn {
    fn random(&self) -> u128 {
        if self.constant {
            return self.random.get();
        }
        // Any bits will do, as long as they differ.
        self.random.replace(self.random.get().wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1))
    }
}

impl Fetch for StandIn {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        self.requests.set(self.requests.get() + 1);
        let uri = request.uri().to_string();
        let to_acs = uri.starts_with(&format!("{ACS}/"));
        let latency = if to_acs { self.latency } else { Duration::from_millis(7) };
        if latency > timeout {
            self.pass(timeout);
            return Err(FetchError::Timeout);
        }
        let answer = if to_acs {
            self.acs(&request)
        } else if uri.starts_with("https://challenges.cloudflare.com/") {
            self.captcha(&request)
        } else if uri.starts_with("https://login.microsoftonline.com/") {
            Ok(Response::new(self.keys.clone().expect("nobody else asks for keys")))
        } else {
            panic!("a request to {uri}");
        };
        self.pass(if matches!(answer, Err(FetchError::Timeout)) { timeout } else { latency });
        answer
    }
}

impl AuditLog for StandIn {
    fn audit(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }
}
