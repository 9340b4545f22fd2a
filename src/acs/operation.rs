//! The status of an operation, in words of our own, which stay the same when ACS's change.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::outcome::Outcome;

/// The status of an operation. As JSON: `{"id": "…", "status": "failed", "terminal": true, "error": "EmailDropped"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationStatus {
    /// The operation's id.
    pub id: Uuid,
    /// How it stands.
    pub status: Status,
    /// Whether that is its end.
    pub terminal: bool,
    /// ACS's code for why it failed, where it gave one of a plain form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The words for how an operation stands; there will be no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted and under way.
    Running,
    /// Handed out for delivery; whether it was delivered, ACS's delivery reports tell.
    Succeeded,
    /// Given up.
    Failed,
    /// Stopped before its end.
    Canceled,
}

/// A question to ACS how an operation stands, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// The operation's id.
    pub operation: Uuid,
    /// How it stands, or why that is not known: [`Outcome::NotFound`] where ACS does not know the operation.
    pub answer: Result<OperationStatus, Outcome>,
    /// ACS's HTTP status, where it answered.
    pub status: Option<u16>,
    /// ACS's error code, where it gave one of a plain form.
    pub error_code: Option<String>,
    /// The call's `x-ms-client-request-id`, for ACS's support.
    pub request_id: Uuid,
    /// How long it took.
    pub duration: Duration,
}

impl Status {
    /// Every word.
    pub const ALL: [Self; 4] = [Self::Running, Self::Succeeded, Self::Failed, Self::Canceled];

    /// ACS's word in ours. ACS's list is open; a word that is not among its ends is under way.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Canceled" => Self::Canceled,
            _ => Self::Running,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Running => "accepted and under way",
            Self::Succeeded => "handed out for delivery; whether it was delivered, ACS's delivery reports tell",
            Self::Failed => "given up",
            Self::Canceled => "stopped before its end",
        }
    }

    /// Whether nothing follows it.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// Whether it is an end without a mail handed out.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled)
    }
}

impl OperationStatus {
    pub(super) fn new(id: Uuid, status: Status, error: Option<String>) -> Self {
        Self { id, status, terminal: status.is_terminal(), error }
    }
}

impl Inquiry {
    /// The word for audit lines and people: how the operation stands, `unknown`, or why that is not known.
    pub fn as_str(&self) -> &'static str {
        match &self.answer {
            Ok(operation) => operation.status.as_str(),
            Err(Outcome::NotFound) => "unknown",
            Err(outcome) => outcome.as_str(),
        }
    }

    /// What the operator should do, where ACS does not tell for a reason that the operator must mend.
    pub fn advice(&self) -> Option<&'static str> {
        match &self.answer {
            // An operation that is not known is no matter for the operator.
            Ok(_) | Err(Outcome::NotFound) => None,
            Err(outcome) => outcome.advice(),
        }
    }
}
