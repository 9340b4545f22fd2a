//! One mail per event: the next step after everything that ACS can answer. `docs/delivery.md` shows it as a table.
//!
//! A message is in doubt once an attempt ended without saying whether it was accepted. From then on, only ACS's report
//! about the operation ends the doubt; a refusal of a repeat does not.

/// The state of a message: which call comes next, and what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Send; no attempt of this request can have been accepted.
    Send,
    /// ACS refused the message, or its operation id because an earlier request used it: ask which.
    Check,
    /// In doubt: ask for the operation.
    Ask,
    /// In doubt, and the first answer did not say: ask once more.
    AskAgain,
    /// In doubt, and ACS does not know the operation: send the same again, under the same id.
    SendAgain,
    /// In doubt, and ACS refuses the repeat: ask until it says.
    Confirm,
}

/// The two calls to ACS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `POST /emails:send`
    Send,
    /// `GET /emails/operations/{id}`
    Status,
}

/// What an answer of ACS, or the lack of one, says about the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// There is an operation with this id, and it has not failed.
    Accepted,
    /// There is an operation with this id, and it has failed.
    Failed,
    /// This send was not accepted because of its content, or because its id is known (400, 409).
    Refused,
    /// This call was not accepted for another reason that a retry does not fix (401, 403, 404, 413, no permission).
    Barred,
    /// ACS does not know the operation, which early on says nothing (404 to a status read).
    Unknown,
    /// This call was not accepted, but may be later (429, or there is no token for it now).
    Postponed,
    /// Nobody knows whether this call was accepted (408, 5xx, timeout, broken connection, unreadable answer).
    Doubtful,
}

/// What is done after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The answer decides.
    End,
    /// Wait, then make the call of the next state.
    Go(State),
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Send, Self::Check, Self::Ask, Self::AskAgain, Self::SendAgain, Self::Confirm];

    /// The call that is made in it.
    pub const fn call(self) -> Call {
        match self {
            Self::Send | Self::SendAgain => Call::Send,
            Self::Check | Self::Ask | Self::AskAgain | Self::Confirm => Call::Status,
        }
    }

    /// Whether ACS may have accepted the message.
    pub const fn is_in_doubt(self) -> bool {
        match self {
            Self::Send | Self::Check => false,
            Self::Ask | Self::AskAgain | Self::SendAgain | Self::Confirm => true,
        }
    }

    /// What follows a signal.
    pub const fn next(self, signal: Signal) -> Next {
        match (self, signal) {
            (_, Signal::Accepted | Signal::Failed) => Next::End,

            (Self::Send, Signal::Refused) => Next::Go(Self::Check),
            (Self::Send, Signal::Postponed) => Next::Go(Self::Send),
            (Self::Send, Signal::Doubtful) => Next::Go(Self::Ask),
            (Self::Send, _) | (Self::Check, Signal::Unknown) => Next::End,
            (Self::Check, _) => Next::Go(Self::Check),

            (Self::Ask, _) => Next::Go(Self::AskAgain),
            (Self::AskAgain, _) => Next::Go(Self::SendAgain),
            (Self::SendAgain, Signal::Postponed) => Next::Go(Self::SendAgain),
            (Self::SendAgain, Signal::Doubtful) => Next::Go(Self::Ask),
            (Self::SendAgain | Self::Confirm, _) => Next::Go(Self::Confirm),
        }
    }
}

impl Call {
    /// The signals that an answer to it can give.
    pub const fn signals(self) -> &'static [Signal] {
        use Signal::{Accepted, Barred, Doubtful, Failed, Postponed, Refused, Unknown};
        match self {
            Self::Send => &[Accepted, Failed, Refused, Barred, Postponed, Doubtful],
            Self::Status => &[Accepted, Failed, Unknown, Barred, Postponed, Doubtful],
        }
    }
}
