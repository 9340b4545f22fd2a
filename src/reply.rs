//! Turns the outcomes of events into the answer to their caller.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::acs::OperationStatus;
use crate::audit::{Summary, Verdict};
use crate::contract::Contract;
use crate::deliver::Handled;
use crate::outcome::{Outcome, Sent};
use crate::problem::{self, Problem, ProblemType, RetryDisposition};
use crate::refusal::Refusal;
use crate::web::response::json;

/// The answer to a request whose events were handled.
pub fn respond(contract: &Contract, events: &[Handled], batch: bool) -> Response<Bytes> {
    match problem(contract, events, batch) {
        None => json(status(events), &Value::Object(success(events))),
        Some(problem) => problem.respond(),
    }
}

/// The status for events for which nothing went wrong: 202 if mails are in the overflow queue.
pub fn status(events: &[Handled]) -> StatusCode {
    if queued(events) { StatusCode::ACCEPTED } else { StatusCode::OK }
}

fn queued(events: &[Handled]) -> bool {
    events.iter().flatten().flatten().any(|sent| sent.delivery.outcome == Outcome::Queued)
}

/// What went wrong with the events, if anything did.
///
/// The answer says "sent" only for what ACS accepted, and "queued" only for what the overflow queue confirmed. If the
/// caller should retry, its contract decides the status; its retry has the same operation ids, and mails that ACS
/// accepted are not sent twice.
pub fn problem(contract: &Contract, events: &[Handled], batch: bool) -> Option<Problem> {
    if let ([Err(refusal)], false) = (events, batch) {
        return Some(refusal.problem(contract));
    }
    let (kind, disposition) = worst(events)?;
    let advice = match disposition {
        RetryDisposition::Retry => "Send the same request again later. Mails that were accepted are not sent twice.",
        _ => "The audit log says why.",
    };
    let sent: Vec<_> = events.iter().flatten().flatten().collect();
    let detail = format!("{} of {} mails were accepted. {advice}", accepted(sent.iter().copied()), sent.len());
    let mut problem = Problem::new(kind, disposition, contract, detail);
    problem.members = mails(events);
    if batch {
        problem.add("refused", json!(events.iter().enumerate().filter_map(refused).collect::<Vec<_>>()));
    }
    if let Some(wait) = sent.iter().filter_map(|sent| sent.delivery.outcome.retry_after()).max() {
        problem.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    Some(problem)
}

/// The content of an answer if nothing went wrong.
pub fn success(events: &[Handled]) -> Map<String, Value> {
    let queued = queued(events).then(|| ("queued".to_owned(), json!(true)));
    mails(events).into_iter().chain(queued).collect()
}

/// What an answer says about mails.
fn mails(events: &[Handled]) -> Map<String, Value> {
    let sent = || events.iter().flatten().flatten();
    let mails: Vec<_> = sent().map(mail).collect();
    [("sent".to_owned(), json!(accepted(sent()))), ("mails".to_owned(), json!(mails))].into_iter().collect()
}

fn accepted<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> usize {
    sent.into_iter().filter(|sent| sent.delivery.outcome == Outcome::Accepted).count()
}

/// The problem that decides the answer. One that makes the caller retry comes before one that stops it, because what
/// ACS accepted or refused, it will accept or refuse again.
fn worst(events: &[Handled]) -> Option<(ProblemType, RetryDisposition)> {
    let mut problems: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Ok(sent) => trouble(sent),
            Err(refusal) => Some((refusal.problem_type(), refusal.problem_type().disposition)),
        })
        .collect();
    problems.sort_by_key(|(_, disposition)| *disposition != RetryDisposition::Retry);
    problems.first().copied()
}

/// A mail that was not attempted has the problem of the one that failed; if none failed, time ran out.
fn trouble(sent: &[Sent]) -> Option<(ProblemType, RetryDisposition)> {
    let outcomes = || sent.iter().map(|sent| sent.delivery.outcome);
    if outcomes().all(Outcome::is_taken) {
        return None;
    }
    let untried = |outcome: &Outcome| outcome.is_taken() || *outcome == Outcome::NotAttempted;
    let mut met = outcomes().filter(|outcome| !untried(outcome)).peekable();
    if met.peek().is_none() || met.any(Outcome::is_temporary) {
        return Some((problem::TRY_LATER, RetryDisposition::Retry));
    }
    // A problem with only this message keeps its status. What an operator can fix, such as a wrong key, is worth a
    // retry.
    let hopeless = |outcome: Outcome| outcome.is_taken() || outcome.is_refused();
    let disposition = if outcomes().filter(|outcome| *outcome != Outcome::NotAttempted).all(hopeless) {
        RetryDisposition::Refused
    } else {
        RetryDisposition::Retry
    };
    Some((refused_by_acs(sent), disposition))
}

/// The problem of the first mail that was neither accepted nor queued.
fn refused_by_acs(sent: &[Sent]) -> ProblemType {
    let mut outcomes = sent.iter().map(|sent| sent.delivery.outcome);
    match outcomes.find(|outcome| !outcome.is_taken()) {
        Some(Outcome::Suppressed) => problem::SUPPRESSED,
        Some(Outcome::InvalidAddress) => problem::INVALID_ADDRESS,
        Some(Outcome::UnknownSender) => problem::UNKNOWN_SENDER,
        Some(Outcome::UnlinkedDomain) => problem::UNLINKED_DOMAIN,
        _ => problem::REFUSED_BY_ACS,
    }
}

/// What the audit line says about an event.
pub fn summary(event: &Handled) -> Summary {
    let sent = match event {
        Ok(sent) => sent,
        Err(refusal) => return refusal.summary(),
    };
    let count = |wanted: fn(Outcome) -> bool| sent.iter().filter(|sent| wanted(sent.delivery.outcome)).count();
    match trouble(sent) {
        None if sent.is_empty() => Summary { verdict: Verdict::Ignored, reason: None },
        None => {
            let verdict = if count(|outcome| outcome == Outcome::Queued) > 0 {
                Verdict::Queued
            } else if count(|outcome| outcome == Outcome::Accepted) > 0 {
                Verdict::Sent
            } else {
                Verdict::Duplicate
            };
            Summary { verdict, reason: None }
        }
        Some((problem_type, _)) => Summary {
            verdict: if count(Outcome::is_taken) == 0 { Verdict::Failed } else { Verdict::Partial },
            reason: Some(problem_type.slug.to_owned()),
        },
    }
}

/// An event of a batch that the gate refused before any mail, by its position, counted from 1.
fn refused((index, event): (usize, &Handled)) -> Option<Value> {
    let refusal = event.as_ref().err()?;
    let mut value = json!({ "event": index + 1, "type": refusal.problem_type().uri(), "detail": refusal.detail() });
    if let (Refusal::Invalid(violations), Some(members)) = (refusal, value.as_object_mut()) {
        members.insert("errors".to_owned(), json!(violations));
    }
    Some(value)
}

fn mail(sent: &Sent) -> Value {
    json!({
        "mail": sent.mail,
        "status": sent.delivery.outcome.as_str(),
        "operation": sent.delivery.operation,
    })
}

/// The answer to a status request.
pub fn operation(status: &OperationStatus) -> Response<Bytes> {
    json(StatusCode::OK, &json!(status))
}
