//! One line for each request: who asked for what, what was sent, and if not, why. No payloads, secrets or addresses.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::acs::Inquiry;
use crate::auth::Caller;
use crate::contract::Contract;
use crate::outcome::{Delivery, Outcome, StorageError};
use crate::policy::{Address, Digest, Mail, Purpose, Route};
use crate::select::Selected;
use crate::trace::Trace;

/// What a line says about its request as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// ACS accepted every mail that applied, at least one of them now.
    Sent,
    /// ACS already had every mail that applied, from an earlier request for the same event, and accepted none now.
    Duplicate,
    /// ACS accepted some of the mails.
    Partial,
    /// ACS accepted none of the mails, or something failed before that.
    Failed,
    /// Every mail that applied is with ACS or in the overflow queue, at least one in the queue.
    Queued,
    /// The payload was valid, and no mail applied.
    Ignored,
    /// A robot's form was dropped, and answered as if it had been sent.
    Discarded,
    /// A form was valid in a dry run, which sends nothing.
    Validated,
    /// The request was refused.
    Refused,
    /// A sender's handshake was answered.
    Handshake,
    /// A status request was answered, if only with the news that ACS does not know the operation.
    Answered,
}

impl Verdict {
    /// The severity in OpenTelemetry's log data model.
    const fn severity(self) -> &'static str {
        match self {
            Self::Sent
            | Self::Duplicate
            | Self::Ignored
            | Self::Discarded
            | Self::Validated
            | Self::Handshake
            | Self::Answered => "INFO",
            Self::Queued | Self::Refused => "WARN",
            Self::Partial | Self::Failed => "ERROR",
        }
    }
}

/// What audit lines say about an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// The request as a whole.
    pub verdict: Verdict,
    /// The problem, with the exact reason if the answer withholds it.
    pub reason: Option<String>,
}

impl Summary {
    /// For a handshake that was answered.
    pub const HANDSHAKE: Self = Self { verdict: Verdict::Handshake, reason: None };

    /// For a status request.
    pub const ANSWERED: Self = Self { verdict: Verdict::Answered, reason: None };

    /// For a request without an event.
    pub const IGNORED: Self = Self { verdict: Verdict::Ignored, reason: None };
}

/// The line. Its names are OpenTelemetry's where OpenTelemetry defines them.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    #[serde(serialize_with = "rfc3339")]
    time: SystemTime,
    severity_text: &'static str,
    trace_id: String,
    span_id: String,
    trace_flags: String,
    #[serde(rename = "service.name")]
    service: &'static str,
    #[serde(rename = "event.name")]
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_sha256: Option<Digest>,
    #[serde(rename = "http.request.method")]
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<CallerEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Batch>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(rename = "http.response.status_code")]
    status: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    redirected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    redelivery: Option<&'static str>,
    mails: Vec<MailEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inquiry: Option<InquiryEntry>,
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    duration: Duration,
}

/// An event's position within its request.
#[derive(Debug, Clone, Copy, Serialize)]
struct Batch {
    /// Counted from 1.
    event: usize,
    of: usize,
}

#[derive(Debug, Clone, Serialize)]
struct CallerEntry {
    scheme: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct MailEntry {
    mail: String,
    template: String,
    template_sha256: Digest,
    sender: String,
    purpose: Purpose,
    recipient_domains: Vec<String>,
    operation_id: Uuid,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_request_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_after: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow_error: Option<String>,
    attempts: u32,
    #[serde(skip_serializing_if = "is_zero")]
    status_reads: u32,
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    duration: Duration,
}

#[derive(Debug, Clone, Serialize)]
struct InquiryEntry {
    operation_id: Uuid,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_error: Option<String>,
    acs_request_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    duration: Duration,
}

/// The methods that HTTP defines. Any other is text that a stranger chose and stays out of the log, as OpenTelemetry's
/// semantic conventions ask.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

impl Entry {
    /// Begins a line with the policy's digest, if there is a policy. Until more is known, the verdict is `refused`.
    pub fn begin(time: SystemTime, policy: Option<Digest>, trace: &Trace, method: &http::Method) -> Self {
        let method = if METHODS.contains(&method.as_str()) { method.as_str() } else { "_OTHER" };
        Self {
            time,
            severity_text: Verdict::Refused.severity(),
            trace_id: trace.trace_id(),
            span_id: trace.span_id(),
            trace_flags: trace.trace_flags(),
            service: "postern",
            event: "postern.request",
            policy_sha256: policy,
            method: method.to_owned(),
            route: None,
            caller: None,
            event_id: None,
            delivery_id: None,
            batch: None,
            verdict: Verdict::Refused,
            reason: None,
            status: 0,
            redirected: false,
            redelivery: None,
            mails: Vec::new(),
            inquiry: None,
            duration: Duration::ZERO,
        }
    }

