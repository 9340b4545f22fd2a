//! What became of a message.

use std::time::Duration;

use uuid::Uuid;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// ACS has accepted it and will try to deliver it.
    Accepted,
    /// ACS refused the message because it already has an operation with its id: the mail of an earlier request for the
    /// same event, whose text may differ.
    Duplicate,
    /// ACS refused the message itself (400 or 409, or a failed operation).
    Rejected,
    /// ACS dropped the message, because every recipient is on its suppression list.
    Suppressed,
    /// ACS found a recipient's address invalid.
    InvalidAddress,
    /// ACS does not know the sender's username at its domain.
    UnknownSender,
    /// The sender's domain is not linked to the ACS resource.
    UnlinkedDomain,
    /// ACS rejected the gate's credentials: wrong key, clock or sender domain (401, 403).
    Unauthorized,
    /// ACS does not know the address that was called (404).
    NotFound,
    /// The message is larger than ACS accepts (413, or known before sending).
    TooLarge,
    /// The quota is used up (429).
    Throttled {
        /// How long ACS asks the gate to wait.
        retry_after: Option<Duration>,
    },
    /// ACS has a problem (408, 5xx).
    Unavailable {
        /// How long ACS asks the gate to wait.
        retry_after: Option<Duration>,
    },
    /// No answer arrived in time; ACS may have accepted the message.
    Timeout,
    /// The gate could not reach ACS, or the connection broke; ACS may have accepted the message.
    Unreachable,
    /// The host does not let the component talk to ACS.
    Denied,
    /// The answer is not one that ACS gives; ACS may have accepted the message.
    Garbled,
    /// Not attempted, because an earlier message failed for a reason that would affect this one too, or time ran out.
    NotAttempted,
    /// Stored in the overflow queue, which has confirmed it, after a temporary problem.
    Queued,
}

/// How one message's delivery to ACS went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The operation id it has in ACS.
    pub operation: Uuid,
    /// What became of it.
    pub outcome: Outcome,
    /// ACS's HTTP status, if it answered.
    pub status: Option<u16>,
    /// ACS's error code, if it gave one that looks like a code.
    pub error_code: Option<String>,
    /// The `x-ms-client-request-id` of all its calls, for ACS's support.
    pub request_id: Option<Uuid>,
    /// How often the gate sent it.
    pub attempts: u32,
    /// How often the gate asked ACS for the operation's status.
    pub status_reads: u32,
    /// How long it took.
    pub duration: Duration,
    /// Whether it is in doubt: ACS may have accepted it.
    pub in_doubt: bool,
    /// The outcome at ACS, if the message is in the overflow queue instead.
    pub queued_after: Option<Outcome>,
    /// Why the overflow queue did not confirm it, if the gate tried to queue it.
    pub overflow_error: Option<StorageError>,
}

impl Outcome {
    /// The outcome's name in audit lines and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Suppressed => "suppressed",
            Self::InvalidAddress => "invalid-address",
            Self::UnknownSender => "unknown-sender",
            Self::UnlinkedDomain => "unlinked-domain",
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
            Self::Queued => "queued",
        }
    }

    /// What the operator should do, if the operator has to fix it; `docs/operations.md` says more.
    pub const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Suppressed => Some("correct the address, or wait until ACS lifts the suppression"),
            Self::InvalidAddress => Some("correct the address: ACS cannot send to it"),
            Self::UnknownSender => Some("add the sender's username to its domain in ACS, or correct it in the policy"),
            Self::UnlinkedDomain => Some("link the sender's domain to the Communication Services resource"),
            Self::Unauthorized => Some("check the key or the identity's role, the endpoint, the clock and the sender"),
            Self::NotFound => Some("check that `acs_endpoint` belongs to a Communication Services resource"),
            Self::Denied => Some("allow the host to connect to the endpoint"),
            Self::Queued => Some("run `postern replay` once ACS works again"),
            _ => None,
        }
    }

    /// Whether ACS may accept the same message later without anyone fixing anything.
    pub const fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Unavailable { .. } | Self::Timeout | Self::Unreachable | Self::Garbled
        )
    }

    /// Whether ACS refused this message alone, and would refuse it again.
    pub const fn is_refused(self) -> bool {
        matches!(self, Self::Rejected | Self::Suppressed | Self::InvalidAddress | Self::TooLarge)
    }

    /// Whether nobody needs to send the event again: ACS or the overflow queue has a mail for it.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Accepted | Self::Duplicate | Self::Queued)
    }

    /// Whether the next message would fail for the same reason.
    pub const fn concerns_all(self) -> bool {
        self.waits_for_acs() || matches!(self, Self::Unauthorized | Self::Denied)
    }

    /// Whether this message, and those after it, only have to wait until ACS works again.
    pub const fn waits_for_acs(self) -> bool {
        self.is_temporary() || matches!(self, Self::Queued)
    }

    /// How long ACS asks the gate to wait.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Unavailable { retry_after } => retry_after,
            _ => None,
        }
    }
}

impl Delivery {
    /// A message that was not attempted.
    pub const fn not_sent(operation: Uuid) -> Self {
        Self {
            operation,
            outcome: Outcome::NotAttempted,
            status: None,
            error_code: None,
            request_id: None,
            attempts: 0,
            status_reads: 0,
            duration: Duration::ZERO,
            in_doubt: false,
            queued_after: None,
            overflow_error: None,
        }
    }
}

/// A mail that applied, and what became of it.
#[derive(Debug)]
pub struct Sent {
    /// The mail's name.
    pub mail: String,
    /// What became of it.
    pub delivery: Delivery,
}

/// Why Azure Storage did not confirm a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Its settings are missing or malformed; `/readyz` names them.
    #[error("not-configured")]
    Settings,
    /// Entra refused the identity, or the identity has no federated token.
    #[error("unauthorized{}", code.as_ref().map(|code| format!(": {code}")).unwrap_or_default())]
    Identity {
        /// Entra's error code.
        code: Option<String>,
    },
    /// The host does not let the component connect to it.
    #[error("denied")]
    Denied,
    /// No answer arrived in time.
    #[error("timeout")]
    Timeout,
    /// It could not be reached.
    #[error("unreachable")]
    Unreachable,
    /// Its answer cannot be read.
    #[error("garbled")]
    Garbled,
    /// It rejected the request.
    #[error("{status}{}", code.as_ref().map(|code| format!(" {code}")).unwrap_or_default())]
    Answer {
        /// Its HTTP status.
        status: u16,
        /// Its error code, if the answer has one that looks like a code.
        code: Option<String>,
    },
}

impl StorageError {
    /// What the operator should do; `docs/operations.md` says more.
    pub const ADVICE: &str =
        "check the overflow queue: its address, its settings, and whether the gate may write to it";

    /// Whether the request may succeed later without anyone fixing anything.
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Timeout | Self::Unreachable | Self::Garbled => true,
            Self::Answer { status, .. } => matches!(*status, 408 | 429 | 500..),
            Self::Settings | Self::Identity { .. } | Self::Denied => false,
        }
    }
}
