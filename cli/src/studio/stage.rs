//! A gate that the studio calls, and the audit lines that it writes about these calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use postern::trace::TRACEPARENT;
use postern_runtime::Host;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// The most bytes of an answer that are shown; the gate's own have a few hundred.
const MAX_ANSWER: usize = 1024 * 1024;

/// Audit lines by the trace that they name, as long as somebody waits for them; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<BTreeMap<String, Vec<Value>>>>);

impl Heard {
    /// Keeps a line if somebody waits for it.
    pub fn line(&self, text: &str) {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        let line: Value = serde_json::from_str(text).unwrap_or_default();
        let trace = line.get("trace_id").and_then(Value::as_str).unwrap_or_default();
        if let Some(lines) = waiting.get_mut(trace) {
            lines.push(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose lines are waited for.
struct Waiting<'a> {
    heard: &'a Heard,
    trace: String,
}

impl<'a> Waiting<'a> {
    fn begin(heard: &'a Heard) -> Self {
        let trace = Uuid::new_v4().simple().to_string();
        heard.lock().insert(trace.clone(), Vec::new());
        Self { heard, trace }
    }

    fn lines(self) -> Vec<Value> {
        self.heard.lock().remove(&self.trace).unwrap_or_default()
    }
}

/// The page may hang up before there is an answer.
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.heard.lock().remove(&self.trace);
    }
}

/// A gate with its own lines.
pub struct Stage {
    host: Host,
    heard: Heard,
    /// Scheme, host and port under which callers know the gate.
    pub url: String,
}

/// What a gate answered, and what it wrote down.
#[derive(Debug, Serialize)]
pub struct Answer {
    status: u16,
    phrase: &'static str,
    headers: Vec<(String, String)>,
    body: String,
    /// A line for each event of the request.
    pub audit: Vec<Value>,
}

impl Stage {
    /// A gate whose audit lines are passed to `heard`.
    pub const fn new(host: Host, heard: Heard, url: String) -> Self {
        Self { host, heard, url }
    }

    /// What the gate answers to whoever reads a path.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.call(Request::get(format!("{}{path}", self.url)).body(Bytes::new())?).await?;
        serde_json::from_str(&answer.body).with_context(|| format!("{path} was answered {}", answer.status))
    }

    /// Calls the gate, as its server would.
    pub async fn call(&self, mut request: Request<Bytes>) -> anyhow::Result<Answer> {
        let waiting = Waiting::begin(&self.heard);
        let span = waiting.trace.get(..16).unwrap_or_default();
        let parent = HeaderValue::from_str(&format!("00-{}-{span}-00", waiting.trace))?;
        request.headers_mut().insert(TRACEPARENT, parent);
        let (parts, body) = self.host.handle(request.map(Full::new)).await.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!("{error}")).context("The gate's answer broke off")?;
        Ok(Answer {
            status: parts.status.as_u16(),
            phrase: parts.status.canonical_reason().unwrap_or_default(),
            headers: told(&parts.headers),
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            audit: waiting.lines(),
        })
    }
}

/// Headers as text.
pub fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
