//! Why a request ended before its mails were sent, and what the caller learns about it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, Response};
use serde_json::json;

use crate::audit::{Summary, Verdict};
use crate::contract::Contract;
use crate::guard::{CaptchaError, ConfirmationError};
use crate::host::BodyError;
use crate::outcome::Outcome;
use crate::problem::{self, Problem, ProblemType};
use crate::setting::SettingError;
use crate::validate::Violation;
use crate::{auth, decode, guard, handshake};

/// How long to wait before asking ACS again if its answer does not say; its answers usually ask for this much.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Why a request ended before its mails were sent.
#[derive(Debug)]
pub enum Refusal {
    /// No route has the path.
    UnknownPath,
    /// The route or probe does not accept the method.
    Method {
        /// The methods it accepts.
        allow: &'static str,
    },
    /// There is no usable body.
    Body {
        /// Why.
        error: BodyError,
        /// The route's limit in bytes.
        limit: usize,
    },
    /// The caller failed to authenticate.
    Caller(auth::Refusal),
    /// The gate cannot read the body.
    Decode(decode::Error),
    /// A guard refused.
    Guard(guard::Refusal),
    /// The gate does not answer a handshake.
    Handshake(handshake::Refusal),
    /// The payload does not match the schema.
    Invalid(Vec<Violation>),
    /// A template failed.
    Template {
        /// The mail's name.
        mail: String,
        /// The part and line.
        place: String,
    },
    /// The policy is not usable.
    Policy,
    /// Settings are missing or malformed.
    Settings(Vec<SettingError>),
    /// The operation id is malformed.
    OperationId,
    /// ACS did not report the operation's status: [`Outcome::NotFound`] if it does not know the operation.
    Inquiry(Outcome),
}

impl From<auth::Refusal> for Refusal {
    fn from(refusal: auth::Refusal) -> Self {
        Self::Caller(refusal)
    }
}

impl From<decode::Error> for Refusal {
    fn from(error: decode::Error) -> Self {
        Self::Decode(error)
    }
}

impl From<guard::Refusal> for Refusal {
    fn from(refusal: guard::Refusal) -> Self {
        Self::Guard(refusal)
    }
}

impl From<handshake::Refusal> for Refusal {
    fn from(refusal: handshake::Refusal) -> Self {
        Self::Handshake(refusal)
    }
}

impl From<Vec<Violation>> for Refusal {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Vec<SettingError>> for Refusal {
    fn from(errors: Vec<SettingError>) -> Self {
        Self::Settings(errors)
    }
}

impl Refusal {
    /// The kind of problem.
    pub const fn problem_type(&self) -> ProblemType {
        match self {
            Self::UnknownPath => problem::UNKNOWN_PATH,
            Self::Method { .. } => problem::METHOD,
            Self::Body { error: BodyError::TooLarge, .. } => problem::BODY_TOO_LARGE,
            Self::Body { error: BodyError::Interrupted, .. } => problem::BODY_INTERRUPTED,
            Self::Caller(auth::Refusal::Keys(_)) => problem::TRY_LATER,
            Self::Caller(auth::Refusal::UnusableSecret) | Self::Policy | Self::Settings(_) => problem::NOT_CONFIGURED,
            Self::Caller(_) => problem::UNAUTHENTICATED,
            Self::Decode(decode::Error::MediaType(_) | decode::Error::BinaryMode | decode::Error::Charset) => {
                problem::MEDIA_TYPE
            }
            Self::Decode(decode::Error::FilesTooLarge(_)) => problem::BODY_TOO_LARGE,
            Self::Decode(_) => problem::MALFORMED,
            Self::Handshake(_) => problem::HANDSHAKE,
            Self::Guard(guard::Refusal::Origin | guard::Refusal::Trap { .. }) => problem::FOREIGN_ORIGIN,
            Self::Guard(guard::Refusal::HiddenOrigin) => problem::HIDDEN_ORIGIN,
            Self::Guard(guard::Refusal::Captcha(CaptchaError::Secret) | guard::Refusal::Key(_)) => {
                problem::NOT_CONFIGURED
            }
            Self::Guard(guard::Refusal::Captcha(CaptchaError::Unavailable | CaptchaError::NotJudged)) => {
                problem::UNVOUCHED
            }
            Self::Guard(guard::Refusal::Confirmation(ConfirmationError::TooLong)) => problem::BODY_TOO_LARGE,
            Self::Guard(_) => problem::UNPROVEN,
            Self::Invalid(_) => problem::INVALID,
            Self::Template { .. } => problem::TEMPLATE,
            Self::OperationId => problem::MALFORMED_OPERATION,
            Self::Inquiry(Outcome::NotFound) => problem::UNKNOWN_OPERATION,
            Self::Inquiry(outcome) if outcome.is_temporary() => problem::STATUS_UNAVAILABLE,
            Self::Inquiry(_) => problem::STATUS_REFUSED,
        }
    }

