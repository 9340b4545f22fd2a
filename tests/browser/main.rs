//! The example pages in a real browser, with and without scripts, against the gate.
//!
//! puppeteer-core drives Chromium. `npm ci` in this directory installs it and the client libraries that the pages use. If
//! something is missing, the test says so and how to get it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use postern::gate::Gate;
use postern::host::{AuditLog, Clock as _, Fetch, FetchError, Services};
use postern::policy::{Files, Policy};
use postern_test_support::{FixedSettings, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// The domain to whose addresses ACS cannot send.
const REFUSED: &str = "@refused.example";

/// The gate, and an ACS that accepts everything and remembers it, but for mails to one domain. It knows no operation that
/// it is asked about.
struct Stand {
    gate: Gate,
    settings: FixedSettings,
    clock: SystemClock,
    sent: Mutex<Vec<Value>>,
}

impl Fetch for Stand {
    async fn fetch(&self, request: http::Request<Bytes>, _: Duration) -> Result<http::Response<Bytes>, FetchError> {
        let Some(operation) = request.headers().get("operation-id") else {
            // A question about an earlier operation: there is none.
            return Ok(http::Response::builder().status(404).body(Bytes::new()).unwrap());
        };
        let mail: Value = serde_json::from_slice(request.body()).unwrap();
        if mail["recipients"]["to"][0]["address"].as_str().is_some_and(|address| address.ends_with(REFUSED)) {
            let refused = http::Response::builder().status(400).header("x-ms-error-code", "InvalidEmailAddress");
            return Ok(refused.body(Bytes::new()).unwrap());
        }
        self.sent.lock().unwrap().push(mail);
        let operation = operation.to_str().unwrap();
        let body = json!({"id": operation, "status": "Running", "error": null}).to_string();
        Ok(http::Response::builder().status(202).body(body.into()).unwrap())
    }
}

impl AuditLog for Stand {
    fn audit(&self, line: &str) {
        println!("{line}");
    }
}

async fn serve(State(stand): State<Arc<Stand>>, request: Request) -> Response {
    // What was sent, for the pages' driver.
    if request.uri().path() == "/sent" {
        return Response::new(json!(*stand.sent.lock().unwrap()).to_string().into());
    }
    let (parts, body) = request.into_parts();
    let arrived = stand.clock.monotonic();
    let limit = stand.gate.allowance(parts.uri.path(), &parts.headers).bytes;
    let body = to_bytes(body, limit).await.map_err(|_| postern::host::BodyError::TooLarge);
    let request = http::Request::from_parts(parts, body);
    // The gate's future is made for one thread, as a component has.
    let answer = move || {
        let host = Services { settings: &stand.settings, clock: &stand.clock, http: &*stand, audit: &*stand };
        Handle::current().block_on(stand.gate.handle(&host, request, arrived))
    };
    spawn_blocking(answer).await.unwrap().map(Body::from)
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Why the test cannot run here.
fn missing() -> Option<String> {
    let works = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|said| said.status.success());
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    if !works(&chromium) {
        return Some(format!("{chromium} does not run: `apt-get install chromium`, or name one in CHROMIUM"));
    }
    if !works("node") {
        return Some("node does not run: `apt-get install nodejs npm`".to_owned());
    }
    let modules = directory().join("node_modules");
    let packages = ["puppeteer-core", "altcha", "@formspree/core", "@formspree/ajax", "axios", "jquery", "htmx4"];
    let there = packages.iter().all(|name| modules.join(name).exists());
    (!there)
        .then(|| "the driver and the pages' libraries are not installed: `npm ci --prefix tests/browser`".to_owned())
}

fn drive(url: String) -> ExitStatus {
    let mut node = Command::new("node");
    node.arg("--test-reporter=spec").arg("--test").arg("forms.test.mjs").current_dir(directory()).env("GATE", url);
    node.status().unwrap()
}

#[tokio::test]
async fn the_examples_work_in_a_browser() {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let policy = Policy::load(&Files::read(&directory().join("policy")).unwrap());
    assert!(policy.is_ok(), "{policy:?}");
    let settings = FixedSettings::from([
        ("acs_endpoint", "https://contoso.communication.azure.com"),
        ("acs_access_key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("form_key", "a-key-for-the-tests-of-a-browser"),
    ]);
    let stand = Stand { gate: Gate::new(policy), settings, clock: SystemClock::new(), sent: Mutex::default() };
    let router = Router::new().fallback(serve).with_state(Arc::new(stand));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let status = spawn_blocking(|| drive(url)).await.unwrap();
    assert!(status.success(), "see the lines above");
}
