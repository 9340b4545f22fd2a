//! Answers a request from the host, and reads bodies within limits.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use postern::host::{BodyError, Clock, Fetch, FetchError, MAX_ANSWER_BYTES, Random, Services};

use crate::services::{StandardOutput, StoredSettings};
use crate::{SeedSource, SettingStore, own};

/// Answers a request whose body is still arriving, within the time and size that its route allows.
///
/// `store` is where the flavour's hosts keep settings, `wasi` the adapter to their version of WASI.
pub async fn respond<B>(
    store: impl SettingStore,
    wasi: &(impl Clock + Random + Fetch),
    seeds: SeedSource,
    request: Request<B>,
) -> Response<Bytes>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let host = &Services { settings: &StoredSettings(store), clock: wasi, http: wasi, audit: &StandardOutput };
    let arrived = host.monotonic();
    let gate = own::gate(seeds);
    let (parts, body) = request.into_parts();
    let allowance = gate.allowance(parts.uri.path(), &parts.headers);
    let body = within(host, allowance.time, read(body, allowance.bytes)).await.unwrap_or(Err(BodyError::Interrupted));
    let mut response = gate.handle(host, Request::from_parts(parts, body), arrived).await;
    let length = HeaderValue::from(response.body().len());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// Reads a complete answer.
///
/// # Errors
/// If it is larger than [`MAX_ANSWER_BYTES`], or the connection breaks.
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

/// The future's result, unless time runs out first.
pub async fn within<T>(host: &impl Clock, timeout: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(host.sleep(timeout))).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// Reads a body of at most `limit` bytes. If `Content-Length` is larger, reads nothing.
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
