//! This machine as a host of the core: its clocks, its environment, its files and connections.

use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use postern::host::{AuditLog, Clock, Fetch, FetchError, MAX_ANSWER_BYTES, MAX_FILE_BYTES, Random, Settings};
use ureq::Agent;
use uuid::Uuid;

use crate::settings;

/// This machine.
#[derive(Debug)]
pub struct Machine {
    started: Instant,
    agent: Agent,
}

impl Machine {
    /// This machine, from now on.
    pub fn new() -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { started: Instant::now(), agent: agent.into() }
    }

    /// Sends a request and reads the whole answer, within `timeout` and `limit` bytes.
    ///
    /// # Errors
    /// If no complete answer arrived. The server may have carried out the request all the same.
    pub async fn call(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
        limit: usize,
    ) -> Result<Response<Bytes>, FetchError> {
        let agent = self.agent.clone();
        let answer = tokio::task::spawn_blocking(move || fetch(&agent, request, timeout, limit as u64)).await;
        answer.unwrap_or(Err(FetchError::Unreachable))
    }
}

impl Settings for Machine {
    async fn setting(&self, name: &str) -> Option<String> {
        settings::value(name)
    }

    async fn file(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let size = File::open(path).ok()?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
        (size as u64 <= MAX_FILE_BYTES).then_some(text)
    }
}

impl Clock for Machine {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Random for Machine {
    fn random(&self) -> u128 {
        Uuid::new_v4().as_u128()
    }
}

impl Fetch for Machine {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        self.call(request, timeout, MAX_ANSWER_BYTES).await
    }
}

impl AuditLog for Machine {
    fn audit(&self, line: &str) {
        crate::console::say(line);
    }
}

fn fetch(agent: &Agent, request: Request<Bytes>, timeout: Duration, limit: u64) -> Result<Response<Bytes>, FetchError> {
    let mut request = request.map(|body| body.to_vec());
    // The client writes its own header.
    request.headers_mut().remove(http::header::CONTENT_LENGTH);
    let request = agent.configure_request(request).timeout_global(Some(timeout)).build();
    let (parts, mut body) = agent.run(request).map_err(|error| failure(&error))?.into_parts();
    let body = body.with_config().limit(limit).read_to_vec().map_err(|error| failure(&error))?;
    Ok(Response::from_parts(parts, body.into()))
}

const fn failure(error: &ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::Protocol(_) | ureq::Error::Http(_) | ureq::Error::BodyExceedsLimit(_) => FetchError::Garbled,
        _ => FetchError::Unreachable,
    }
}
