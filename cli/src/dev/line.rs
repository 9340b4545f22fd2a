//! The gate's audit line, made short for a developer's screen.

use serde::Deserialize;

use crate::console::{DIM, GREEN, RED, YELLOW};
use crate::report::counted;

/// What is shown of an audit line; `postern::audit` says what else there is.
#[derive(Debug, Deserialize)]
struct Entry {
    time: String,
    #[serde(default)]
    route: Option<String>,
    verdict: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(rename = "http.response.status_code")]
    status: u16,
    mails: Vec<Mail>,
    duration_ms: u64,
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

/// One line of a table: time, status, verdict, duration, route, and what there is to say about it. `None` when the
/// text is no audit line.
pub fn tidy(audit: &str) -> Option<String> {
    let entry: Entry = serde_json::from_str(audit).ok()?;
    let style = match entry.verdict.as_str() {
        "sent" => GREEN,
        "failed" | "partial" => RED,
        _ => YELLOW,
    };
    Some(format!(
        "{DIM}{}{DIM:#}  {style}{} {:<7}{style:#}  {:>5} ms  {:<12}  {}",
        time_of_day(&entry.time),
        entry.status,
        entry.verdict,
        entry.duration_ms,
        entry.route.as_deref().unwrap_or("-"),
        detail(&entry),
    ))
}

/// Hours, minutes and seconds of an RFC 3339 time in UTC, with its `Z`.
pub fn time_of_day(rfc3339: &str) -> String {
    format!("{}Z", rfc3339.get(11..19).unwrap_or_default())
}

fn detail(entry: &Entry) -> String {
    match entry.verdict.as_str() {
        "sent" => counted(entry.mails.len(), "mail"),
        "ignored" => "no mail applies".to_owned(),
        "refused" => entry.reason.clone().unwrap_or_default(),
        _ if entry.mails.is_empty() => entry.reason.clone().unwrap_or_default(),
        _ => entry.mails.iter().map(fate).collect::<Vec<_>>().join(", "),
    }
}

/// A mail's name, what became of it, and what ACS said.
fn fate(mail: &Mail) -> String {
    let status = mail.acs_status.map(|status| status.to_string());
    let words = [Some(mail.outcome.clone()), status, mail.acs_error.clone()];
    format!("{}: {}", mail.mail, words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}
