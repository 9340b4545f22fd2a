//! The status of an operation, in Postern's own words, which stay the same when ACS's change.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::outcome::Outcome;

/// The status of an operation. As JSON: `{"id": "…", "status": "failed", "terminal": true, "error": "EmailDropped"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationStatus {
    /// The operation's id.
    pub id: Uuid,
    /// Its status.
    pub status: Status,
    /// Whether that is final.
    pub terminal: bool,
    /// ACS's code for the failure, if it gave one that looks like a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The possible statuses of an operation; the list is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted and in progress.
    Running,
    /// Handed over for delivery; ACS's delivery reports say whether it arrived.
    Succeeded,
    /// ACS gave up.
    Failed,
    /// Canceled before it finished.
    Canceled,
}

/// A status request to ACS, and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// The operation's id.
    pub operation: Uuid,
    /// Its status, or why it is not known: [`Outcome::NotFound`] if ACS does not know the operation.
    pub answer: Result<OperationStatus, Outcome>,
    /// ACS's HTTP status, if it answered.
    pub status: Option<u16>,
    /// ACS's error code, if it gave one that looks like a code.
    pub error_code: Option<String>,
    /// The call's `x-ms-client-request-id`, for ACS's support.
    pub request_id: Uuid,
    /// How long it took.
    pub duration: Duration,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Succeeded, Self::Failed, Self::Canceled];

    /// Translates ACS's status. ACS's list is open; a status that is not one of its final ones means in progress.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Canceled" => Self::Canceled,
            _ => Self::Running,
        }
    }

    /// The status's name in answers.
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
            Self::Running => "accepted and in progress",
            Self::Succeeded => "handed over for delivery; ACS's delivery reports say whether it arrived",
            Self::Failed => "ACS gave up",
            Self::Canceled => "canceled before it finished",
        }
    }

    /// Whether it is final.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// Whether it is final without the mail having been handed over.
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
    /// For audit lines and people: the operation's status, `unknown`, or why the status is not known.
    pub fn as_str(&self) -> &'static str {
        match &self.answer {
            Ok(operation) => operation.status.as_str(),
            Err(Outcome::NotFound) => "unknown",
            Err(outcome) => outcome.as_str(),
        }
    }

    /// What the operator should do, if ACS did not report the status for a reason that the operator has to fix.
    pub fn advice(&self) -> Option<&'static str> {
        match &self.answer {
            // An unknown operation needs no action from the operator.
            Ok(_) | Err(Outcome::NotFound) => None,
            Err(outcome) => outcome.advice(),
        }
    }
}
