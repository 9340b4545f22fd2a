//! What becomes of an accepted mail: the operation's status over time, and the delivery to each recipient.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::acs::email::{Email, Recipients};
use crate::acs::suppression::SuppressionList;
use crate::clock::{later, until};

/// How much longer an operation runs if a recipient's address starts with `slow`.
const SLOW: Duration = Duration::from_secs(60);

/// A send operation. No timer runs: its status is computed for a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it started.
    pub started_at: SystemTime,
    /// When it ends.
    pub ends_at: SystemTime,
    /// How it ends: `None` is success.
    pub failure: Option<Failure>,
}

/// A UUID in its usual format, 36 characters with dashes; the parser would also accept others.
pub(crate) fn parse_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (text.len() == Hyphenated::LENGTH).then_some(id)
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code, such as `EmailDropped`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// The statuses of ACS that the emulator uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Accepted and in progress.
    Running,
    /// Handed over for delivery, which does not mean delivered.
    Succeeded,
    /// ACS gave up.
    Failed,
}

impl Operation {
    /// The status at a point in time.
    pub fn status(&self, now: SystemTime) -> Status {
        match &self.failure {
            _ if now < self.ends_at => Status::Running,
            None => Status::Succeeded,
            Some(_) => Status::Failed,
        }
    }

    /// How long after `now` it ends; zero if it has ended.
    pub fn remaining(&self, now: SystemTime) -> Duration {
        until(self.ends_at, now)
    }

    /// The failure, if it has ended with one.
    pub(crate) fn failure_at(&self, now: SystemTime) -> Option<&Failure> {
        self.failure.as_ref().filter(|_| now >= self.ends_at)
    }
}

/// How the emulator answers an identical repeat of an `Operation-Id`. ACS does not document what it does, and
/// observations differ, so a client should cope with all three. In every case the emulator stores the mail once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatAnswer {
    /// 202 with the same operation, as Azure's API guidelines require.
    #[default]
    Accepted,
    /// 400.
    BadRequest,
    /// 409.
    Conflict,
}

/// One recipient, and what becomes of the mail there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The address as given.
    pub recipient: String,
    /// The status in the delivery report.
    pub status: DeliveryStatus,
}

/// The delivery statuses of ACS that the emulator uses.
///
/// Source: Event Grid, ACS email events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// The recipient's server accepted it.
    Delivered,
    /// A hard bounce.
    Bounced,
    /// Not sent, because the address is on the suppression list.
    Suppressed,
    /// Quarantined as spam, bulk or phishing.
    Quarantined,
    /// Refused as spam.
    FilteredSpam,
    /// ACS gave up before the mail reached the recipient's server.
    Failed,
}

/// Decides how a mail ends when it is accepted, and updates the suppression list.
pub(crate) fn plan(
    email: &Email,
    list: &mut SuppressionList,
    now: SystemTime,
    running_for: Duration,
    forced: Option<Failure>,
) -> (Operation, Vec<Delivery>) {
    let deliveries: Vec<_> = email
        .recipients
        .all()
        .map(|to| match &forced {
            Some(_) => Delivery { recipient: to.address.clone(), status: DeliveryStatus::Failed },
            None => deliver(&to.address, list, now),
        })
        .collect();
    let slow = if is_slow(&email.recipients) { SLOW } else { Duration::ZERO };
    let ends_at = later(now, running_for.saturating_add(slow));
    let failure = forced.or_else(|| all_suppressed(&deliveries));
    (Operation { started_at: now, ends_at, failure }, deliveries)
}

fn deliver(address: &str, list: &mut SuppressionList, now: SystemTime) -> Delivery {
    let suppressed = list.is_suppressed(address, now);
    let status = match convention(address) {
        _ if suppressed => DeliveryStatus::Suppressed,
        "bounce" => DeliveryStatus::Bounced,
        "suppressed" => DeliveryStatus::Suppressed,
        "quarantine" => DeliveryStatus::Quarantined,
        "spam" => DeliveryStatus::FilteredSpam,
        _ => DeliveryStatus::Delivered,
    };
    if suppressed || status == DeliveryStatus::Bounced {
        list.strike(address, now);
    }
    Delivery { recipient: address.to_owned(), status }
}

/// The part of an address that may name an outcome: before `@`, without a `+tag`.
fn convention(address: &str) -> &str {
    let local = address.split_once('@').map_or(address, |(local, _)| local);
    local.split_once('+').map_or(local, |(name, _)| name)
}

fn is_slow(recipients: &Recipients) -> bool {
    recipients.all().any(|to| convention(&to.address) == "slow")
}

fn all_suppressed(deliveries: &[Delivery]) -> Option<Failure> {
    let all = deliveries.iter().all(|delivery| delivery.status == DeliveryStatus::Suppressed);
    all.then(|| Failure {
        code: "EmailDroppedAllRecipientsSuppressed".to_owned(),
        message: "The email was dropped because all of its recipients are suppressed.".to_owned(),
    })
}
