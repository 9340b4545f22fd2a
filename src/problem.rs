//! The one table of problems, and the status that each has for a caller.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::contract::Contract;
use crate::web::response::body;

/// A kind of problem (RFC 9457): callers may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// The last part of the `type` URN, and the reason in audit lines.
    pub slug: &'static str,
    /// The status, unless the caller's contract says otherwise.
    pub status: StatusCode,
    /// What the caller should do.
    pub disposition: RetryDisposition,
    /// The title: the same for every problem of this type.
    pub title: &'static str,
}

/// Whether a caller should send a request again after a problem. Together with the caller's contract, this decides the
/// status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDisposition {
    /// Correct the request, its credentials or its address: the same for every caller.
    Correct,
    /// Give up: this request can never succeed.
    GiveUp,
    /// Give up: ACS refused the mail and would refuse it again.
    Refused,
    /// Retry later.
    Retry,
}

/// The prefix of the slug in a problem's `type`.
pub const PROBLEM_TYPE_PREFIX: &str = "urn:postern:problem:";

macro_rules! problem_types {
    ($($name:ident = $slug:literal, $status:ident, $disposition:ident, $title:literal;)*) => {
        $(pub(crate) const $name: ProblemType = ProblemType {
            slug: $slug,
            status: StatusCode::$status,
            disposition: RetryDisposition::$disposition,
            title: $title,
        };)*
        /// Every kind of problem, in the order of the flow.
        pub const PROBLEM_TYPES: &[ProblemType] = &[$($name),*];
    };
}

problem_types! {
    UNKNOWN_PATH = "unknown-path", NOT_FOUND, Correct, "Nothing is served at this path";
    METHOD = "method-not-allowed", METHOD_NOT_ALLOWED, Correct, "Method not allowed for this path";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, GiveUp, "The body is too large";
    BODY_INTERRUPTED = "body-interrupted", BAD_REQUEST, Retry, "The body did not arrive completely";
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, Correct, "The caller is not authenticated";
    MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, GiveUp, "Unsupported content type";
    MALFORMED = "malformed-body", BAD_REQUEST, GiveUp, "The body is malformed";
    FOREIGN_ORIGIN = "foreign-origin", FORBIDDEN, Correct, "This site is not allowed to use this form";
    HIDDEN_ORIGIN = "hidden-origin", FORBIDDEN, Correct, "The browser does not say which site this form is on";
    UNPROVEN = "unproven", FORBIDDEN, Correct, "The form failed a check against robots";
    UNVOUCHED = "captcha-unavailable", SERVICE_UNAVAILABLE, Retry, "The captcha cannot be verified at the moment";
    HANDSHAKE = "handshake-refused", FORBIDDEN, Correct, "The handshake was refused";
    INVALID = "invalid-payload", UNPROCESSABLE_ENTITY, GiveUp, "The payload does not match the schema";
    TEMPLATE = "template-failed", INTERNAL_SERVER_ERROR, Retry, "A mail could not be rendered";
    NOT_CONFIGURED = "not-configured", SERVICE_UNAVAILABLE, Retry, "The gate is not configured correctly";
    SUPPRESSED = "recipients-suppressed", BAD_GATEWAY, Refused, "Every recipient is on the suppression list";
    INVALID_ADDRESS = "invalid-address", BAD_GATEWAY, Refused, "The mail service finds a recipient's address invalid";
    UNKNOWN_SENDER = "unknown-sender", BAD_GATEWAY, Retry, "The mail service does not know the sender";
    UNLINKED_DOMAIN = "unlinked-domain", BAD_GATEWAY, Retry, "The sender's domain is not linked to the mail service";
    REFUSED_BY_ACS = "not-accepted", BAD_GATEWAY, Refused, "The mail service rejected the mail";
    TRY_LATER = "try-later", SERVICE_UNAVAILABLE, Retry, "The mail service cannot accept the mail at the moment";
    MALFORMED_OPERATION = "malformed-operation-id", BAD_REQUEST, GiveUp, "Malformed operation id";
    UNKNOWN_OPERATION = "unknown-operation", NOT_FOUND, Correct, "The mail service does not know this operation";
    STATUS_UNAVAILABLE = "status-unavailable", SERVICE_UNAVAILABLE, Retry, "The mail service cannot be reached at the moment";
    STATUS_REFUSED = "status-refused", BAD_GATEWAY, Retry, "The mail service did not report this operation's status";
}

const PROBLEM_JSON: &str = "application/problem+json";

/// A problem on its way to a caller (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    /// The kind.
    pub kind: ProblemType,
    /// The status, by the caller's contract.
    pub status: StatusCode,
    /// A sentence for the caller.
    pub detail: String,
    /// Further members of the answer.
    pub members: Map<String, Value>,
    /// Headers that the answer needs.
    pub headers: HeaderMap,
}

impl Problem {
    pub(crate) fn new(kind: ProblemType, disposition: RetryDisposition, contract: &Contract, detail: String) -> Self {
        let mut headers = HeaderMap::new();
        if let (Some((name, value)), RetryDisposition::GiveUp | RetryDisposition::Refused) =
            (contract.stop, disposition)
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Self { kind, status: contract.status(&kind, disposition), detail, members: Map::new(), headers }
    }

    /// Adds a member to the answer.
    pub fn add(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// The answer as problem details.
    pub fn respond(mut self) -> Response<Bytes> {
        self.add("type", json!(self.kind.uri()));
        self.add("title", json!(self.kind.title));
        self.add("status", json!(self.status.as_u16()));
        self.add("detail", json!(self.detail));
        let mut response = body(self.status, PROBLEM_JSON, &Value::Object(self.members));
        response.headers_mut().extend(self.headers);
        response
    }
}

impl ProblemType {
    pub(crate) fn uri(&self) -> String {
        format!("{PROBLEM_TYPE_PREFIX}{}", self.slug)
    }
}

impl Contract {
    /// The status that makes this caller do the right thing.
    pub fn status(&self, problem_type: &ProblemType, disposition: RetryDisposition) -> StatusCode {
        match disposition {
            RetryDisposition::Correct => problem_type.status,
            RetryDisposition::GiveUp => self.unusable.unwrap_or(problem_type.status),
            RetryDisposition::Refused => self.refused,
            RetryDisposition::Retry => self.later.unwrap_or(problem_type.status),
        }
    }
}
