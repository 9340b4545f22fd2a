//! The load: connections that send one request after the other, and how long each answer took.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The body that every server gets: the contact form of the measurements' policy.
const PAYLOAD: &str = include_str!("../../tests/fixtures/cost/policy/templates/contact/sample.json");

/// The result of a load.
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Microseconds from a request to the end of its answer.
    pub latencies: Histogram<u64>,
}

/// Sends this many requests over this many connections, keeping each connection busy.
pub async fn run(address: &str, connections: usize, requests: usize) -> Result<Outcome> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(address.to_owned(), requests / connections));
    }
    let mut latencies = Histogram::new(3)?;
    while let Some(joined) = tasks.join_next().await {
        latencies.add(joined??)?;
    }
    Ok(Outcome { elapsed: started.elapsed(), latencies })
}

async fn connection(address: String, requests: usize) -> Result<Histogram<u64>> {
    let stream = TcpStream::connect(&address).await.context("the server does not accept connections")?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut latencies = Histogram::new(3)?;
    for _ in 0..requests {
        let started = Instant::now();
        send(&mut sender, &address).await?;
        latencies.record(u64::try_from(started.elapsed().as_micros())?)?;
    }
    Ok(latencies)
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, address: &str) -> Result<()> {
    let request = Request::post("/contact")
        .header("host", address)
        .header("content-type", "application/json")
        .header("origin", "https://www.contoso.example")
        .body(Full::from(PAYLOAD))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status == 200, "the server answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}