    /// A sentence for the caller, without details that would help a forger or concern only the operator.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::UnknownPath => "Check the path against the policy.".to_owned(),
            Self::Method { allow } => format!("Use {allow}."),
            Self::Body { limit, .. } => format!("The limit is {limit} bytes."),
            Self::Caller(auth::Refusal::Keys(_)) => {
                "Callers cannot be authenticated at the moment. Send the request again later.".to_owned()
            }
            Self::Caller(_) => "The request does not authenticate in the way that this route requires.".to_owned(),
            Self::Decode(error) => error.to_string(),
            Self::Guard(guard::Refusal::Token(_)) => "The form token is missing, too new or too old.".to_owned(),
            Self::Guard(guard::Refusal::ProofOfWork(_)) => "The proof of work is missing, wrong or too old.".to_owned(),
            Self::Guard(guard::Refusal::Captcha(_)) => {
                "The captcha is missing, was solved on another site, or failed.".to_owned()
            }
            Self::Guard(guard::Refusal::Confirmation(ConfirmationError::TooLong)) => {
                "The form is too long for a confirmation link. Send less text.".to_owned()
            }
            Self::Guard(guard::Refusal::Confirmation(_)) => {
                "The confirmation link is incomplete or has expired. Send the form again.".to_owned()
            }
            Self::Guard(guard::Refusal::HiddenOrigin) => {
                "The browser sent `Origin: null`, so the gate cannot see which site the form is on. Add <meta \
                 name=\"referrer\" content=\"strict-origin-when-cross-origin\"> to the page."
                    .to_owned()
            }
            Self::Guard(guard::Refusal::Key(_)) => {
                "Nothing was sent. GET /readyz lists what is missing or invalid.".to_owned()
            }
            Self::Guard(_) => {
                "The page that sent this form is not on a site listed in the route's `origins`.".to_owned()
            }
            Self::Handshake(_) => "The route expects a different sender.".to_owned(),
            Self::Invalid(violations) if violations.len() == 1 => "One field is invalid.".to_owned(),
            Self::Invalid(violations) => format!("{} fields are invalid.", violations.len()),
            Self::Template { .. } => "Nothing was sent. The audit log says where the template failed.".to_owned(),
            Self::Policy | Self::Settings(_) => {
                "Nothing was sent. GET /readyz lists what is missing or invalid.".to_owned()
            }
            Self::OperationId => "Use the format of the answers: 8540c0de-899f-5cce-acb5-3ec493af3800.".to_owned(),
            Self::Inquiry(Outcome::NotFound) => {
                "It was never accepted, or too long ago. If it is new, ask again in a moment.".to_owned()
            }
            Self::Inquiry(outcome) if outcome.is_temporary() => "Ask again later.".to_owned(),
            Self::Inquiry(_) => "The audit log says why.".to_owned(),
        }
    }

    /// For the audit line: the problem, with the exact reason if the answer withholds it.
    pub fn reason(&self) -> String {
        let slug = self.problem_type().slug;
        match self {
            Self::Guard(guard::Refusal::Origin) => slug.to_owned(),
            Self::Guard(refusal) => format!("{slug}: {refusal}"),
            Self::Caller(refusal) => format!("{slug}: {refusal}"),
            Self::Handshake(refusal) => format!("{slug}: {refusal}"),
            Self::Invalid(violations) => {
                let mut keywords: Vec<_> = violations.iter().map(|violation| violation.keyword.as_str()).collect();
                keywords.sort_unstable();
                keywords.dedup();
                format!("{slug}: {}", keywords.join(", "))
            }
            Self::Template { mail, place } => format!("{slug}: {mail} {place}"),
            Self::Settings(errors) => {
                format!("{slug}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Policy => format!("{slug}: the policy cannot be used"),
            Self::Inquiry(outcome) if *outcome != Outcome::NotFound => format!("{slug}: {}", outcome.as_str()),
            _ => slug.to_owned(),
        }
    }

    /// The problem as the caller sees it.
    pub(crate) fn problem(&self, contract: &Contract) -> Problem {
        let kind = self.problem_type();
        let mut problem = Problem::new(kind, kind.disposition, contract, self.detail());
        if let Self::Invalid(violations) = self {
            problem.add("errors", json!(violations));
        }
        if let Self::Method { allow } = self {
            problem.headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Self::Inquiry(outcome) = self
            && outcome.is_temporary()
        {
            let wait = outcome.retry_after().unwrap_or(ASK_AGAIN);
            problem.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        problem
    }

    /// The answer to a refused request.
    pub fn respond(&self, contract: &Contract) -> Response<Bytes> {
        self.problem(contract).respond()
    }

    /// What the audit line says about it.
    pub fn summary(&self) -> Summary {
        let verdict = match self {
            Self::Inquiry(Outcome::NotFound) => Verdict::Answered,
            _ if self.problem_type().status.is_server_error() => Verdict::Failed,
            _ => Verdict::Refused,
        };
        Summary { verdict, reason: Some(self.reason()) }
    }
}
