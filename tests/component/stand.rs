//! A stand for one flavour: emulator, component and client, each on its own port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;

use crate::flavour::{Flavour, component};
use postern::policy::Files;
use postern_emulator::{Config, DEVELOPMENT_KEY, Emulator, Store};
use postern_runtime::{Cache, Event, Guest, Host, Limits, Origin, SealError, Server, seal};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::runtime::{Builder, Runtime};
use ureq::Agent;
use ureq::http::{Request, Response};

pub const GITHUB_SECRET: &str = "canary-github-secret";
pub const JOBS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const OPERATIONS_TOKEN: &str = "canary-operations-token";

pub struct Stand {
    pub store: Store,
    /// The gate's address.
    pub url: String,
    /// ACS's address.
    pub acs: String,
    lines: Arc<Mutex<Vec<String>>>,
    agent: Agent,
    runtimes: Vec<Runtime>,
}

/// Everything around the component; by default, an emulator that accepts the development key.
#[derive(Default)]
pub struct Setup {
    pub config: Config,
    pub limits: Limits,
    /// Settings in addition to, or instead of, the usual ones; an empty one counts as unset.
    pub settings: BTreeMap<String, String>,
    /// The servers that the component may reach in addition to the emulator.
    pub servers: Vec<String>,
    /// The directories that it may read.
    pub readable: Vec<PathBuf>,
}

/// Where a component's policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Sealed into it.
    Sealed,
    /// Mounted.
    Mounted,
}

/// Every build of the component, sealed and unsealed.
pub fn builds() -> impl Iterator<Item = (Flavour, Form)> {
    Flavour::ALL.into_iter().flat_map(|flavour| [(flavour, Form::Sealed), (flavour, Form::Mounted)])
}

/// Runs a test against every build.
pub fn every_build(test: impl Fn(&Stand)) {
    for (flavour, form) in builds() {
        println!("flavour {}, {form:?}", flavour.name());
        test(&Stand::new(flavour, form, |_| {}));
    }
}

/// The directory of the tests' policy.
pub fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy")
}

/// Where tests store compiled components.
pub fn cache() -> Cache {
    Cache::open(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled")).unwrap()
}

/// A flavour with a policy sealed into it.
pub fn seal_into(flavour: Flavour, files: &Files) -> Result<Vec<u8>, SealError> {
    Ok(seal(component(flavour), &files.sealed(), Some(&cache()))?.component)
}

/// A flavour with the tests' policy sealed into it, once for all tests.
pub fn sealed(flavour: Flavour) -> &'static [u8] {
    static SEALED: [LazyLock<Vec<u8>>; 4] = [
        LazyLock::new(|| make(Flavour::Wasi)),
        LazyLock::new(|| make(Flavour::Spin)),
        LazyLock::new(|| make(Flavour::WasiP2)),
        LazyLock::new(|| make(Flavour::SpinP2)),
    ];
    fn make(flavour: Flavour) -> Vec<u8> {
        seal_into(flavour, &Files::read(&policy()).unwrap()).unwrap()
    }
    &SEALED[flavour as usize]
}

/// An answer of the gate, after the checks that every answer must pass.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Answer {
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap().strip_prefix("urn:postern:problem:").unwrap()
    }
}

impl Stand {
    /// Starts a build with the tests' policy; `change` may change its settings.
    pub fn new(flavour: Flavour, form: Form, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        Self::start(flavour, form, Setup::default(), change)
    }

    /// Starts a build with the tests' policy, in other surroundings.
    pub fn with(flavour: Flavour, form: Form, mut setup: Setup) -> Self {
        let own = std::mem::take(&mut setup.settings);
        Self::start(flavour, form, setup, |settings| settings.extend(own))
    }

    fn start(flavour: Flavour, form: Form, setup: Setup, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        let (component, policy_dir): (&'static [u8], _) = match form {
            Form::Sealed => (sealed(flavour), None),
            Form::Mounted => (component(flavour), Some(policy())),
        };
        let guest = Guest { component: component.into(), policy_dir, ..Guest::default() };
        Self::run(guest, setup, change)
    }

    /// Starts a guest within limits.
    pub fn of(guest: Guest, limits: Limits, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        Self::run(guest, Setup { limits, ..Setup::default() }, change)
    }

