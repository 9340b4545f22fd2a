//! The log of sends, including refused and lost ones, so that a test can count them.

use std::collections::VecDeque;
use std::time::SystemTime;

use uuid::Uuid;

/// The most attempts to keep; the oldest are dropped.
const MAX_ATTEMPTS: usize = 10_000;

/// One `POST /emails:send`, whatever its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counts from 1 since the emulator started.
    pub number: u64,
    /// When it arrived.
    pub at: SystemTime,
    /// The client's id, or the one that the emulator assigned.
    pub operation_id: Option<Uuid>,
    /// The client's `x-ms-client-request-id`.
    pub client_request_id: Option<String>,
    /// The status of the answer; none until there is one, or if the connection was deliberately lost.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub code: Option<String>,
    /// The fault that affected it, by its `kind`.
    pub fault: Option<&'static str>,
}

/// What is known about an attempt when it starts.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(crate) operation_id: Option<Uuid>,
    pub(crate) client_request_id: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct AttemptLog {
    kept: VecDeque<Attempt>,
    total: u64,
}

impl AttemptLog {
    pub(crate) fn begin(&mut self, claim: Claim, at: SystemTime) -> u64 {
        self.total += 1;
        self.kept.push_back(Attempt {
            number: self.total,
            at,
            operation_id: claim.operation_id,
            client_request_id: claim.client_request_id,
            status: None,
            code: None,
            fault: None,
        });
        if self.kept.len() > MAX_ATTEMPTS {
            self.kept.pop_front();
        }
        self.total
    }

    /// Changes an attempt, unless it has been dropped or cleared.
    pub(crate) fn update(&mut self, number: u64, change: impl FnOnce(&mut Attempt)) {
        let found = self.kept.iter_mut().rev().find(|attempt| attempt.number == number);
        if let Some(attempt) = found {
            change(attempt);
        }
    }

    pub(crate) fn newest_first(&self) -> Vec<Attempt> {
        self.kept.iter().rev().cloned().collect()
    }

    pub(crate) fn count_of(&self, operation_id: Uuid) -> usize {
        self.kept.iter().filter(|attempt| attempt.operation_id == Some(operation_id)).count()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}
