//! An emulator on its own port, a clock that only the test moves, and a client with its own signing code.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use postern_emulator::{Clock, Config, DEVELOPMENT_KEY, Emulator, Store};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use ureq::Agent;
use ureq::http::{Method, Request};

use crate::openapi;

pub const SEND: &str = "/emails:send?api-version=2025-09-01";
pub const ID: &str = "8540c0de-899f-5cce-acb5-3ec493af3800";

/// How to stop the emulator, and how to know that it has stopped.
type Serving = (oneshot::Sender<()>, JoinHandle<std::io::Result<()>>);

pub struct Lab {
    runtime: Option<Runtime>,
    stop: Mutex<Option<Serving>>,
    pub address: SocketAddr,
    pub store: Store,
    now: Arc<Mutex<SystemTime>>,
    agent: Agent,
}

impl Lab {
    pub fn new() -> Lab {
        Lab::with(|_| {})
    }

    /// Starts an emulator with the default configuration, changed by `change`, and the clock at 2026-03-03 07:05:09.
    pub fn with(change: impl FnOnce(&mut Config)) -> Lab {
        let now = Arc::new(Mutex::new(date("Tue, 03 Mar 2026 07:05:09 GMT")));
        let shown = Arc::clone(&now);
        let mut config = Config { clock: Clock::new(move || *shown.lock().unwrap()), ..Config::default() };
        change(&mut config);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
        let (address, store) = (emulator.local_addr(), emulator.store());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = runtime.spawn(emulator.serve(async {
            let _ = stopped.await;
        }));
        let agent = Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
        Lab { runtime: Some(runtime), stop: Mutex::new(Some((stop, serving))), address, store, now, agent }
    }

    /// Stops the emulator, and waits until it has stopped.
    pub fn stop(&self) {
        let (stop, serving) = self.stop.lock().unwrap().take().unwrap();
        stop.send(()).unwrap();
        self.runtime.as_ref().unwrap().block_on(serving).unwrap().unwrap();
    }

    pub fn set_clock(&self, date_text: &str) {
        *self.now.lock().unwrap() = date(date_text);
    }

    pub fn pass(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }

    pub fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    /// A complete and signed request, except for what the test changes.
    pub fn call(&self, method: &str, target: &str) -> Call<'_> {
        Call {
            lab: self,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
            key: DEVELOPMENT_KEY.to_owned(),
            date: httpdate::fmt_http_date(self.now()),
        }
    }

    pub fn post(&self, email: &Value) -> Call<'_> {
        self.call("POST", SEND).json(email)
    }

    pub fn send(&self, email: &Value) -> Answer {
        self.post(email).go()
    }

    /// Sends a plain mail and returns its operation's id.
    pub fn sent(&self, email: &Value) -> String {
        let answer = self.send(email);
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub fn status(&self, id: &str) -> Answer {
        self.call("GET", &format!("/emails/operations/{id}?api-version=2025-09-01")).go()
    }

    /// An unsigned call to the emulator's own interface.
    pub fn own(&self, method: &str, path: &str) -> Answer {
        self.call(method, path).unsigned()
    }

    pub fn own_post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path).json(body).unsigned()
    }

    /// Sends and receives bytes that no client library would send.
    pub fn raw(&self, request: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    pub fn subjects(&self) -> Vec<String> {
        let messages = self.store.messages();
        messages.iter().map(|message| message.email.content.subject.clone()).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
pub struct Call<'a> {
    lab: &'a Lab,
    method: String,
    pub target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    key: String,
    date: String,
}

impl Call<'_> {
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header("content-type", "application/json")
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// The date to sign and to send.
    pub fn date(mut self, date: &str) -> Self {
        self.date = date.to_owned();
        self
    }

    pub fn version(mut self, version: &str) -> Self {
        self.target = format!("/emails:send?api-version={version}");
        self
    }

    /// The four headers that authenticate the caller, as the SDKs send them.
    pub fn signature(&self) -> Vec<(String, String)> {
        let host = self.lab.address.to_string();
        let hash = STANDARD.encode(Sha256::digest(self.body.as_deref().unwrap_or_default()));
        let text = format!("{}\n{}\n{};{host};{hash}", self.method, self.target, self.date);
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&self.key).unwrap()).unwrap();
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let signed = "SignedHeaders=x-ms-date;host;x-ms-content-sha256";
        let authorization = format!("HMAC-SHA256 {signed}&Signature={signature}");
        [
            ("host", host),
            ("x-ms-date", self.date.clone()),
            ("x-ms-content-sha256", hash),
            ("authorization", authorization),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub fn go(self) -> Answer {
        self.try_go().unwrap()
    }

    pub fn try_go(self) -> Result<Answer, ureq::Error> {
        let signature = self.signature();
        self.with_headers(signature)
    }

    pub fn unsigned(self) -> Answer {
        self.with_headers(Vec::new()).unwrap()
    }

    /// Sends exactly these headers in addition to the test's own.
    pub fn with_headers(self, headers: Vec<(String, String)>) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(Method::from_bytes(self.method.as_bytes()).unwrap())
            .uri(format!("http://{}{}", self.lab.address, self.target));
        for (name, value) in headers.iter().chain(&self.headers) {
            request = request.header(name, value);
        }
        let mut response = match &self.body {
            Some(body) => self.lab.agent.run(request.body(body.as_slice()).unwrap())?,
            None => self.lab.agent.run(request.body(()).unwrap())?,
        };
        let mut headers = HashMap::new();
        for (name, value) in response.headers() {
            headers.insert(name.to_string(), value.to_str().unwrap().to_owned());
        }
        let text = response.body_mut().with_config().limit(1 << 27).read_to_string()?;
        let answer = Answer { status: response.status().as_u16(), headers, text };
        if answer.status >= 400 {
            answer.check_error_shape();
        }
        openapi::check(&self.target, self.body.as_deref(), answer.status, &answer.text);
        Ok(answer)
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    /// Status, error code and a part of the message, all at once.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, part: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.code(), code);
        assert!(self.message().contains(part), "{part:?} not in {:?}", self.message());
    }

    /// Every error in every test has one of ACS's two formats.
    fn check_error_shape(&self) {
        let body = self.json();
        let (code, message) = (&body["error"]["code"], &body["error"]["message"]);
        assert!(code.is_string() && message.is_string(), "{body}");
        assert_eq!(self.header("x-ms-error-code"), code.as_str());
        let short = json!({"error": {"code": code, "message": message}});
        let long = json!({"error": {
            "code": code, "message": message, "target": null, "details": null, "innererror": null,
        }});
        assert_eq!(body, if self.status == 401 { short } else { long });
    }
}

pub fn date(text: &str) -> SystemTime {
    httpdate::parse_http_date(text).unwrap()
}

pub fn email() -> Value {
    json!({
        "senderAddress": "forms@contoso.example",
        "content": {"subject": "Hello", "plainText": "Hi"},
        "recipients": {"to": [{"address": "user@example.com"}]},
    })
}

pub fn email_about(subject: &str) -> Value {
    with(email(), "/content/subject", json!(subject))
}

pub fn email_to(address: &str) -> Value {
    with(email(), "/recipients/to/0/address", json!(address))
}

/// The same mail with one value replaced, or added to its object.
pub fn with(mut email: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = email.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
        _ => parent[name] = value,
    }
    email
}

/// The same mail without one member.
pub fn without(mut email: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    email.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    email
}
