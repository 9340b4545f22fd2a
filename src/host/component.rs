//! The WASI 0.3 adapter: the component's entry, and the services of a WASI host.

use std::error::Error;
use std::io::Read as _;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use spin_sdk::http::{Request as Incoming, send};
use spin_sdk::http_service;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;
use spin_sdk::wasip3::random::random::get_random_bytes;

use super::{BodyError, FetchError, Host, MAX_ANSWER_BYTES, MAX_FILE_BYTES, own, settings};

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

#[http_service]
async fn handle(request: Incoming) -> Response<Full<Bytes>> {
    let gate = own::gate();
    let (parts, body) = request.into_parts();
    let body = within(BODY_TIMEOUT, read(body, gate.body_limit(parts.uri.path())))
        .await
        .unwrap_or(Err(BodyError::Interrupted));
    let mut response = gate.handle(&Wasi, Request::from_parts(parts, body)).await;
    let length = HeaderValue::from(response.body().len());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response.map(Full::new)
}

/// Reads a body of at most `limit` bytes; one that announces more is not read at all.
async fn read<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if body.size_hint().upper().is_some_and(|announced| announced > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Interrupted),
    }
}

/// The future's result, unless time runs out first.
async fn within<T>(timeout: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(sleep(timeout))).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// The services of a WASI host.
struct Wasi;

impl Host for Wasi {
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

    fn random(&self) -> u128 {
        get_random_bytes(16).into_iter().fold(0, |bits, byte| bits << 8 | u128::from(byte))
    }

    async fn setting(&self, name: &str) -> Option<String> {
        settings::get(name).await.filter(|value| !value.is_empty())
    }

    async fn file(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let file = std::fs::File::open(path).ok()?;
        let size = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
        (size as u64 <= MAX_FILE_BYTES).then_some(text)
    }

    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        let mut request = request.map(Full::new);
        request.extensions_mut().insert(RequestOptionsExtension(options(timeout)));
        within(timeout, answer(request)).await.unwrap_or(Err(FetchError::Timeout))
    }

    fn audit(&self, line: &str) {
        println!("{line}");
    }
}

/// The host's own time-outs, ten minutes by default, brought down to the gate's.
fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
    // A host may not support one of them; the gate's own timer has the last word either way.
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    options
}

async fn answer(request: Request<Full<Bytes>>) -> Result<Response<Bytes>, FetchError> {
    let (parts, body) = send(request).await.map_err(|code| failure(&code))?.into_parts();
    let body = read(body, MAX_ANSWER_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => FetchError::Garbled,
        BodyError::Interrupted => FetchError::Unreachable,
    })?;
    Ok(Response::from_parts(parts, body))
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
