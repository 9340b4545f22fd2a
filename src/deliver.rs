//! Delivers rendered mails: sends them to ACS, or puts them into the overflow queue.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use uuid::Uuid;

use crate::acs::{self, Connection, State};
use crate::audit::{self, Entry};
use crate::auth::Caller;
use crate::entra::TokenCache;
use crate::host::Sending;
use crate::outcome::{Delivery, Outcome, Sent, StorageError};
use crate::overflow::{self, Head, Letter, StorageCredential};
use crate::policy::{Digest, Overflow, Route};
use crate::refusal::Refusal;
use crate::render::Message;
use crate::select::Selected;
use crate::trace::Trace;

/// How many events of a batch are sent at a time. Each connection costs the host and the instance memory.
const AT_ONCE: usize = 8;

/// The namespace of operation ids (RFC 9562, 5.5): the name is route, mail and event id, each on a line.
const OPERATIONS: Uuid = Uuid::from_u128(0x7d5c_9a2e_41b6_4f0a_9c3d_2f6b_8e17_a054);

/// One event of a request, and what became of it: a form is one event.
pub type Handled = Result<Vec<Sent>, Refusal>;

/// An event whose mails are rendered.
pub(crate) struct Prepared<'a> {
    pub caller: Caller,
    pub mails: Vec<(Selected<'a>, Message)>,
}

/// What all mails of a request have in common when they are sent.
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
/// The first goes alone, so that trouble that concerns all costs one mail's tries; once any event meets it, no other
/// is begun. A batch that its sender repeats begins at another event each time: what one delivery had no time for,
/// the next ones reach, though nothing is kept between them.
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

/// Sends the mails of one event, and keeps its place among the others.
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

/// The place of the event to begin with: any, where there are several.
fn beginning(host: &impl Sending, events: usize) -> usize {
    // The bits that are cut off are as random as those that stay.
    if events > 1 { host.random() as usize % events } else { 0 }
}

/// Sends an event's mails one after the other; once one meets trouble that concerns all, the rest are not tried.
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
        let operation = operation(dispatch.route, mail, &event.caller.event_id);
        let left = dispatch.deadline.saturating_sub(host.monotonic()).saturating_sub(reserved);
        let delivery = match acs::body(message) {
            None => Delivery { outcome: Outcome::TooLarge, ..Delivery::not_sent(operation) },
            Some(body) => {
                let delivery = if trouble.get().is_some() || left.is_zero() {
                    Delivery::not_sent(operation)
                } else {
                    acs.send(body.clone(), operation, State::Send, left).await
                };
                let waits = match delivery.outcome {
                    Outcome::NotAttempted => trouble.get().is_none_or(|outcome: &Outcome| outcome.waits_for_acs()),
                    outcome => outcome.is_temporary(),
                };
                if waits { keep(host, dispatch, mail, body, delivery).await } else { delivery }
            }
        };
        if delivery.outcome.concerns_all() {
            // Only the first counts.
            let _ = trouble.set(delivery.outcome);
        }
        entry.mail(selected.mail, audit::domains(selected), &delivery);
        sent.push(Sent { mail: mail.clone(), delivery });
    }
    Ok(sent)
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

/// The same event always has the same operation ids, so that ACS can recognise a repeat.
pub(crate) fn operation(route: &Route, mail: &str, event_id: &str) -> Uuid {
    Uuid::new_v5(&OPERATIONS, format!("{}\n{mail}\n{event_id}", route.name).as_bytes())
}
