//! When Event Grid tries again, and when it gives up.
//!
//! Source: Event Grid message delivery and retry (custom and system topics). Event Grid adds some randomness, the
//! emulator does not.

use std::time::Duration;

use http::StatusCode;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long to wait after the first, second, … failed attempt; the last value repeats.
pub const RETRY_AFTER: [Duration; 10] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(MINUTE),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(3 * HOUR),
    Duration::from_secs(6 * HOUR),
    Duration::from_secs(12 * HOUR),
];

/// How old an event may be to be tried again.
pub const LIFETIME: Duration = Duration::from_secs(24 * HOUR);

/// The most attempts for one event.
pub const TRIES: usize = 30;

/// Answers after which an event is not tried again.
pub const DROPPED_ON: [StatusCode; 4] =
    [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::PAYLOAD_TOO_LARGE];

/// How long a webhook may take to answer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Whether Event Grid considers the answer a success.
pub(super) fn is_success(status: StatusCode) -> bool {
    (200..=204).contains(&status.as_u16())
}

/// The wait after this many attempts that began this long ago; `None` if it is time to give up.
pub(super) fn next(tries: usize, since_first: Duration) -> Option<Duration> {
    let step = tries.checked_sub(1)?;
    let wait = RETRY_AFTER.get(step).or(RETRY_AFTER.last())?;
    let in_time = since_first.saturating_add(*wait) <= LIFETIME;
    (tries < TRIES && in_time).then_some(*wait)
}
