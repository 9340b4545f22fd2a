//! The services of a host for tests and measurements. [`postern::host::Services`] puts them together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use postern::host::{AuditLog, Clock, Fetch, FetchError, Random, Settings};
use uuid::Uuid;

/// The clocks and the randomness of this machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Random for SystemClock {
    fn random(&self) -> u128 {
        Uuid::new_v4().as_u128()
    }
}

/// Fixed settings. As with every host, an empty value counts as unset; there are no files.
#[derive(Debug, Clone, Default)]
pub struct FixedSettings(pub BTreeMap<String, String>);

impl<const N: usize> From<[(&str, &str); N]> for FixedSettings {
    fn from(settings: [(&str, &str); N]) -> Self {
        Self(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

impl Settings for FixedSettings {
    async fn setting(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    async fn file(&self, _: &str) -> Option<String> {
        None
    }
}

/// No network.
#[derive(Debug, Clone, Copy)]
pub struct Offline;

impl Fetch for Offline {
    async fn fetch(&self, _: Request<Bytes>, _: Duration) -> Result<Response<Bytes>, FetchError> {
        Err(FetchError::Denied)
    }
}

/// An audit log that discards its lines, which are built all the same.
#[derive(Debug, Clone, Copy)]
pub struct Unread;

impl AuditLog for Unread {
    fn audit(&self, line: &str) {
        std::hint::black_box(line);
    }
}
