//! How many calls ACS allows per minute and hour.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::acs::refusal::Refusal;
use crate::clock::{later, until, whole_seconds};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The quota of a subscription, by the kind of domain it sends from.
///
/// Source: ACS service limits, section Email. A refused call counts too, as documented: a client that does not wait
/// stays locked out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quota {
    /// No limit.
    #[default]
    None,
    /// A verified custom domain: 30 sends a minute and 100 an hour, 60 and 200 status reads.
    Custom,
    /// An Azure-managed domain: 5 sends a minute and 10 an hour, 10 and 20 status reads.
    Managed,
}

impl Quota {
    /// How many sends it allows.
    pub fn sends(self) -> Option<Limit> {
        match self {
            Quota::None => None,
            Quota::Custom => Some(Limit { minute: 30, hour: 100 }),
            Quota::Managed => Some(Limit { minute: 5, hour: 10 }),
        }
    }

    /// How many status reads it allows.
    pub fn status_reads(self) -> Option<Limit> {
        match self {
            Quota::None => None,
            Quota::Custom => Some(Limit { minute: 60, hour: 200 }),
            Quota::Managed => Some(Limit { minute: 10, hour: 20 }),
        }
    }
}

/// How many calls are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In any minute.
    pub minute: usize,
    /// In any hour.
    pub hour: usize,
}

/// The two meters of a resource.
#[derive(Debug)]
pub(crate) struct Meters {
    quota: Quota,
    sends: Meter,
    status_reads: Meter,
}

impl Meters {
    pub(crate) fn new(quota: Quota) -> Meters {
        Meters { quota, sends: Meter::default(), status_reads: Meter::default() }
    }

    pub(crate) fn count_send(&mut self, now: SystemTime) -> Result<(), Refusal> {
        count(&mut self.sends, self.quota.sends(), now)
    }

    pub(crate) fn count_status_read(&mut self, now: SystemTime) -> Result<(), Refusal> {
        count(&mut self.status_reads, self.quota.status_reads(), now)
    }
}

fn count(meter: &mut Meter, limit: Option<Limit>, now: SystemTime) -> Result<(), Refusal> {
    let counted = limit.map_or(Ok(()), |limit| meter.count(limit, now));
    counted.map_err(|wait| Refusal::OverQuota { retry_after: whole_seconds(wait) })
}

/// The times of the latest calls, newest first; at most one more than the hour's limit.
#[derive(Debug, Default)]
pub struct Meter(VecDeque<SystemTime>);

impl Meter {
    /// Counts a call, which must not be earlier than the previous one.
    ///
    /// # Errors
    /// If it is over the limit: how long until one more call would be within it.
    pub fn count(&mut self, limit: Limit, now: SystemTime) -> Result<(), Duration> {
        self.0.push_front(now);
        self.0.truncate(limit.hour + 1);
        let over_minute = self.is_over(limit.minute, MINUTE, now);
        let over_hour = self.is_over(limit.hour, HOUR, now);
        if !over_minute && !over_hour {
            return Ok(());
        }
        Err(self.wait(limit.minute, MINUTE, now).max(self.wait(limit.hour, HOUR, now)))
    }

    /// Whether more than `allowed` calls, including this one, are in the window.
    fn is_over(&self, allowed: usize, window: Duration, now: SystemTime) -> bool {
        self.0.get(allowed).is_some_and(|at| later(*at, window) > now)
    }

    /// How long until one more call would be within the limit, counting refused calls.
    fn wait(&self, allowed: usize, window: Duration, now: SystemTime) -> Duration {
        let blocking = allowed.checked_sub(1).and_then(|index| self.0.get(index));
        blocking.map_or(Duration::ZERO, |at| until(later(*at, window), now))
    }
}
