//! What ACS's answer means, or the lack of one.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::operation::Status;
use super::transition::{Call, Signal};
use crate::entra::TokenError;
use crate::host::FetchError;
use crate::outcome::Outcome;
use crate::web::retry::{plain_code, retry_after};

/// ACS's error codes that an operator can act on, each with its own outcome. ACS publishes no list of its email codes;
/// these are quoted in issues of its SDKs and in other clients' source.
pub const TERMINAL_CODES: [(&str, Outcome); 4] = [
    ("EmailDroppedAllRecipientsSuppressed", Outcome::Suppressed),
    ("InvalidEmailAddress", Outcome::InvalidAddress),
    ("InvalidSenderUserName", Outcome::UnknownSender),
    ("DomainNotLinked", Outcome::UnlinkedDomain),
];

/// The meaning of one answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub signal: Signal,
    pub outcome: Outcome,
    pub status: Option<u16>,
    pub error_code: Option<String>,
    /// The operation's status, if the answer contains it.
    pub operation_status: Option<Status>,
}

impl Answer {
    /// Time ran out before any answer showed what became of the message.
    pub(super) const fn none() -> Self {
        Self {
            signal: Signal::Doubtful,
            outcome: Outcome::Timeout,
            status: None,
            error_code: None,
            operation_status: None,
        }
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

/// What it means if there is no token for a call, so that the gate does not make it.
pub(super) fn without_token(error: TokenError) -> Answer {
    let (signal, outcome, status, error_code) = match error {
        TokenError::Refused { status, code } => (Signal::Barred, Outcome::Unauthorized, Some(status), code),
        TokenError::Assertion => (Signal::Barred, Outcome::Unauthorized, None, None),
        TokenError::Denied => (Signal::Barred, Outcome::Denied, None, None),
        TokenError::Unavailable { retry_after } => {
            (Signal::Postponed, Outcome::Unavailable { retry_after }, None, None)
        }
    };
    Answer { signal, outcome, status, error_code, operation_status: None }
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
        return Answer { status, ..operation_status(answer.body(), operation) };
    }
    let error_code = answer.headers().get("x-ms-error-code").and_then(|code| plain_code(code.to_str().ok()?));
    let (signal, outcome) = refusal(call, answer, now);
    let known = error_code.as_deref().filter(|_| matches!(signal, Signal::Refused | Signal::Barred)).and_then(terminal);
    Answer { signal, outcome: known.unwrap_or(outcome), status, error_code, operation_status: None }
}

/// An operation counts only if its id is the requested one; any other answer did not come from ACS's mail service.
fn operation_status(body: &[u8], operation: Uuid) -> Answer {
    let garbled = Answer { outcome: Outcome::Garbled, ..Answer::none() };
    let Ok(answer) = serde_json::from_slice::<Operation>(body) else { return garbled };
    if answer.id != operation {
        return garbled;
    }
    let status = Status::of(&answer.status);
    if !status.is_failure() {
        let accepted = Answer { signal: Signal::Accepted, outcome: Outcome::Accepted, ..garbled };
        return Answer { operation_status: Some(status), ..accepted };
    }
    let error_code = answer.error.and_then(|error| plain_code(&error.code?));
    let outcome = error_code.as_deref().and_then(terminal).unwrap_or(Outcome::Rejected);
    Answer { signal: Signal::Failed, outcome, status: None, error_code, operation_status: Some(status) }
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
