//! The emulator's clock, which a test can stop or set.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A source of the current time: by default the system's, in tests their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// A clock that calls `now` each time.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// A stopped clock.
    pub fn fixed(at: SystemTime) -> Clock {
        Clock::new(move || at)
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// `at + wait`, or `at` itself if the sum is out of range.
pub(crate) fn later(at: SystemTime, wait: Duration) -> SystemTime {
    at.checked_add(wait).unwrap_or(at)
}

/// How long from `now` until `then`; zero if `then` has passed.
pub(crate) fn until(then: SystemTime, now: SystemTime) -> Duration {
    then.duration_since(now).unwrap_or_default()
}

/// RFC 3339 in UTC with milliseconds, as in the emulator's own JSON.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// Whole seconds for a `Retry-After` header: rounded up, at least 1.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let rounded = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    rounded.max(1)
}
