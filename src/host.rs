//! What the core needs from its host: time, randomness, settings, outbound HTTP and a place for audit lines.
//!
//! The core itself never reads a clock, an environment or a socket, so it runs the same in every host and natively in
//! tests.

use std::future::Future;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};

/// The values that an operator gives the gate.
pub trait Settings {
    /// The value of a setting by its snake_case name; `None` if it is unset or empty.
    fn setting(&self, name: &str) -> impl Future<Output = Option<String>>;

    /// The text of a file of the host, at most [`MAX_FILE_BYTES`]; `None` if it cannot be read.
    fn file(&self, path: &str) -> impl Future<Output = Option<String>>;
}

/// Time.
pub trait Clock {
    /// The time of day.
    fn now(&self) -> SystemTime;

    /// A clock that only goes forward, for durations.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Randomness.
pub trait Random {
    /// Random bits, suitable for identifiers that nobody should be able to guess.
    fn random(&self) -> u128;
}

/// Outbound HTTP.
pub trait Fetch {
    /// Sends a request and reads the whole answer, within `timeout` and [`MAX_ANSWER_BYTES`].
    ///
    /// # Errors
    /// If no complete answer arrived. The server may have carried out the request all the same.
    fn fetch(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response<Bytes>, FetchError>>;
}

/// A place for audit lines.
pub trait AuditLog {
    /// Writes one line of the audit log.
    fn audit(&self, line: &str);
}

/// What sending mail needs from a host: everything but a place for audit lines.
pub trait Sending: Settings + Clock + Random + Fetch {}

impl<T: Settings + Clock + Random + Fetch> Sending for T {}

/// Everything that the gate needs from a host.
pub trait Host: Sending + AuditLog {}

impl<T: Sending + AuditLog> Host for T {}

/// A host made of parts. Each service may come from elsewhere, so that wrappers and test doubles implement only what
/// they change.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a, S, C, F, A> {
    /// Provides settings and files.
    pub settings: &'a S,
    /// Provides time and randomness.
    pub clock: &'a C,
    /// Sends requests.
    pub http: &'a F,
    /// Takes audit lines.
    pub audit: &'a A,
}

impl<S: Settings, C, F, A> Settings for Services<'_, S, C, F, A> {
    async fn setting(&self, name: &str) -> Option<String> {
        self.settings.setting(name).await
    }

    async fn file(&self, path: &str) -> Option<String> {
        self.settings.file(path).await
    }
}

impl<S, C: Clock, F, A> Clock for Services<'_, S, C, F, A> {
    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

impl<S, C: Random, F, A> Random for Services<'_, S, C, F, A> {
    fn random(&self) -> u128 {
        self.clock.random()
    }
}

impl<S, C, F: Fetch, A> Fetch for Services<'_, S, C, F, A> {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        self.http.fetch(request, timeout).await
    }
}

impl<S, C, F, A: AuditLog> AuditLog for Services<'_, S, C, F, A> {
    fn audit(&self, line: &str) {
        self.audit.audit(line);
    }
}

/// The most bytes of an answer that the host reads. ACS's answers have a few hundred.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The most bytes of a file that the host reads. Federated tokens have a few thousand.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Time ran out.
    #[error("timeout")]
    Timeout,
    /// The host does not let the component talk to this server.
    #[error("denied by the host")]
    Denied,
    /// The server could not be reached, or the connection broke.
    #[error("unreachable")]
    Unreachable,
    /// The answer is not HTTP, or larger than [`MAX_ANSWER_BYTES`].
    #[error("garbled answer")]
    Garbled,
}

/// Why a request has no usable body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the route's limit.
    #[error("too large")]
    TooLarge,
    /// The connection broke, or the body did not arrive in time.
    #[error("interrupted")]
    Interrupted,
}
