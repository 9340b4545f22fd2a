//! Delivery reports: what was pushed, how often, and what the webhook answered.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::acs::operation::DeliveryStatus;

/// The most reports to keep; the oldest are dropped.
const MAX_REPORTS: usize = 20_000;

/// The most errors about handshakes to keep.
const MAX_COMPLAINTS: usize = 30;

/// One event and its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The event's id, the same in every attempt.
    pub id: Uuid,
    /// The operation that it reports on.
    pub message_id: Uuid,
    /// The recipient that it reports on.
    pub recipient: String,
    /// What became of the mail there.
    pub status: DeliveryStatus,
    /// The state of the event itself.
    pub state: ReportState,
    /// Its attempts, oldest first.
    pub pushes: Vec<Push>,
}

/// The state of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ReportState {
    /// The webhook has not accepted it yet.
    Waiting,
    /// The webhook accepted it.
    Taken,
    /// The webhook refused it for good, or time ran out.
    Dropped,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// When, after the first attempt, by Event Grid's schedule: how long a real subscription would have waited.
    #[serde(rename = "afterSeconds", serialize_with = "seconds")]
    pub after: Duration,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

/// The latest reports, and how the handshake went.
#[derive(Debug, Default)]
pub(crate) struct ReportLog {
    reports: VecDeque<Report>,
    /// The handshakes' failures, until one succeeds.
    complaints: Vec<String>,
    validated: bool,
}

impl ReportLog {
    pub(crate) fn begin(&mut self, report: Report) {
        self.reports.push_back(report);
        if self.reports.len() > MAX_REPORTS {
            self.reports.pop_front();
        }
    }

    /// Changes a report, unless it has been dropped or cleared.
    pub(crate) fn update(&mut self, id: Uuid, change: impl FnOnce(&mut Report)) {
        if let Some(report) = self.reports.iter_mut().rev().find(|report| report.id == id) {
            change(report);
        }
    }

    pub(crate) fn newest_first(&self) -> Vec<Report> {
        self.reports.iter().rev().cloned().collect()
    }

    pub(crate) fn of(&self, message_id: Uuid) -> Vec<Report> {
        self.reports.iter().filter(|report| report.message_id == message_id).cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.reports.clear();
    }

    pub(crate) fn validate(&mut self) {
        self.validated = true;
    }

    pub(crate) fn is_validated(&self) -> bool {
        self.validated
    }

    pub(crate) fn complain(&mut self, complaint: String) {
        if self.complaints.len() >= MAX_COMPLAINTS {
            self.complaints.remove(0);
        }
        self.complaints.push(complaint);
    }

    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }
}
