//! Where mails end: a server that answers as ACS does when it accepts a message, and counts the messages.

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::{TcpListener, TcpStream};

/// A running sink; it ends with the runtime.
pub struct Sink {
    /// Its origin.
    pub endpoint: String,
    mails: Arc<AtomicU64>,
}

impl Sink {
    /// Listens on a port that the system chooses.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let mails = Arc::new(AtomicU64::new(0));
        tokio::spawn(accept(listener, endpoint.clone().into(), mails.clone()));
        Ok(Self { endpoint, mails })
    }

    /// How many mails it has accepted.
    pub fn mails(&self) -> u64 {
        self.mails.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, endpoint: Arc<str>, mails: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, endpoint.clone(), mails.clone()));
    }
}

async fn serve(stream: TcpStream, endpoint: Arc<str>, mails: Arc<AtomicU64>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| take(request, &endpoint, &mails));
    // A client that hangs up affects nobody else.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(request: Request<Incoming>, endpoint: &str, mails: &AtomicU64) -> Result<Response<Full<Bytes>>> {
    let operation = operation(request.headers());
    if request.method() != Method::POST {
        return answer(StatusCode::OK, endpoint, &operation, "Succeeded");
    }
    request.into_body().collect().await?;
    mails.fetch_add(1, Ordering::Relaxed);
    answer(StatusCode::ACCEPTED, endpoint, &operation, "Running")
}

fn operation(headers: &HeaderMap) -> String {
    let given = headers.get("operation-id").and_then(|value| value.to_str().ok());
    given.unwrap_or("8540c0de-899f-5cce-acb5-3ec493af3800").to_owned()
}

fn answer(status: StatusCode, endpoint: &str, operation: &str, word: &str) -> Result<Response<Full<Bytes>>> {
    let body = format!(r#"{{"id":"{operation}","status":"{word}","error":null}}"#);
    let place = format!("{endpoint}/emails/operations/{operation}?api-version=2023-03-31");
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .header("operation-location", place)
        .header("retry-after", "30");
    Ok(response.body(Full::new(body.into()))?)
}
