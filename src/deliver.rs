//! Delivers rendered mails: sends them to ACS, or puts them into the overflow queue.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::acs::{self, Connection, Inquiry, State};
use crate::audit::{self, Entry};
use crate::entra::TokenCache;
use crate::host::Sending;
use crate::outcome::{Delivery, Outcome, Sent, StorageError};
use crate::overflow::{self, Head, Letter, StorageCredential};
use crate::policy::{Digest, Overflow, Route};
use crate::refusal::Refusal;
use crate::render::Message;
use crate::repeat::Operations;
use crate::select::Selected;
use crate::trace::Trace;

/// How many events of a batch are sent at the same time. Each connection costs the host and the instance memory.
const AT_ONCE: usize = 8;

/// How long into a period an event of the previous one may still be on its way to ACS, which then does not know it yet.
/// A visitor who presses a button twice does so in less time.
const SETTLED: Duration = Duration::from_secs(3);

/// One event of a request, and what became of it: a form is one event.
pub type Handled = Result<Vec<Sent>, Refusal>;

/// An event whose mails are rendered.
pub(crate) struct Prepared<'a> {
    pub event_id: String,
    /// Whether the id is derived from content.
    pub derived: bool,
    pub mails: Vec<(Selected<'a>, Message)>,
}

/// What all mails of a request share when they are sent.
pub(crate) struct Dispatch<'a> {
    pub route: &'a Route,
    pub tokens: &'a TokenCache,
    pub trace: &'a Trace,
    pub deadline: Duration,
    pub policy: Digest,
    pub overflow: Option<&'a Overflow>,
}

