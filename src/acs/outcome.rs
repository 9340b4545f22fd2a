//! What became of a message, as far as ACS's answer tells.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::host::FetchError;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// ACS has taken it and will try to deliver it.
    Accepted,
    /// ACS refused the message itself (400, or a failed operation).
    Rejected,
    /// ACS refused the gate: wrong key, clock or sender domain (401, 403).
    Unauthorized,
    /// ACS does not know the resource or the sender's domain (404).
    NotFound,
    /// The message is larger than ACS takes (413, or known before sending).
    TooLarge,
    /// The quota is used up (429).
    Throttled {
        /// How long ACS asks to wait.
        retry_after: Option<Duration>,
    },
    /// ACS is in trouble (408, 5xx).
    Unavailable {
        /// How long ACS asks to wait.
        retry_after: Option<Duration>,
    },
    /// No answer came in time: the message may have been taken.
    Timeout,
    /// ACS could not be reached, or the connection broke: the message may have been taken.
    Unreachable,
    /// The host does not let the component talk to ACS.
    Denied,
    /// The answer is none that ACS gives: the message may have been taken.
    Garbled,
    /// Not tried, because a message before it met trouble that this one would meet too.
    NotAttempted,
}

/// One message's way to ACS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The operation id it was sent under.
    pub operation: Uuid,
    /// What became of it.
    pub outcome: Outcome,
    /// ACS's HTTP status, where it answered.
    pub status: Option<u16>,
    /// ACS's error code, where it gave one of a plain form.
    pub error_code: Option<String>,
    /// The `x-ms-client-request-id` of the attempt, for ACS's support.
    pub request_id: Option<Uuid>,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took.
    pub duration: Duration,
}

/// The longest wait that is passed on: a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

impl Outcome {
    /// The word for audit lines and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::TooLarge => "too-large",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Garbled => "garbled",
            Self::NotAttempted => "not-attempted",
        }
    }

    /// Whether the same message may be accepted later without anybody mending anything.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. } | Self::Timeout | Self::Unreachable)
    }

    /// Whether the next message would meet the same trouble.
    pub const fn concerns_all(self) -> bool {
        self.is_temporary() || matches!(self, Self::Unauthorized | Self::Denied)
    }

    /// How long ACS asks to wait.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Unavailable { retry_after } => retry_after,
            _ => None,
        }
    }
}

impl Delivery {
    /// A message that was not sent.
    pub const fn not_sent(operation: Uuid, outcome: Outcome) -> Self {
        Self {
            operation,
            outcome,
            status: None,
            error_code: None,
            request_id: None,
            attempts: 0,
            duration: Duration::ZERO,
        }
    }
}

/// What the answer to a send means.
pub(super) fn read(
    answer: Result<Response<Bytes>, FetchError>,
    operation: Uuid,
    request_id: Uuid,
    now: SystemTime,
    duration: Duration,
) -> Delivery {
    let (outcome, status, error_code) = match &answer {
        Ok(answer) => (classify(answer, operation, now), Some(answer.status().as_u16()), error_code(answer.headers())),
        Err(FetchError::Timeout) => (Outcome::Timeout, None, None),
        Err(FetchError::Unreachable) => (Outcome::Unreachable, None, None),
        Err(FetchError::Denied) => (Outcome::Denied, None, None),
        Err(FetchError::Garbled) => (Outcome::Garbled, None, None),
    };
    Delivery { operation, outcome, status, error_code, request_id: Some(request_id), attempts: 1, duration }
}

fn classify(answer: &Response<Bytes>, operation: Uuid, now: SystemTime) -> Outcome {
    let retry_after = || retry_after(answer.headers(), now);
    match answer.status() {
        StatusCode::ACCEPTED => accepted(answer.body(), operation),
        StatusCode::BAD_REQUEST => Outcome::Rejected,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Unauthorized,
        StatusCode::NOT_FOUND => Outcome::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Throttled { retry_after: retry_after() },
        StatusCode::REQUEST_TIMEOUT => Outcome::Unavailable { retry_after: retry_after() },
        status if status.is_server_error() => Outcome::Unavailable { retry_after: retry_after() },
        _ => Outcome::Garbled,
    }
}

#[derive(Deserialize)]
struct Operation {
    id: Uuid,
    status: String,
}

/// A 202 counts only with the operation's own id in it: anything else did not come from ACS's mail service.
fn accepted(body: &[u8], operation: Uuid) -> Outcome {
    match serde_json::from_slice::<Operation>(body) {
        Ok(answer) if answer.id != operation => Outcome::Garbled,
        Ok(answer) if matches!(answer.status.as_str(), "Failed" | "Canceled") => Outcome::Rejected,
        Ok(_) => Outcome::Accepted,
        Err(_) => Outcome::Garbled,
    }
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Goes to the log, so it must look like a code: ACS's answers are input like any other.
fn error_code(headers: &HeaderMap) -> Option<String> {
    let code = headers.get("x-ms-error-code")?.to_str().ok()?;
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !code.is_empty()).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

    use super::{MAX_RETRY_AFTER, error_code, retry_after};

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
            let name = http::HeaderName::from_static("x-ms-error-code");
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(text))]);
            assert_eq!(error_code(&headers).as_deref(), code, "{text}");
        }
    }
}
