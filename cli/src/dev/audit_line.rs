//! The gate's audit line, shortened for a developer's screen.

use std::fmt;

use postern::outcome::Outcome;
use serde::Deserialize;

use crate::console::{DIM, GREEN, RED, YELLOW};
use crate::report::counted;
use crate::visible;

/// The verdict on a request for which ACS accepted all mails.
const SENT: &str = "sent";

/// The verdict on a request for an operation's status.
const ANSWERED: &str = "answered";

/// The parts of an audit line that are shown; `postern::audit` defines the rest.
#[derive(Debug, Deserialize)]
pub struct AuditLine {
    time: String,
    #[serde(default)]
    route: Option<String>,
    verdict: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(rename = "http.response.status_code")]
    status: u16,
    mails: Vec<Mail>,
    #[serde(default)]
    inquiry: Option<Inquiry>,
    duration_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Inquiry {
    operation_id: String,
    outcome: String,
}

#[derive(Debug, Deserialize)]
struct Mail {
    mail: String,
    outcome: String,
    #[serde(default)]
    acs_status: Option<u16>,
    #[serde(default)]
    acs_error: Option<String>,
}

impl AuditLine {
    /// Reads an audit line; `None` if the text is not one.
    pub fn parse(audit: &str) -> Option<Self> {
        serde_json::from_str(audit).ok()
    }

    /// The status of the answer.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// How many mails ACS accepted.
    pub fn mails_sent(&self) -> usize {
        self.mails.iter().filter(|mail| mail.outcome == Outcome::Accepted.as_str()).count()
    }

    fn detail(&self) -> String {
        match self.verdict.as_str() {
            SENT => counted(self.mails.len(), "mail"),
            "ignored" => "no mail applies".to_owned(),
            ANSWERED => self.inquiry.as_ref().map(inquiry_outcome).unwrap_or_default(),
            "refused" => self.reason.clone().unwrap_or_default(),
            _ if self.mails.is_empty() => self.reason.clone().unwrap_or_default(),
            _ => self.mails.iter().map(mail_outcome).collect::<Vec<_>>().join(", "),
        }
    }
}

/// A line of a table: time, status, verdict, duration, route, and details.
impl fmt::Display for AuditLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = match self.verdict.as_str() {
            SENT | ANSWERED => GREEN,
            "failed" | "partial" => RED,
            _ => YELLOW,
        };
        write!(
            out,
            "{DIM}{}{DIM:#}  {style}{} {:<7}{style:#}  {:>5} ms  {:<12}  {}",
            time_of_day(&self.time),
            self.status,
            visible::line(&self.verdict),
            self.duration_ms,
            visible::line(self.route.as_deref().unwrap_or("-")),
            visible::line(&self.detail()),
        )
    }
}

/// Hours, minutes and seconds of an RFC 3339 time in UTC, with its `Z`.
pub fn time_of_day(rfc3339: &str) -> String {
    format!("{}Z", rfc3339.get(11..19).unwrap_or_default())
}

/// A mail's name, its outcome, and ACS's response.
fn mail_outcome(mail: &Mail) -> String {
    let status = mail.acs_status.map(|status| status.to_string());
    let words = [Some(mail.outcome.clone()), status, mail.acs_error.clone()];
    format!("{}: {}", mail.mail, words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// An operation's status.
fn inquiry_outcome(inquiry: &Inquiry) -> String {
    format!("{}: {}", inquiry.operation_id, inquiry.outcome)
}