    fn run(guest: Guest, setup: Setup, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (store, url, acs) = runtime.block_on(start(guest, setup, change, Arc::clone(&lines)));
        let agent = Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
        Self { store, url, acs, lines, agent, runtimes: vec![runtime] }
    }

    /// Keeps something else running for as long as the stand.
    pub fn keep(&mut self, runtime: Runtime) {
        self.runtimes.push(runtime);
    }

    /// Sends a request and reads the answer.
    pub fn call(&self, request: Request<Vec<u8>>) -> Answer {
        let mut response = self.agent.run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let headers = headers(&response);
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let body: Value = serde_json::from_str(&text).unwrap();
        for secret in [GITHUB_SECRET, JOBS_SECRET, OPERATIONS_TOKEN, DEVELOPMENT_KEY] {
            assert!(!format!("{text}{headers:?}{:?}", self.lines()).contains(secret), "a secret leaked");
        }
        Answer { status: response.status().as_u16(), headers, body }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call(Request::get(format!("{}{path}", self.url)).body(Vec::new()).unwrap())
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.call(self.request(path).header("content-type", content_type).body(body.into()).unwrap())
    }

    pub fn request(&self, path: &str) -> ureq::http::request::Builder {
        Request::post(format!("{}{path}", self.url)).header("origin", "https://www.contoso.example")
    }

    pub fn contact(&self, payload: &Value) -> Answer {
        self.post("/contact", "application/json", payload.to_string())
    }

    /// A GitHub delivery signed with `secret`; unsigned without one.
    pub fn github(&self, payload: &Value, secret: Option<&str>) -> Answer {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let body = payload.to_string();
        let mut request = self
            .request("/hooks/github")
            .header("content-type", "application/json")
            .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .header("x-github-event", "issues");
        if let Some(secret) = secret {
            let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body);
            let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            request = request.header("x-hub-signature-256", format!("sha256={hex}"));
        }
        self.call(request.body(body.into()).unwrap())
    }

    /// A job event signed by the official library, `offset` seconds from now.
    pub fn job(&self, offset: i64) -> Answer {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
        let (timestamp, body) = (now + offset, json!({"job": "backup"}).to_string());
        let signature = Webhook::new(JOBS_SECRET).unwrap().sign("msg_1", timestamp, body.as_bytes()).unwrap();
        let request = self
            .request("/hooks/jobs")
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature);
        self.call(request.body(body.into()).unwrap())
    }

    /// The audit lines so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The newest audit line.
    pub fn line(&self) -> Value {
        self.lines().pop().unwrap()
    }

    /// Subjects of the stored mails, oldest first.
    pub fn subjects(&self) -> Vec<String> {
        self.store.messages().iter().rev().map(|message| message.email.content.subject.clone()).collect()
    }
}

fn headers<B>(response: &Response<B>) -> BTreeMap<String, String> {
    let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
    response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

async fn start(
    guest: Guest,
    setup: Setup,
    change: impl FnOnce(&mut BTreeMap<String, String>),
    lines: Arc<Mutex<Vec<String>>>,
) -> (Store, String, String) {
    let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), setup.config).await.unwrap();
    let (store, endpoint) = (emulator.store(), emulator.endpoint());
    tokio::spawn(emulator.serve(std::future::pending()));
    let mut settings = BTreeMap::from(
        [
            ("acs_endpoint", endpoint.as_str()),
            ("acs_access_key", DEVELOPMENT_KEY),
            ("github_webhook_secret", GITHUB_SECRET),
            ("jobs_secret", JOBS_SECRET),
            ("operations_token", OPERATIONS_TOKEN),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    change(&mut settings);
    let allowed = [&endpoint].into_iter().chain(&setup.servers);
    let allowed_outbound = allowed.map(|server| server.parse::<Origin>().unwrap()).collect();
    let guest = Guest { settings, allowed_outbound, readable: setup.readable, ..guest };
    let log = Arc::new(move |event: Event<'_>| match event {
        Event::Stdout(line) => lines.lock().unwrap().push(line.to_owned()),
        other => println!("{other:?}"),
    });
    let host = Host::new(setup.limits, Some(cache()), log).unwrap();
    host.load(guest).await.unwrap();
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", server.local_addr());
    tokio::spawn(server.serve(host, std::future::pending()));
    (store, url, endpoint)
}