    /// Notes the route.
    pub fn route(&mut self, route: &Route) {
        self.route = Some(route.name.clone());
    }

    /// Notes a caller that authenticated, or a browser, which does not have to.
    pub fn caller(&mut self, caller: &Caller) {
        let outcome = if caller.scheme == crate::auth::FORM { "anonymous" } else { "verified" };
        self.caller = Some(CallerEntry { scheme: caller.scheme, outcome });
        self.event_id = Some(caller.event_id.clone());
        self.delivery_id.clone_from(&caller.delivery_id);
    }

    /// Notes a caller that failed to authenticate.
    pub fn refused_caller(&mut self, scheme: &'static str) {
        self.caller = Some(CallerEntry { scheme, outcome: "refused" });
    }

    /// Notes a caller that authenticated for a status request.
    pub fn inquirer(&mut self, scheme: &'static str) {
        self.caller = Some(CallerEntry { scheme, outcome: "verified" });
    }

    /// Notes the result of a status request.
    pub fn inquiry(&mut self, inquiry: &Inquiry) {
        self.inquiry = Some(InquiryEntry {
            operation_id: inquiry.operation,
            outcome: inquiry.as_str(),
            acs_status: inquiry.status,
            acs_error: inquiry.error_code.clone(),
            acs_request_id: inquiry.request_id,
            advice: inquiry.advice(),
            duration: inquiry.duration,
        });
    }

    /// Notes that all mails go to the address of a setting.
    pub fn redirected(&mut self) {
        self.redirected = true;
    }

    /// Notes the event's position within its request, counted from 0.
    pub const fn batch(&mut self, index: usize, of: usize) {
        self.batch = Some(Batch { event: index + 1, of });
    }

    /// Notes what became of a mail.
    pub fn mail(&mut self, mail: &Mail, recipient_domains: Vec<String>, delivery: &Delivery) {
        self.mails.push(MailEntry {
            mail: mail.name.clone(),
            template: mail.template.name().to_owned(),
            template_sha256: mail.template.digest(),
            sender: mail.sender.name.clone(),
            purpose: mail.purpose,
            recipient_domains,
            operation_id: delivery.operation,
            outcome: delivery.outcome.as_str(),
            acs_status: delivery.status,
            acs_error: delivery.error_code.clone(),
            acs_request_id: delivery.request_id,
            advice: delivery.outcome.advice().or(delivery.overflow_error.as_ref().map(|_| StorageError::ADVICE)),
            queued_after: delivery.queued_after.map(Outcome::as_str),
            overflow_error: delivery.overflow_error.as_ref().map(ToString::to_string),
            attempts: delivery.attempts,
            status_reads: delivery.status_reads,
            duration: delivery.duration,
        });
    }

    /// Ends the line. If a mail was not sent that should have been, it says whether the caller retries by itself.
    pub fn finish(mut self, summary: Summary, contract: &Contract, status: u16, duration: Duration) -> String {
        let lost = matches!(summary.verdict, Verdict::Failed | Verdict::Partial) && contract.retry_horizon == 0;
        self.redelivery = lost.then_some("by hand");
        self.verdict = summary.verdict;
        self.severity_text = summary.verdict.severity();
        self.reason = summary.reason;
        self.status = status;
        self.duration = duration;
        // Every field is a plain number or text, which always fits into JSON.
        serde_json::to_string(&self).unwrap_or_default()
    }
}

/// The domains a selected mail goes to, each once.
pub fn domains(selected: &Selected<'_>) -> Vec<String> {
    let mut domains: Vec<_> = selected.to.iter().map(Address::domain).collect();
    domains.sort();
    domains.dedup();
    domains
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
