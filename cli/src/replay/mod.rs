//! Delivers the mails of the overflow queue to ACS. A message leaves the queue only after its mail is with ACS or in
//! the poison queue.
//!
//! Replay leases a message while it handles it, and deletes it once ACS has accepted its mail or the poison queue has
//! it. If a replay ends in between, the lease expires and the next replay handles the message again: operation id and
//! body are the same, so ACS has only one mail.
//!
//! Anyone with access can write to the queue. Replay sends a letter only if the gate signed it and the policy still
//! allows it. Any other moves to the poison queue with the reason, and never ends a replay, because others wait behind
//! it.

mod permission;
mod storage;

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use postern::acs::{self, State};
use postern::entra::TokenCache;
use postern::host::{Clock as _, Random as _};
use postern::outcome::{Delivery, Outcome, StorageError};
use postern::overflow::{Authentic, Head, Key, Letter};
use postern::policy::{Address, Policy};
use postern::trace::{TRACEPARENT, Trace};

use crate::machine::Machine;
use crate::report::counted;
use storage::Leased;

pub use storage::{Account, Container, Queue};

/// How long to try one mail with ACS before it counts as a failed try.
const TRY_TIME: Duration = Duration::from_secs(60);

/// How long to wait if ACS says that its quota is used up, but not for how long: its shortest quota is per minute.
const QUOTA_WAIT: Duration = Duration::from_secs(60);

/// After this many failed tries in a row, the problem is with ACS and not with a mail.
const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// How often to check whether leased messages are visible again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Everything a replay needs.
pub struct Replay<'a> {
    pub host: &'a Machine,
    pub policy: &'a Policy,
    /// The keys that may have signed a letter.
    pub keys: &'a [Key],
    /// The address that gets all mails instead, if the gate redirects them.
    pub redirected_to: Option<&'a Address>,
    pub acs: &'a acs::Connection,
    pub tokens: &'a TokenCache,
    pub queue: Queue<'a>,
    /// The queue for messages that can never be delivered.
    pub poison_queue: Queue<'a>,
    pub container: Container<'a>,
    /// How often to try a message before moving it to the poison queue.
    pub tries: u32,
    /// How long to hide a message from others; while replay works on it, it renews the lease.
    pub lease: Duration,
}

/// What became of one message.
pub struct Handled {
    /// Its header, if it can be read.
    pub head: Option<Head>,
    /// The trace of its calls.
    pub trace: Option<Trace>,
    /// How often it was taken from the queue.
    pub dequeue_count: u32,
    /// The result at ACS, if replay tried to send it.
    pub delivery: Option<Delivery>,
    pub disposition: Disposition,
}

/// Where a message is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// With ACS.
    Sent,
    /// In the poison queue, with the reason.
    Poisoned(String),
    /// In the queue, for another try.
    Retained,
}

/// Why a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The queue is empty.
    Empty,
    /// Another replay, perhaps one that was killed, still leases this many messages.
    Held(u64),
    /// Nothing can be sent at the moment, with the reason.
    Stopped(String),
}

/// What a replay reports while it works.
pub enum Progress<'a> {
    /// The approximate number of messages in the queue.
    Count(u64),
    /// A message was handled.
    Handled(&'a Handled),
    /// ACS asked replay to wait this long.
    Waiting(Duration),
}

