//! The guest's requests: only to the origins that it was given, over pooled connections, within time limits.

use crate::limits::Limits;
use crate::log::{Event, Log};
use crate::origin::Origin;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error as StdError;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Shorter than the minute or more for which servers keep idle connections, so that a request rarely meets a closed
/// one.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// How many idle connections to keep to one origin.
const IDLE_CONNECTIONS: usize = 64;

/// A body up to this size, if its length is known, is read completely before the request is sent, so that head and body
/// go out together. Sent separately, the second part can wait for a delayed acknowledgement of the first.
const WHOLE_BODY_BYTES: u64 = 16 << 20;

type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// The connections of one host, shared by all its instances.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, WasiBody>,
    limits: Limits,
    log: Log,
}

/// What one instance may send.
pub(crate) struct Gateway {
    outbound: Outbound,
    allowed: Arc<[Origin]>,
}

/// The guest's time limits, within the host's.
#[derive(Clone, Copy)]
struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Outbound {
    pub(crate) fn new(limits: Limits, log: Log) -> Result<Self, rustls::Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.connect_time));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self { client, limits, log })
    }

    pub(crate) fn gateway(&self, allowed: Arc<[Origin]>) -> Gateway {
        Gateway { outbound: self.clone(), allowed }
    }

    async fn send(self, origin: Origin, request: Request<WasiBody>, times: Timeouts) -> Result<Answer, Error> {
        let answer = self.exchange(request, times).await;
        if let Err(error) = &answer {
            let sentence = format!("A request to {origin} failed: {error}.");
            (self.log)(Event::Outbound(&sentence));
        }
        answer
    }

    async fn exchange(&self, request: Request<WasiBody>, times: Timeouts) -> Result<Answer, Error> {
        let mut request = whole(request).await?;
        let mut connection = capture_connection(&mut request);
        let mut response = pin!(self.client.request(request));
        let early = tokio::select! {
            biased;
            result = &mut response => Some(result),
            connected = timeout(times.connect, connection.wait_for_connection_metadata()) => {
                connected.map(|_| None).map_err(|_| Error::ConnectionTimeout)?
            }
        };
        let result = match early {
            Some(result) => result,
            None => timeout(times.first_byte, response).await.map_err(|_| Error::ConnectionReadTimeout)?,
        };
        let response = result.map_err(explain)?;
        let paced = response.map(|body| TimedBody::new(body, times.between_bytes).boxed_unsync());
        // hyper-util drives the connection, so the guest's task has nothing to drive.
        Ok((paced, Box::new(std::future::ready(Ok(())))))
    }

    fn times(&self, options: Option<RequestOptions>) -> Timeouts {
        let options = options.unwrap_or_default();
        let capped = |wish: Option<Duration>, cap: Duration| wish.map_or(cap, |time| time.min(cap));
        Timeouts {
            connect: capped(options.connect_timeout, self.limits.connect_time),
            first_byte: capped(options.first_byte_timeout, self.limits.first_byte_time),
            between_bytes: capped(options.between_bytes_timeout, self.limits.between_bytes_time),
        }
    }

    fn deny(&self, request: &Request<WasiBody>) {
        let target = Origin::of(request.uri())
            .map_or_else(|| "an address that is not an http origin".to_owned(), |origin| origin.to_string());
        let sentence = format!("A request to {target} was denied: it is not an allowed outbound origin.");
        (self.log)(Event::Outbound(&sentence));
    }
}

impl Gateway {
    fn allowed(&self, request: &Request<WasiBody>) -> Option<Origin> {
        Origin::of(request.uri()).filter(|origin| self.allowed.contains(origin))
    }
}

impl WasiHttpHooks for Gateway {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let Some(origin) = self.allowed(&request) else {
            self.outbound.deny(&request);
            let patience = self.outbound.limits.first_byte_time;
            return Box::new(async move {
                // If its body is closed early, a WASI 0.2 client learns only that, and not that the request was denied.
                let _ = timeout(patience, discard(request.into_body())).await;
                Err(Error::HttpRequestDenied)
            });
        };
        let times = self.outbound.times(options);
        Box::new(self.outbound.clone().send(origin, request, times))
    }
}

/// Reads a body to its end and drops it.
async fn discard(mut body: WasiBody) {
    while let Some(Ok(_)) = body.frame().await {}
}

async fn whole(request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
    let (parts, body) = request.into_parts();
    let length = content_length(&parts.headers).or(body.size_hint().exact());
    if length.is_none_or(|length| length > WHOLE_BODY_BYTES) {
        return Ok(Request::from_parts(parts, body));
    }
    let bytes = body.collect().await?.to_bytes();
    let body = Full::new(bytes).map_err(Error::from).boxed_unsync();
    Ok(Request::from_parts(parts, body))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The WASI error code for a failure, from its innermost known cause.
fn explain(error: legacy::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(known) = known(inner) {
            return known;
        }
        cause = inner.source();
    }
    match error.is_connect() {
        true => Error::DestinationUnavailable,
        false => Error::HttpProtocolError,
    }
}

fn known(cause: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(error) = cause.downcast_ref::<Error>() {
        return Some(Error::InternalError(Some(error.to_string())));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return error.is_incomplete_message().then_some(Error::ConnectionTerminated);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Some(explain_tls(tls));
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Error::ConnectionRefused),
        io::ErrorKind::TimedOut => Some(Error::ConnectionTimeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Error::ConnectionTerminated),
        _ => None,
    }
}

fn explain_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
        _ => Error::TlsProtocolError,
    }
}

/// The body of a response, each piece of which must arrive in time.
struct TimedBody {
    body: Incoming,
    limit: Duration,
    expiry: Pin<Box<Sleep>>,
}

impl TimedBody {
    fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, limit, expiry: Box::pin(sleep(limit)) }
    }

    fn restart(&mut self) {
        let next = Instant::now() + self.limit;
        self.expiry.as_mut().reset(next);
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.restart();
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        ready!(self.expiry.as_mut().poll(context));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
