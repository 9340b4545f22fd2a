//! The same core, natively behind hyper: the difference is the cost of the sandbox.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use postern::gate::Gate;
use postern::host::{BodyError, Clock as _, Fetch, FetchError, MAX_ANSWER_BYTES, Services};
use postern::policy::{Files, Policy};
use postern_test_support::{FixedSettings, SystemClock, Unread};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Outbound HTTP through hyper.
struct Network(Client<HttpConnector, Full<Bytes>>);

impl Fetch for Network {
    async fn fetch(&self, request: Request<Bytes>, time: Duration) -> Result<Response<Bytes>, FetchError> {
        timeout(time, self.exchange(request)).await.unwrap_or(Err(FetchError::Timeout))
    }
}

impl Network {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let response = self.0.request(request.map(Full::new)).await.map_err(|_| FetchError::Unreachable)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|_| FetchError::Garbled)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

struct Server {
    gate: Gate,
    settings: FixedSettings,
    clock: SystemClock,
    network: Network,
}

/// Serves a policy until the process ends.
pub async fn serve(listener: TcpListener, policy: &Path, settings: BTreeMap<String, String>) -> Result<()> {
    let policy =
        Policy::load(&Files::read(policy)?).map_err(|findings| anyhow!("the policy is wrong: {findings:?}"))?;
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let server = Arc::new(Server {
        gate: Gate::new(Ok(policy)),
        settings: FixedSettings(settings),
        clock: SystemClock::new(),
        network: Network(client),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream, server.clone()));
    }
}

async fn answer(stream: TcpStream, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| server.handle(request));
    // A client that hangs up affects nobody else.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Server {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let arrived = self.clock.monotonic();
        // Discards audit lines, as for the measured components.
        let host = Services { settings: &self.settings, clock: &self.clock, http: &self.network, audit: &Unread };
        let body = Limited::new(body, self.gate.allowance(parts.uri.path(), &parts.headers).bytes).collect().await;
        let body = body.map(|whole| whole.to_bytes()).map_err(|_| BodyError::TooLarge);
        Ok(self.gate.handle(&host, Request::from_parts(parts, body), arrived).await.map(Full::new))
    }
}
