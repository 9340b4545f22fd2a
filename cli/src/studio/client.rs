//! A gate that the studio calls, and the audit lines that it writes about these calls.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use postern::trace::TRACEPARENT;
use postern_runtime::Host;
use serde::Serialize;
use serde_json::Value;

use super::capture::{AuditCapture, PendingLines};

/// The most bytes of an answer to show; the gate's own have a few hundred.
const MAX_ANSWER: usize = 1024 * 1024;

/// A gate, and the lines that it writes.
pub struct GateClient {
    host: Host,
    capture: AuditCapture,
    /// Scheme, host and port under which callers know the gate.
    pub url: String,
}

/// A gate's answer, and its audit lines.
#[derive(Debug, Serialize)]
pub struct Answer {
    status: u16,
    phrase: &'static str,
    headers: Vec<(String, String)>,
    body: String,
    /// A line for each event of the request.
    pub audit: Vec<Value>,
}

impl GateClient {
    /// A gate whose audit lines are passed to `capture`.
    pub const fn new(host: Host, capture: AuditCapture, url: String) -> Self {
        Self { host, capture, url }
    }

    /// The gate's response to a GET request for a path.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.call(Request::get(format!("{}{path}", self.url)).body(Bytes::new())?).await?;
        serde_json::from_str(&answer.body).with_context(|| format!("{path} returned status {}", answer.status))
    }

    /// Calls the gate in the way its server would.
    pub async fn call(&self, mut request: Request<Bytes>) -> anyhow::Result<Answer> {
        let waiting = PendingLines::begin(&self.capture);
        let span = waiting.trace.get(..16).unwrap_or_default();
        let parent = HeaderValue::from_str(&format!("00-{}-{span}-00", waiting.trace))?;
        request.headers_mut().insert(TRACEPARENT, parent);
        let (parts, body) = self.host.handle(request.map(Full::new)).await.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!("{error}")).context("The gate's response was cut short")?;
        Ok(Answer {
            status: parts.status.as_u16(),
            phrase: parts.status.canonical_reason().unwrap_or_default(),
            headers: header_pairs(&parts.headers),
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            audit: waiting.lines(),
        })
    }
}

/// Headers as text.
pub fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
