//! From the host's request to its response, and the reading of bodies.

use std::error::Error;
use std::fs::File;
use std::io::Read as _;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use postern::host::{BodyError, Clock, FetchError, Host, MAX_ANSWER_BYTES, MAX_FILE_BYTES};

use crate::{SeedSource, own};

/// Answers a request whose body is still on its way. It has the time and the bytes that its route gives it.
pub async fn respond<B>(host: &impl Host, random: SeedSource, request: Request<B>) -> Response<Bytes>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let arrived = host.monotonic();
    let gate = own::gate(random);
    let (parts, body) = request.into_parts();
    let allowance = gate.allowance(parts.uri.path(), &parts.headers);
    let body = within(host, allowance.time, read(body, allowance.bytes)).await.unwrap_or(Err(BodyError::Interrupted));
    let mut response = gate.handle(host, Request::from_parts(parts, body), arrived).await;
    let length = HeaderValue::from(response.body().len());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// Reads the whole of an answer.
///
/// # Errors
/// When it is larger than [`MAX_ANSWER_BYTES`], or the connection breaks.
pub async fn whole<B>(answer: Response<B>) -> Result<Response<Bytes>, FetchError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = answer.into_parts();
    let body = read(body, MAX_ANSWER_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => FetchError::Garbled,
        BodyError::Interrupted => FetchError::Unreachable,
    })?;
    Ok(Response::from_parts(parts, body))
}

/// The text of a file of the host, unless it is too large.
pub fn file(path: &str) -> Option<String> {
    let mut text = String::new();
    let size = File::open(path).ok()?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
    (size as u64 <= MAX_FILE_BYTES).then_some(text)
}

/// The future's result, unless time runs out first.
pub async fn within<T>(host: &impl Clock, timeout: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(host.sleep(timeout))).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
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
