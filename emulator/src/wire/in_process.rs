//! The emulator without its socket, for tests that make many thousand calls.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;

use crate::faults::ResetHandle;

/// Answers requests as the socket does.
#[derive(Clone, Debug)]
pub struct InProcess(Router);

/// The connection was deliberately reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("connection reset")]
pub struct ConnectionReset;

impl InProcess {
    pub(crate) fn new(router: Router) -> InProcess {
        InProcess(router)
    }

    /// Answers one request. A fault that hangs makes the future pend for ever, and one that delays needs tokio's timer;
    /// otherwise, the future is ready when polled.
    ///
    /// # Errors
    /// If a fault resets the connection.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectionReset> {
        let reset = ResetHandle::default();
        let mut request = as_received(request);
        request.extensions_mut().insert(reset.clone());
        let service = TowerToHyperService::new(self.0.clone());
        let response = tokio::select! {
            biased;
            response = service.call(request) => response.map_err(|never| match never {})?,
            () = reset.requested() => return Err(ConnectionReset),
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| ConnectionReset)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// A client's request has the host in its address, a server's in a header.
fn as_received(request: Request<Bytes>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority {
        parts.headers.entry(HOST).or_insert(authority);
    }
    let target = parts.uri.path_and_query().cloned();
    parts.uri = target.map_or_else(Uri::default, Uri::from);
    Request::from_parts(parts, Body::from(body))
}
