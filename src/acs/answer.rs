//! What an answer of ACS means, or that there is none.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::outcome::Outcome;
use super::standing::Status;
use super::transition::{Call, Signal};
use crate::entra::TokenError;
use crate::host::FetchError;

/// The longest wait that is passed on: a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// ACS's error codes that an operator can act on, each with an outcome of its own. ACS publishes no list of its
/// email codes; these are quoted in issues of its SDKs and in other clients' source.
pub const TERMINAL_CODES: [(&str, Outcome); 3] = [
    ("EmailDroppedAllRecipientsSuppressed", Outcome::Suppressed),
    ("InvalidSenderUserName", Outcome::UnknownSender),
    ("DomainNotLinked", Outcome::UnlinkedDomain),
];

/// One answer, read.
#[derive(Debug)]
pub(super) struct Answer {
    pub signal: Signal,
    pub outcome: Outcome,
    pub status: Option<u16>,
    pub error_code: Option<String>,
    /// How the operation stands, where the answer tells.
    pub standing: Option<Status>,
}

impl Answer {
    /// Nothing told what became of the message before the time ran out.
    pub(super) const fn none() -> Self {
        Self { signal: Signal::Doubtful, outcome: Outcome::Timeout, status: None, error_code: None, standing: None }
    }
}

/// The body of a 202 and of a status read.
#[derive(Deserialize)]
struct Operation {
    id: Uuid,
    status: String,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<String>,
}

/// What it means that there is no token for a call, which is then not made.
pub(super) fn without_token(error: TokenError) -> Answer {
    let (signal, outcome, status, error_code) = match error {
        TokenError::Refused { status, code } => (Signal::Barred, Outcome::Unauthorized, Some(status), code),
        TokenError::Assertion => (Signal::Barred, Outcome::Unauthorized, None, None),
        TokenError::Denied => (Signal::Barred, Outcome::Denied, None, None),
        TokenError::Unavailable { retry_after } => {
            (Signal::Postponed, Outcome::Unavailable { retry_after }, None, None)
        }
    };
    Answer { signal, outcome, status, error_code, standing: None }
}

/// Reads the answer to a call about an operation.
pub(super) fn read(
    call: Call,
    answer: Result<Response<Bytes>, FetchError>,
    operation: Uuid,
    now: SystemTime,
) -> Answer {
    let doubtful = |outcome| Answer { outcome, ..Answer::none() };
    match answer {
        Ok(answer) => answered(call, &answer, operation, now),
        Err(FetchError::Timeout) => Answer::none(),
        Err(FetchError::Unreachable) => doubtful(Outcome::Unreachable),
        Err(FetchError::Garbled) => doubtful(Outcome::Garbled),
        Err(FetchError::Denied) => Answer { signal: Signal::Barred, ..doubtful(Outcome::Denied) },
    }
}

fn answered(call: Call, answer: &Response<Bytes>, operation: Uuid, now: SystemTime) -> Answer {
    let status = Some(answer.status().as_u16());
    let expected = match call {
        Call::Send => StatusCode::ACCEPTED,
        Call::Status => StatusCode::OK,
    };
    if answer.status() == expected {
        return Answer { status, ..standing(answer.body(), operation) };
    }
    let error_code = answer.headers().get("x-ms-error-code").and_then(|code| plain_code(code.to_str().ok()?));
    let (signal, outcome) = refusal(call, answer, now);
    let known = error_code.as_deref().filter(|_| matches!(signal, Signal::Refused | Signal::Barred)).and_then(terminal);
    Answer { signal, outcome: known.unwrap_or(outcome), status, error_code, standing: None }
}

/// An operation counts only under its own id: anything else did not come from ACS's mail service.
fn standing(body: &[u8], operation: Uuid) -> Answer {
    let garbled = Answer { outcome: Outcome::Garbled, ..Answer::none() };
    let Ok(answer) = serde_json::from_slice::<Operation>(body) else { return garbled };
    if answer.id != operation {
        return garbled;
    }
    let standing = Status::of(&answer.status);
    if !standing.is_failure() {
        let accepted = Answer { signal: Signal::Accepted, outcome: Outcome::Accepted, ..garbled };
        return Answer { standing: Some(standing), ..accepted };
    }
    let error_code = answer.error.and_then(|error| plain_code(&error.code?));
    let outcome = error_code.as_deref().and_then(terminal).unwrap_or(Outcome::Rejected);
    Answer { signal: Signal::Failed, outcome, status: None, error_code, standing: Some(standing) }
}

fn refusal(call: Call, answer: &Response<Bytes>, now: SystemTime) -> (Signal, Outcome) {
    let retry_after = || retry_after(answer.headers(), now);
    match (call, answer.status()) {
        (Call::Send, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) => (Signal::Refused, Outcome::Rejected),
        (Call::Status, StatusCode::NOT_FOUND) => (Signal::Unknown, Outcome::NotFound),
        (Call::Status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) => (Signal::Barred, Outcome::Rejected),
        (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => (Signal::Barred, Outcome::Unauthorized),
        (_, StatusCode::NOT_FOUND) => (Signal::Barred, Outcome::NotFound),
        (_, StatusCode::PAYLOAD_TOO_LARGE) => (Signal::Barred, Outcome::TooLarge),
        (_, StatusCode::TOO_MANY_REQUESTS) => (Signal::Postponed, Outcome::Throttled { retry_after: retry_after() }),
        (_, status) if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() => {
            (Signal::Doubtful, Outcome::Unavailable { retry_after: retry_after() })
        }
        _ => (Signal::Doubtful, Outcome::Garbled),
    }
}

fn terminal(code: &str) -> Option<Outcome> {
    TERMINAL_CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, outcome)| *outcome)
}

/// Seconds or a date (RFC 9110, 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Goes to the log, so it must look like a code: ACS's answers are input like any other.
pub(crate) fn plain_code(code: &str) -> Option<String> {
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !code.is_empty()).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

    use super::{MAX_RETRY_AFTER, plain_code, retry_after};

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