/// Sends the mails of a request's events, several events at a time, and keeps the events in their order.
///
/// The first event goes alone, so that a problem that affects all mails costs the attempts of only one; once any event
/// meets such a problem, no further event is started. Each delivery of a batch starts at another event, so that
/// repeated deliveries reach every event although the gate keeps nothing between them.
pub(crate) async fn deliver(
    host: &impl Sending,
    dispatch: &Dispatch<'_>,
    events: Vec<(Entry, Result<Prepared<'_>, Refusal>)>,
) -> Vec<(Entry, Handled)> {
    let trouble = OnceLock::new();
    let mut events: Vec<_> = events.into_iter().enumerate().collect();
    let beginning = beginning(host, events.len());
    events.rotate_left(beginning);
    let mut waiting = events.into_iter();
    let (mut running, mut done, mut at_once) = (FuturesUnordered::new(), Vec::new(), 1);
    loop {
        for (place, (entry, prepared)) in waiting.by_ref().take(at_once - running.len()) {
            running.push(event(host, dispatch, &trouble, place, entry, prepared));
        }
        let Some(event) = running.next().await else { break };
        if matches!(&event, (_, _, Ok(sent)) if !sent.is_empty()) {
            at_once = AT_ONCE;
        }
        done.push(event);
    }
    done.sort_by_key(|(place, ..)| *place);
    done.into_iter().map(|(_, entry, handled)| (entry, handled)).collect()
}

/// Sends the mails of one event, and keeps the event's place among the others.
async fn event(
    host: &impl Sending,
    dispatch: &Dispatch<'_>,
    trouble: &OnceLock<Outcome>,
    place: usize,
    mut entry: Entry,
    prepared: Result<Prepared<'_>, Refusal>,
) -> (usize, Entry, Handled) {
    let handled = match prepared {
        Ok(event) => send(host, dispatch, &event, trouble, &mut entry).await,
        Err(refusal) => Err(refusal),
    };
    (place, entry, handled)
}

/// The index of the event to start with: a random one, if there are several.
fn beginning(host: &impl Sending, events: usize) -> usize {
    // The bits that are cut off are as random as those that remain.
    if events > 1 { host.random() as usize % events } else { 0 }
}

/// Sends an event's mails one after the other. After a problem that affects all mails, it does not attempt the rest.
async fn send(
    host: &impl Sending,
    dispatch: &Dispatch<'_>,
    event: &Prepared<'_>,
    trouble: &OnceLock<Outcome>,
    entry: &mut Entry,
) -> Handled {
    if event.mails.is_empty() {
        return Ok(Vec::new());
    }
    let connection = Connection::read(host).await?;
    let acs = acs::Client { host, connection: &connection, tokens: dispatch.tokens, trace: *dispatch.trace };
    let reserved = dispatch.overflow.map_or(Duration::ZERO, |_| overflow::reserved(dispatch.route.time_budget));
    let mut sent: Vec<Sent> = Vec::new();
    for (selected, message) in &event.mails {
        let mail = &selected.mail.name;
        let operations = Operations::of(dispatch.route, mail, &event.event_id, event.derived, host.now());
        let operation = operations.current;
        let left = dispatch.deadline.saturating_sub(host.monotonic()).saturating_sub(reserved);
        let delivery = match acs::body(message) {
            None => Delivery { outcome: Outcome::TooLarge, ..Delivery::not_sent(operation) },
            Some(body) => {
                let delivery = if trouble.get().is_some() || left.is_zero() {
                    Delivery::not_sent(operation)
                } else {
                    repeat_or_send(&acs, body.clone(), operations, left).await
                };
                let waits = match delivery.outcome {
                    Outcome::NotAttempted => trouble.get().is_none_or(|outcome: &Outcome| outcome.waits_for_acs()),
                    outcome => outcome.is_temporary(),
                };
                if waits { keep(host, dispatch, mail, body, delivery).await } else { delivery }
            }
        };
        if delivery.outcome.concerns_all() {
            // Only the first such problem counts.
            let _ = trouble.set(delivery.outcome);
        }
        entry.mail(selected.mail, audit::domains(selected), &delivery);
        sent.push(Sent { mail: mail.clone(), delivery });
    }
    Ok(sent)
}

/// Sends a mail under the operation id of this period, unless ACS already has it under that of the previous one.
///
/// If ACS does not say, this uses the earlier id: ACS recognises the mail if it has it, and sends it otherwise.
async fn repeat_or_send<H: Sending>(
    acs: &acs::Client<'_, H>,
    body: Bytes,
    operations: Operations,
    budget: Duration,
) -> Delivery {
    let Some(earlier) = operations.earlier else {
        return acs.send(body, operations.current, State::Send, budget).await;
    };
    let started = acs.host.monotonic();
    let left = || budget.saturating_sub(acs.host.monotonic().saturating_sub(started));
    let (mut inquiry, mut status_reads) = (acs.inquire(earlier.operation, left()).await, 1);
    let unknown = |inquiry: &Inquiry| matches!(inquiry.answer, Err(Outcome::NotFound));
    if unknown(&inquiry)
        && let wait = SETTLED.saturating_sub(earlier.age)
        && !wait.is_zero()
        && wait < left() / 2
    {
        // The first of the two may still be on its way to ACS.
        acs.host.sleep(wait).await;
        inquiry = acs.inquire(earlier.operation, left()).await;
        status_reads += 1;
    }
    let operation = match &inquiry.answer {
        Ok(operation) if !operation.status.is_failure() => {
            return Delivery {
                outcome: Outcome::Accepted,
                status: inquiry.status,
                request_id: Some(inquiry.request_id),
                status_reads,
                duration: acs.host.monotonic().saturating_sub(started),
                ..Delivery::not_sent(earlier.operation)
            };
        }
        Ok(_) | Err(Outcome::NotFound) => operations.current,
        Err(_) => earlier.operation,
    };
    let delivery = acs.send(body, operation, State::Send, left()).await;
    let duration = acs.host.monotonic().saturating_sub(started);
    Delivery { status_reads: delivery.status_reads + status_reads, duration, ..delivery }
}

/// Puts a mail into the overflow queue, if there is one; if that fails, the mail's outcome stays as it was.
async fn keep(host: &impl Sending, dispatch: &Dispatch<'_>, mail: &str, body: Bytes, delivery: Delivery) -> Delivery {
    let left = dispatch.deadline.saturating_sub(host.monotonic());
    let Some(overflow) = dispatch.overflow.filter(|_| !left.is_zero()) else { return delivery };
    let head = Head {
        postern: overflow::FORM,
        operation: delivery.operation,
        route: dispatch.route.name.clone(),
        mail: mail.to_owned(),
        policy_sha256: dispatch.policy.to_string(),
        queued_at: humantime::format_rfc3339_seconds(host.now()).to_string(),
        in_doubt: delivery.in_doubt,
        traceparent: dispatch.trace.to_string(),
        blob: None,
        mac: String::new(),
        set_aside: None,
    };
    let kept = match (StorageCredential::read(host).await, overflow::Key::read(host).await) {
        (Ok(credential), Ok(key)) => {
            let queue =
                overflow::Client { host, overflow, credential: &credential, key: &key, tokens: dispatch.tokens };
            queue.keep(Letter { head, body }, left).await
        }
        _ => Err(StorageError::Settings),
    };
    match kept {
        Ok(()) => Delivery { outcome: Outcome::Queued, queued_after: Some(delivery.outcome), ..delivery },
        Err(error) => Delivery { overflow_error: Some(error), ..delivery },
    }
}
