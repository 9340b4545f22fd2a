//! The WASI 0.3 adapter: answers requests, and gives the core a clock, randomness and HTTP, through `spin-sdk`.
#![cfg(target_family = "wasm")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use postern::host::{Clock, Fetch, FetchError, Random};
use postern_component::sealable::Guest;
use postern_component::{SettingStore, respond, seal, whole, within};
use spin_sdk::http::send;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;
use spin_sdk::wasip3::random::random::{get_random_bytes, get_random_u64};

pub use spin_sdk::http::Request as Incoming;

/// Answers a request; `store` is where the flavour's hosts keep settings.
pub async fn handle(store: impl SettingStore, request: Incoming) -> Response<Full<Bytes>> {
    respond(store, &Wasi, get_random_u64, request).await.map(Full::new)
}

/// Seals a policy into the component. Each flavour exports it.
pub struct Sealable;

impl Guest for Sealable {
    fn seal(files: Vec<(String, String)>) -> Result<(), String> {
        seal(get_random_u64, files)
    }
}

/// A WASI host.
struct Wasi;

impl Clock for Wasi {
    fn now(&self) -> SystemTime {
        let now = system_clock::now();
        UNIX_EPOCH + Duration::new(u64::try_from(now.seconds).unwrap_or_default(), now.nanoseconds)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

impl Random for Wasi {
    fn random(&self) -> u128 {
        get_random_bytes(16).into_iter().fold(0, |bits, byte| bits << 8 | u128::from(byte))
    }
}

impl Fetch for Wasi {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        let mut request = request.map(Full::new);
        request.extensions_mut().insert(RequestOptionsExtension(options(timeout)));
        within(self, timeout, answer(request)).await.unwrap_or(Err(FetchError::Timeout))
    }
}

/// Lowers the host's own time-outs, ten minutes by default, to the gate's.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
    // A host may not support one of them; the gate's own timer ends the request in any case.
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    options
}

async fn answer(request: Request<Full<Bytes>>) -> Result<Response<Bytes>, FetchError> {
    whole(send(request).await.map_err(|code| failure(&code))?).await
}

const fn failure(code: &ErrorCode) -> FetchError {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => FetchError::Denied,
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => FetchError::Timeout,
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_) => FetchError::Garbled,
        _ => FetchError::Unreachable,
    }
}
