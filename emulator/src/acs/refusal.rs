//! Every refusal, and the one table from refusal to status and error code.
//!
//! ACS publishes no list of its email error codes. Users reported those in this table, or they follow Azure's API
//! guidelines; where neither helps, the emulator uses a plain HTTP name.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::acs::operation::RepeatAnswer;
use crate::acs::signature::SignatureError;
use crate::acs::validate::Invalid;
use crate::acs::version::ApiVersion;

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// Why the emulator refused a call.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("The access token was refused.")]
    Token,
    #[error("The api-version query parameter (?api-version=) is required for all requests.")]
    VersionMissing,
    #[error("Unsupported api-version '{0}'. The supported api-versions are '{list}'.", list = ApiVersion::list())]
    VersionUnknown(String),
    #[error(transparent)]
    Body(#[from] Invalid),
    #[error("The request body could not be read.")]
    BodyUnreadable,
    #[error("The request body is larger than {max} bytes.")]
    BodyTooLarge { max: usize },
    #[error("The Content-Type must be application/json.")]
    MediaType,
    #[error(
        "The Operation-Id header must be given at most once, as a UUID such as 8540c0de-899f-5cce-acb5-3ec493af3800."
    )]
    OperationId,
    #[error("The Operation-Id was already used for a different request.")]
    OperationIdReused,
    #[error("The Operation-Id was already used for this request.")]
    Repeated(RepeatAnswer),
    #[error("The request body is invalid at `headers.Message-ID`: the Message-ID was used before.")]
    MessageIdReused,
    #[error("The sender's domain is not linked to this resource.")]
    DomainNotLinked,
    #[error("The sender's username is not known at its domain.")]
    SenderUnknown,
    #[error("The quota of this resource is used up; try again in {retry_after} seconds.")]
    OverQuota { retry_after: u64 },
    #[error("The operation was not found.")]
    OperationUnknown,
    #[error("The emulator could not store the message: it cannot write to its data directory.")]
    NotKept,
    #[error("There is nothing at this address.")]
    NoSuchPlace,
    #[error("The method is not allowed here.")]
    Method,
    #[error("This error was injected by a fault of the emulator.")]
    Fault { status: StatusCode, retry_after: Option<u64>, code: Option<String> },
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        self.answer().0
    }

    pub(crate) fn code(&self) -> &str {
        match self {
            Refusal::Fault { code: Some(code), .. } => code,
            _ => self.answer().1,
        }
    }

    /// The table.
    fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::Signature(_) => (StatusCode::UNAUTHORIZED, "Denied"),
            Refusal::Token => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Refusal::VersionMissing => (StatusCode::BAD_REQUEST, "MissingApiVersionParameter"),
            Refusal::VersionUnknown(_) => (StatusCode::BAD_REQUEST, "UnsupportedApiVersionValue"),
            Refusal::Body(_)
            | Refusal::BodyUnreadable
            | Refusal::OperationId
            | Refusal::OperationIdReused
            | Refusal::MessageIdReused => (StatusCode::BAD_REQUEST, "BadRequest"),
            Refusal::Repeated(RepeatAnswer::Conflict) => (StatusCode::CONFLICT, "Conflict"),
            Refusal::Repeated(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
            Refusal::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestBodyTooLarge"),
            Refusal::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
            Refusal::DomainNotLinked => (StatusCode::NOT_FOUND, "DomainNotLinked"),
            Refusal::SenderUnknown => (StatusCode::BAD_REQUEST, "InvalidSenderUserName"),
            Refusal::OverQuota { .. } => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Refusal::OperationUnknown | Refusal::NoSuchPlace => (StatusCode::NOT_FOUND, "NotFound"),
            Refusal::NotKept => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Refusal::Fault { status, .. } => (*status, usual_code(*status)),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Refusal::OverQuota { retry_after } => Some(*retry_after),
            Refusal::Fault { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The authentication layer answers with only code and message, the service after it with five members.
    fn body(&self) -> Value {
        let (code, message) = (self.code(), self.to_string());
        match self.status() {
            StatusCode::UNAUTHORIZED => json!({"error": ErrorText { code, message }}),
            _ => json!({"error": {
                "code": code, "message": message, "target": null, "details": null, "innererror": null,
            }}),
        }
    }
}

#[derive(Serialize)]
struct ErrorText<'a> {
    code: &'a str,
    message: String,
}

/// The code of a fault that does not name one.
fn usual_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "Denied",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        status if status.is_server_error() => "InternalServerError",
        _ => "BadRequest",
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Ok(code) = HeaderValue::from_str(self.code()) {
            headers.insert(ERROR_CODE, code);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
