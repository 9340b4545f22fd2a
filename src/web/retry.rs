//! How long to wait before the next call, and how long a server asks to wait.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The longest wait that the gate passes on: a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest possible first wait.
const FIRST: Duration = Duration::from_millis(200);

/// The longest possible wait.
const CEILING: Duration = Duration::from_secs(4);

/// The wait after this many calls: exponential with full jitter, so that many instances do not call at the same time
/// (AWS Architecture Blog, "Exponential Backoff And Jitter"). It is evenly distributed between zero and its limit;
/// `random` has 128 random bits.
pub fn wait(calls: u32, random: u128) -> Duration {
    let doublings = calls.saturating_sub(1).min(16);
    let bound = FIRST.saturating_mul(1 << doublings).min(CEILING);
    bound.mul_f64((random >> 96) as f64 / f64::from(u32::MAX))
}

/// Seconds or a date (RFC 9110, 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The text goes to the log, so it must look like a code: ACS's answers are input like any other.
pub fn plain_code(code: &str) -> Option<String> {
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !code.is_empty()).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

    use super::{MAX_RETRY_AFTER, plain_code, retry_after, wait};

    #[test]
    fn waits_double_up_to_four_seconds_and_are_anything_below() {
        let bounds = [200, 400, 800, 1600, 3200, 4000, 4000];
        for (calls, bound) in (1..).zip(bounds) {
            assert_eq!(wait(calls, u128::MAX), Duration::from_millis(bound));
            assert_eq!(wait(calls, 0), Duration::ZERO);
        }
        assert_eq!(wait(u32::MAX, u128::MAX), Duration::from_secs(4));
        let half = wait(1, u128::from(u32::MAX / 2) << 96).as_secs_f64();
        assert!((0.0999..0.1001).contains(&half), "{half}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_a_day() {
        let now: SystemTime = UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (text, wait) in [
            ("30", Some(30)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("99999999999", Some(MAX_RETRY_AFTER.as_secs())),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn an_error_code_is_kept_only_when_it_looks_like_one() {
        for (text, code) in [("TooManyRequests", Some("TooManyRequests")), ("", None), ("a b", None), ("a\"b", None)] {
            assert_eq!(plain_code(text).as_deref(), code, "{text}");
        }
    }
}
