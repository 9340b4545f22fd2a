//! The WASI 0.2 adapter, for older hosts: answers requests, and gives the core a clock, randomness and HTTP, through
//! `wstd`.
#![cfg(target_family = "wasm")]

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use postern::host::{Clock, Fetch, FetchError, Random};
use postern_component::sealable::Guest;
use postern_component::{SettingStore, respond, seal, whole, within};
use wstd::http::error::ErrorCode;
use wstd::http::{Body, Client, Error};
use wstd::rand::get_random_bytes;

/// Answers a request; `store` is where the flavour's hosts keep settings.
pub async fn handle(store: impl SettingStore, request: Request<Body>) -> Response<Body> {
    let wasi = Wasi { started: Instant::now() };
    respond(store, &wasi, random_u64, request.map(Body::into_boxed_body)).await.map(Body::from)
}

/// Seals a policy into the component. Each flavour exports it.
pub struct Sealable;

impl Guest for Sealable {
    fn seal(files: Vec<(String, String)>) -> Result<(), String> {
        seal(random_u64, files)
    }
}

/// Random bits of the host.
fn random_u64() -> u64 {
    let mut bytes = [0; size_of::<u64>()];
    get_random_bytes(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A WASI host, for one request.
struct Wasi {
    started: Instant,
}

impl Clock for Wasi {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        wstd::task::sleep(duration.into()).await;
    }
}

impl Random for Wasi {
    fn random(&self) -> u128 {
        let mut bytes = [0; size_of::<u128>()];
        get_random_bytes(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}

impl Fetch for Wasi {
    /// Leaves the host's own time-outs unchanged: a host that does not support them would refuse the request, and the
    /// gate's timer ends it earlier.
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        within(self, timeout, answer(request)).await.unwrap_or(Err(FetchError::Timeout))
    }
}

async fn answer(request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
    let answer = Client::new().send(request).await.map_err(|error| failure(&error))?;
    whole(answer.map(Body::into_boxed_body)).await
}

fn failure(error: &Error) -> FetchError {
    match error.downcast_ref::<ErrorCode>() {
        Some(ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited) => FetchError::Denied,
        Some(
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout,
        ) => FetchError::Timeout,
        Some(
            ErrorCode::HttpProtocolError
            | ErrorCode::HttpResponseHeaderSectionSize(_)
            | ErrorCode::HttpResponseHeaderSize(_)
            | ErrorCode::HttpResponseBodySize(_)
            | ErrorCode::HttpResponseTransferCoding(_)
            | ErrorCode::HttpResponseContentCoding(_),
        ) => FetchError::Garbled,
        _ => FetchError::Unreachable,
    }
}