impl Replay<'_> {
    /// Puts every message of the poison queue back into the queue, and counts them.
    pub async fn requeue_poisoned(&self) -> Result<u64, StorageError> {
        let mut count = 0;
        loop {
            let message = match self.poison_queue.lease(self.lease).await {
                Err(StorageError::Answer { status: 404, .. }) | Ok(None) => return Ok(count),
                message => message?,
            };
            let Some(message) = message else { return Ok(count) };
            // A message that is not a mail stays where it is, hidden for the duration of this replay.
            let Ok(letter) = Letter::decode(&message.text) else { continue };
            let again = Letter { head: Head { set_aside: None, ..letter.head }, body: letter.body };
            self.queue.put(&again.encode().unwrap_or_else(|| message.text.clone())).await?;
            self.poison_queue.delete(&message).await?;
            count += 1;
        }
    }

    /// Delivers until the queue is empty, or nothing more can be done.
    pub async fn run(&self, tell: &mut impl FnMut(Progress<'_>)) -> Result<End, StorageError> {
        let (mut failures, mut looks) = (0, 0);
        tell(Progress::Count(self.queue.count().await?));
        loop {
            let Some(message) = self.queue.lease(self.lease).await? else {
                let count = self.queue.count().await?;
                // A lease may just have started, and its end shows a moment later.
                if count == 0 || POLL_INTERVAL * looks > self.lease * 2 {
                    return Ok(if count == 0 { End::Empty } else { End::Held(count) });
                }
                tell(Progress::Count(count));
                looks += 1;
                self.host.sleep(POLL_INTERVAL).await;
                continue;
            };
            looks = 0;
            let done = self.handle(message, tell).await?;
            tell(Progress::Handled(&done));
            failures = if done.disposition == Disposition::Retained { failures + 1 } else { 0 };
            if let Some(reason) = stop_reason(&done, failures) {
                return Ok(End::Stopped(reason));
            }
        }
    }

    async fn handle(&self, mut message: Leased, tell: &mut impl FnMut(Progress<'_>)) -> Result<Handled, StorageError> {
        let dequeue_count = message.dequeue_count;
        let done = |head, trace, delivery, disposition| Handled { head, trace, dequeue_count, delivery, disposition };
        let letter = match Letter::decode(&message.text) {
            Ok(letter) => letter,
            Err(error) => {
                let disposition = self.poison(&message, None, &error.to_string()).await?;
                return Ok(done(None, None, None, disposition));
            }
        };
        let trace = self.trace(&letter.head);
        let opened = if dequeue_count > self.tries {
            let tried = counted(dequeue_count.saturating_sub(1) as usize, "time");
            Err(format!("tried {tried} without a result"))
        } else {
            self.open(&letter).await?
        };
        let mail = match opened {
            Ok(mail) => mail,
            Err(reason) => {
                let disposition = self.poison(&message, Some(&letter), &reason).await?;
                return Ok(done(Some(letter.head), Some(trace), None, disposition));
            }
        };
        let delivery = self.send(&mut message, &mail, trace, tell).await?;
        let disposition = match delivery.outcome {
            // ACS may have it from the sender, who tried again meanwhile.
            Outcome::Accepted | Outcome::Duplicate => {
                self.queue.delete(&message).await?;
                if let Some(blob) = &mail.head().blob {
                    self.container.delete(blob).await?;
                }
                Disposition::Sent
            }
            outcome if is_retryable(outcome) && dequeue_count < self.tries => Disposition::Retained,
            // The operator can fix a key while the mail waits, so this does not count against the mail.
            Outcome::Unauthorized | Outcome::NotFound | Outcome::Denied => Disposition::Retained,
            outcome => {
                let code = delivery.error_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                let tried = if is_retryable(outcome) { format!(" at try {dequeue_count}") } else { String::new() };
                let reason = format!("{}{code}{tried}", outcome.as_str());
                self.poison(&message, Some(&letter), &reason).await?
            }
        };
        if disposition == Disposition::Retained {
            // Makes it visible again at once, for the next replay.
            self.queue.renew(&mut message, Duration::ZERO).await?;
        }
        Ok(done(Some(letter.head), Some(trace), Some(delivery), disposition))
    }

    /// The mail, or why replay must not send it; an error if no other mail could be read either.
    async fn open(&self, letter: &Letter) -> Result<Result<Authentic, String>, StorageError> {
        let body = match letter.blob() {
            Err(error) => return Ok(Err(error.to_string())),
            Ok(None) => letter.body.clone(),
            Ok(Some(blob)) => match self.container.get(blob).await? {
                Ok(body) => body,
                Err(error) => return Ok(Err(error.to_string())),
            },
        };
        let mail = match letter.open(self.keys, body) {
            Ok(mail) => mail,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let permitted = permission::check(self.policy, self.redirected_to, &mail);
        Ok(permitted.map(|()| mail).map_err(|error| error.to_string()))
    }

    /// Sends a mail, renews the lease of its message meanwhile, and waits as long as ACS asks.
    async fn send(
        &self,
        message: &mut Leased,
        mail: &Authentic,
        trace: Trace,
        tell: &mut impl FnMut(Progress<'_>),
    ) -> Result<Delivery, StorageError> {
        let head = mail.head();
        let client = acs::Client { host: self.host, connection: self.acs, tokens: self.tokens, trace };
        // An earlier replay may have ended before it learned of its success.
        let mut in_doubt = head.in_doubt || message.dequeue_count > 1;
        loop {
            let from = if in_doubt { State::Ask } else { State::Send };
            let delivery =
                self.keeping_lease(message, client.send(mail.body().clone(), head.operation, from, TRY_TIME)).await?;
            let Outcome::Throttled { retry_after } = delivery.outcome else { return Ok(delivery) };
            let wait = retry_after.unwrap_or(QUOTA_WAIT);
            tell(Progress::Waiting(wait));
            self.keeping_lease(message, self.host.sleep(wait)).await?;
            in_doubt |= delivery.in_doubt;
        }
    }

    /// Runs something that takes long, and renews a message's lease meanwhile.
    async fn keeping_lease<T>(&self, message: &mut Leased, work: impl Future<Output = T>) -> Result<T, StorageError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                // If another replay has it by now, that one uses the same operation id, so there is still one mail.
                () = self.host.sleep(self.lease / 2) => drop(self.queue.renew(message, self.lease).await?),
            }
        }
    }

    /// First puts the message there, then deletes it here: it may be in both queues for a moment, but never in neither.
    async fn poison(
        &self,
        message: &Leased,
        letter: Option<&Letter>,
        reason: &str,
    ) -> Result<Disposition, StorageError> {
        // Marked but not signed: a letter that the gate did not sign remains unsigned.
        let marked = letter.and_then(|letter| {
            let head = Head { set_aside: Some(reason.to_owned()), ..letter.head.clone() };
            Letter { head, body: letter.body.clone() }.encode()
        });
        self.poison_queue.put(marked.as_ref().unwrap_or(&message.text)).await?;
        self.queue.delete(message).await?;
        Ok(Disposition::Poisoned(reason.to_owned()))
    }

    fn trace(&self, head: &Head) -> Trace {
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::from_str(&head.traceparent).ok().map(|parent| (TRACEPARENT, parent)));
        Trace::of(&headers, self.host.random(), self.host.random() as u64)
    }
}

/// Whether another try may succeed.
fn is_retryable(outcome: Outcome) -> bool {
    outcome.is_temporary() || outcome == Outcome::NotAttempted
}

/// Why nothing more can be sent, after a retained message and this many consecutive failures.
fn stop_reason(done: &Handled, failures: u32) -> Option<String> {
    let delivery = done.delivery.as_ref().filter(|_| done.disposition == Disposition::Retained)?;
    let fixable = matches!(delivery.outcome, Outcome::Unauthorized | Outcome::NotFound | Outcome::Denied);
    let advice = delivery.outcome.advice().unwrap_or("ACS has problems: run the same command again later");
    (fixable || failures >= MAX_CONSECUTIVE_FAILURES).then(|| format!("{}: {advice}", delivery.outcome.as_str()))
}
