//! What the core asks of its host: time, randomness, settings, outbound HTTP and a place for audit lines.
//!
//! The core itself never reads a clock, an environment or a socket, which is why it runs the same in every host
//! and natively in tests.

use std::future::Future;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};

/// The services of a host.
pub trait Host {
    /// The time of day.
    fn now(&self) -> SystemTime;

    /// A clock that only goes forward, for durations.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Random bits, fit for identifiers that nobody should guess.
    fn random(&self) -> u128;

    /// The value of a setting by its lower_snake name; `None` when it is unset or empty.
    fn setting(&self, name: &str) -> impl Future<Output = Option<String>>;

    /// The text of a file of the host, at most [`MAX_FILE_BYTES`]; `None` when it cannot be read.
    fn file(&self, path: &str) -> impl Future<Output = Option<String>>;

    /// Sends a request and reads the whole answer, within `timeout` and [`MAX_ANSWER_BYTES`].
    ///
    /// # Errors
    /// When no whole answer came. The request may have been carried out all the same.
    fn fetch(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response<Bytes>, FetchError>>;

    /// Writes one line of the audit log.
    fn audit(&self, line: &str);
}

/// The most bytes of an answer that are read. ACS's answers have a few hundred.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The most bytes of a file that are read. Federated tokens have a few thousand.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The time ran out.
    #[error("timeout")]
    Timeout,
    /// The host does not let the component talk to this server.
    #[error("denied by the host")]
    Denied,
    /// The server could not be reached, or the connection broke.
    #[error("unreachable")]
    Unreachable,
    /// What came back is not HTTP, or larger than [`MAX_ANSWER_BYTES`].
    #[error("garbled answer")]
    Garbled,
}

/// Why a request's body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the route's limit.
    #[error("too large")]
    TooLarge,
    /// The connection broke, or the body did not arrive in time.
    #[error("interrupted")]
    Interrupted,
}
