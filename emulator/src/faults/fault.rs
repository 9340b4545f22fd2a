//! Faults: which calls fail, how, and how often.

use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::acs::email::Email;

/// The most faults that can wait at one time.
const MAX_FAULTS: usize = 1_000;

/// A failure of the next calls that match. As JSON for `POST /api/faults`:
///
/// ```json
/// {"count": 2, "recipient": "ops@contoso.example", "effect": {"kind": "status", "status": 429, "retryAfter": 7}}
/// {"percent": 30, "seed": 7, "effect": {"kind": "reset"}}
/// ```
///
/// With `percent`, it affects a share of the matching calls. A random number generator that starts with `seed` chooses
/// them: the same seed always chooses the same calls.
///
/// A fault affects only calls that are signed, within quota and valid: a bad request gets its own error, fault or not.
/// If several faults match, the oldest applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which call fails; by default `send`.
    #[serde(default)]
    pub call: Call,
    /// How many calls; by default 1, or all of them with `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How many of a hundred matching calls it affects, 1 to 100; by default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// The seed of the random numbers for `percent`; by default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Only for mails to this address, in any list, case-insensitively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Only for mails whose subject contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What happens.
    pub effect: Effect,
}

/// The calls that can fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// `POST /emails:send`.
    #[default]
    Send,
    /// `GET /emails/operations/{id}`.
    Status,
}

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// Refuses the call with this status.
    Status {
        /// 400 to 599; any other counts as 500.
        status: u16,
        /// Seconds for a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// The error code in body and header; by default the usual one for the status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Handles the call as usual, but later.
    Delay {
        /// How much later, in real milliseconds.
        milliseconds: u64,
    },
    /// Does nothing, and does not answer until the client gives up.
    Hang,
    /// Resets the connection, and does nothing else.
    Reset,
    /// Handles the call, then resets the connection without an answer.
    AcceptThenReset,
    /// Handles the call, but answers with truncated JSON.
    Garbage,
    /// Accepts the mail; its operation then ends as `Failed` with this code. No effect on status reads.
    FailOperation {
        /// Such as `EmailDropped`.
        code: String,
    },
}

impl Effect {
    /// A refusal with only a status.
    pub fn status(status: u16) -> Effect {
        Effect::Status { status, retry_after: None, code: None }
    }

    /// The longest [`Effect::Delay`].
    pub const LONGEST_DELAY: Duration = Duration::from_secs(10 * 60);

    /// Its name in the list of attempts, the same as `kind` in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::Status { .. } => "status",
            Effect::Delay { .. } => "delay",
            Effect::Hang => "hang",
            Effect::Reset => "reset",
            Effect::AcceptThenReset => "acceptThenReset",
            Effect::Garbage => "garbage",
            Effect::FailOperation { .. } => "failOperation",
        }
    }
}

impl Fault {
    /// A fault of the next send.
    pub fn next(effect: Effect) -> Fault {
        Fault { call: Call::Send, count: Some(1), percent: None, seed: None, recipient: None, subject: None, effect }
    }

    /// Affects this many calls.
    pub fn times(self, count: u32) -> Fault {
        Fault { count: Some(count), ..self }
    }

    /// A fault of a share of all further sends.
    pub fn share(percent: u8, seed: u64, effect: Effect) -> Fault {
        Fault { count: None, percent: Some(percent), seed: Some(seed), ..Fault::next(effect) }
    }

    /// Affects status reads instead.
    pub fn on_status(self) -> Fault {
        Fault { call: Call::Status, ..self }
    }

    /// Affects only mails to this address.
    pub fn for_recipient(self, address: &str) -> Fault {
        Fault { recipient: Some(address.to_owned()), ..self }
    }

    /// Affects only mails whose subject contains this text.
    pub fn for_subject(self, part: &str) -> Fault {
        Fault { subject: Some(part.to_owned()), ..self }
    }

    fn matches(&self, call: Call, email: Option<&Email>) -> bool {
        self.call == call
            && self.recipient.as_ref().is_none_or(|wanted| is_to(email, wanted))
            && self.subject.as_ref().is_none_or(|part| is_about(email, part))
    }
}

fn is_to(email: Option<&Email>, wanted: &str) -> bool {
    email.is_some_and(|email| {
        let mut all = email.recipients.all();
        all.any(|to| to.address.eq_ignore_ascii_case(wanted))
    })
}

fn is_about(email: Option<&Email>, part: &str) -> bool {
    email.is_some_and(|email| email.content.subject.contains(part))
}

/// The waiting faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Waiting>);

/// A fault and its random number generator.
#[derive(Debug)]
struct Waiting {
    fault: Fault,
    dice: Rng,
}

impl Waiting {
    fn new(mut fault: Fault) -> Waiting {
        if fault.percent.is_none() {
            fault.count.get_or_insert(1);
        }
        let dice = Rng::with_seed(fault.seed.unwrap_or_default());
        Waiting { fault, dice }
    }

    /// Whether the fault affects this call. Every matching call draws one random number.
    fn strikes(&mut self, call: Call, email: Option<&Email>) -> bool {
        self.fault.matches(call, email) && self.fault.percent.is_none_or(|percent| self.dice.u8(..100) < percent)
    }

    fn is_spent(&self) -> bool {
        self.fault.count == Some(0)
    }
}

impl Faults {
    /// Adds a fault; returns false if too many are waiting.
    pub(crate) fn add(&mut self, fault: Fault) -> bool {
        let room = self.0.len() < MAX_FAULTS;
        if room && fault.count != Some(0) {
            self.0.push(Waiting::new(fault));
        }
        room
    }

    /// The effect on this call, if a fault matches. `email` is the mail that a status read asks about, if it is known.
    pub(crate) fn take(&mut self, call: Call, email: Option<&Email>) -> Option<Effect> {
        let waiting = self.0.iter_mut().find_map(|waiting| waiting.strikes(call, email).then_some(waiting))?;
        waiting.fault.count = waiting.fault.count.map(|count| count.saturating_sub(1));
        let effect = waiting.fault.effect.clone();
        self.0.retain(|waiting| !waiting.is_spent());
        Some(effect)
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0.iter().map(|waiting| waiting.fault.clone()).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
