//! One mail per event: the next step after everything that ACS can answer. `docs/delivery.md` shows it as a table.
//!
//! A message is in doubt if an attempt ended without showing whether ACS accepted it. From then on, only the
//! operation's status resolves the doubt; a refused repeat does not.

/// The state of a message: what is known about it, and which call comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Send; ACS cannot have accepted an attempt of this request.
    Send,
    /// ACS refused the message, or the operation id because an earlier request used it: ask which.
    Check,
    /// In doubt: ask for the operation's status.
    Ask,
    /// In doubt, and the first answer did not resolve the doubt: ask once more.
    AskAgain,
    /// In doubt, and ACS does not know the operation: send the message again, under the same id.
    SendAgain,
    /// In doubt, and ACS refused the repeat: ask until it reports the status.
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

/// What ACS's answer says about the message, or the lack of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// There is an operation with this id, and it has not failed.
    Accepted,
    /// There is an operation with this id, and it has failed.
    Failed,
    /// ACS did not accept this send because of its content, or because it knows the id (400, 409).
    Refused,
    /// ACS did not accept this call for another reason that a retry does not fix (401, 403, 404, 413, no permission).
    Barred,
    /// ACS does not know the operation, which soon after a send proves nothing (404 to a status read).
    Unknown,
    /// ACS did not accept this call, but may do so later (429, or the gate has no token now).
    Postponed,
    /// ACS may have accepted this call or not (408, 5xx, timeout, broken connection, unreadable answer).
    Doubtful,
}

/// What to do after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Stop: the answer decides the outcome.
    End,
    /// Wait, then make the call of the next state.
    Go(State),
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Send, Self::Check, Self::Ask, Self::AskAgain, Self::SendAgain, Self::Confirm];

    /// The call to make in this state.
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

    /// What to do after a signal.
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
    /// The signals that an answer to this call can give.
    pub const fn signals(self) -> &'static [Signal] {
        use Signal::{Accepted, Barred, Doubtful, Failed, Postponed, Refused, Unknown};
        match self {
            Self::Send => &[Accepted, Failed, Refused, Barred, Postponed, Doubtful],
            Self::Status => &[Accepted, Failed, Unknown, Barred, Postponed, Doubtful],
        }
    }
}
