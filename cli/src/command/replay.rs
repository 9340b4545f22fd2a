//! `postern replay`: delivers what is in the overflow queue.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use postern::acs;
use postern::entra::TokenCache;
use postern::overflow;
use postern::policy::{Address, Overflow, POISON_SUFFIX, Policy};
use postern::staging;
use serde_json::{Value, json};

use super::PolicyOption;
use crate::console;
use crate::directory::Directory;
use crate::interrupt::interrupted;
use crate::machine::Machine;
use crate::replay::{Account, Container, Disposition, End, Handled, Progress, Queue, Replay};
use crate::{settings, visible};

/// Deliver the mails in the policy's overflow queue
///
/// Settings come from the environment, under the gate's names in upper case: those of ACS, OVERFLOW_KEY, and
/// OVERFLOW_SAS or an identity. Each mail is sent with the operation id and the bytes that the gate gave it, so nothing
/// is sent twice. You can stop replay at any time, run it again, or run several at once.
///
/// Replay sends only mails that the gate signed and that the policy still allows. It moves all others, mails that ACS
/// refuses, and mails that ACS does not accept in `--tries` tries to the poison queue, which has the same name with
/// `-poison` at its end.
///
/// The exit status is 0 if the queue is empty and everything was sent, otherwise 1.
#[derive(Debug, Args)]
#[command(name = "replay", after_help = "Example:\n  postern replay --policy .")]
pub struct Command {
    #[command(flatten)]
    policy: PolicyOption,

    /// How often to try a mail before moving it to the poison queue
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,

    /// How many seconds to hide a mail from other replays; if this one is killed, it becomes visible again after that
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=3600))]
    lease: u64,

    /// First move the mails in the poison queue back to the queue
    #[arg(long)]
    again: bool,

    /// Print one JSON object per mail, and one at the end
    #[arg(long)]
    json: bool,
}

/// Reports progress, and counts for the summary.
struct Reporter {
    json: bool,
    progress: ProgressBar,
    sent: u64,
    poisoned: u64,
    retained: u64,
}

impl Command {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let policy = Directory::read(&self.policy.directory)?.policy()?;
        let Some(overflow) = policy.overflow() else {
            bail!("The policy has no table [overflow], so there is no queue to replay.")
        };
        let runtime = tokio::runtime::Runtime::new().context("Cannot start threads")?;
        let ended = runtime.block_on(self.replay(&policy, overflow));
        // An interrupt does not wait for a call in progress.
        runtime.shutdown_background();
        ended
    }

    async fn replay(&self, policy: &Policy, overflow: &Overflow) -> anyhow::Result<ExitCode> {
        let interrupted = interrupted().context("Cannot listen for signals")?;
        let (host, tokens) = (&Machine::new(), &TokenCache::default());
        let Settings { acs, storage, keys, redirected_to } = Settings::read(host).await?;
        let account = &Account { host, credentials: &storage, tokens };
        let queue = |address| Queue { account, address };
        let replay = Replay {
            host,
            policy,
            keys: &keys,
            redirected_to: redirected_to.as_ref(),
            acs: &acs,
            tokens,
            queue: queue(overflow.queue.clone()),
            poison_queue: queue(overflow.queue.with_suffix(POISON_SUFFIX)),
            container: Container { account, address: overflow.container.clone() },
            tries: self.tries,
            lease: Duration::from_secs(self.lease),
        };
        let mut reporter = Reporter::new(self.json);
        let mut tell = |progress: Progress<'_>| reporter.tell(progress);
        let work = async {
            if self.again {
                replay.requeue_poisoned().await?;
            }
            replay.run(&mut tell).await
        };
        let end = tokio::select! {
            () = interrupted => None,
            end = work => Some(end),
        };
        reporter.progress.finish_and_clear();
        match end {
            Some(Ok(end)) => Ok(reporter.end(Some(end))),
            None => Ok(reporter.end(None)),
            Some(Err(error)) => {
                reporter.end(Some(End::Stopped("cannot use the queue".to_owned())));
                Err(anyhow!(
                    "Azure Storage rejected the request ({error}): {}.",
                    postern::outcome::StorageError::ADVICE
                ))
            }
        }
    }
}

/// What a replay needs of the gate's settings.
struct Settings {
    acs: acs::Connection,
    storage: overflow::StorageCredential,
    keys: Vec<overflow::Key>,
    redirected_to: Option<Address>,
}

impl Settings {
    /// Reads them from the environment; one error lists everything that is missing.
    async fn read(host: &Machine) -> anyhow::Result<Self> {
        let (acs, storage) = (acs::Connection::read(host).await, overflow::StorageCredential::read(host).await);
        let (keys, redirected_to) = (overflow::Key::read_all(host).await, staging::read(host).await);
        match (acs, storage, keys, redirected_to) {
            (Ok(acs), Ok(storage), Ok(keys), Ok(redirected_to)) => Ok(Self { acs, storage, keys, redirected_to }),
            (acs, storage, keys, redirected_to) => {
                let lists = [acs.err(), storage.err(), keys.err()].into_iter().flatten().flatten();
                let mut wrong: Vec<_> = lists.chain(redirected_to.err()).map(|error| error.to_string()).collect();
                wrong.dedup();
                Err(settings::unusable(&wrong))
            }
        }
    }
}

impl Reporter {
    fn new(json: bool) -> Self {
        let progress = if json { ProgressBar::hidden() } else { ProgressBar::new(0) };
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos} of {len} {msg}") {
            progress.set_style(style);
        }
        Self { json, progress, sent: 0, poisoned: 0, retained: 0 }
    }

    fn tell(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Count(count) => {
                self.progress.set_length(self.sent + self.poisoned + count);
            }
            Progress::Waiting(time) => {
                self.progress.set_message(format!("(ACS asks to wait {} s)", time.as_secs()));
            }
            Progress::Handled(done) => {
                match &done.disposition {
                    Disposition::Sent => self.sent += 1,
                    Disposition::Poisoned(_) => self.poisoned += 1,
                    Disposition::Retained => self.retained += 1,
                }
                self.progress.set_message("");
                let handled = self.sent + self.poisoned;
                // The queue may have grown meanwhile.
                self.progress.set_length(self.progress.length().unwrap_or_default().max(handled));
                self.progress.set_position(handled);
                if self.json {
                    console::say(line(done));
                } else if done.disposition != Disposition::Sent {
                    self.progress.suspend(|| console::complain(sentence(done)));
                }
            }
        }
    }

    /// Reports how the replay ended.
    fn end(&self, end: Option<End>) -> ExitCode {
        let (word, why) = match &end {
            None => ("interrupted", "Interrupted; the remaining mails are still in the queue.".to_owned()),
            Some(End::Empty) => ("empty", "The queue is empty.".to_owned()),
            Some(End::Held(count)) => (
                "held",
                format!("{count} more are leased by another replay, or by one that ended. Run it again later."),
            ),
            Some(End::Stopped(reason)) => {
                ("stopped", format!("Stopped: {reason}. The remaining mails are still in the queue."))
            }
        };
        if self.json {
            let Self { sent, poisoned, retained, .. } = self;
            let event = "postern.replay.end";
            let report = json!({
                "time": now(), "service.name": "postern", "event.name": event,
                "sent": sent, "set_aside": poisoned, "left": retained, "end": word, "reason": why,
            });
            console::say(report);
        } else {
            console::say(format_args!("{} sent, {} moved to the poison queue. {why}", self.sent, self.poisoned));
        }
        if end == Some(End::Empty) && self.poisoned == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// For people: what became of a mail that was not sent.
fn sentence(done: &Handled) -> String {
    let mail = done.head.as_ref().map_or_else(
        || "A message that is not a mail".to_owned(),
        |head| format!("{} ({}, {})", head.operation, head.route, head.mail),
    );
    let disposition = match &done.disposition {
        Disposition::Sent => "sent".to_owned(),
        Disposition::Poisoned(reason) => format!("moved to the poison queue: {reason}"),
        Disposition::Retained => {
            format!("left in the queue: {}", done.delivery.as_ref().map_or("", |it| it.outcome.as_str()))
        }
    };
    // What is in a queue may come from anywhere, so it may not look like a line of this tool's.
    visible::line(&format!("{mail}: {disposition}."))
}

/// For machines: named as the gate's audit lines name things.
fn line(done: &Handled) -> Value {
    let delivery = done.delivery.as_ref();
    let (disposition, reason) = match &done.disposition {
        Disposition::Sent => ("sent", None),
        Disposition::Poisoned(reason) => ("set-aside", Some(reason)),
        Disposition::Retained => ("left", None),
    };
    let mut line = json!({
        "time": now(),
        "severity_text": if done.disposition == Disposition::Sent { "INFO" } else { "ERROR" },
        "service.name": "postern",
        "event.name": "postern.replay",
        "trace_id": done.trace.map(|trace| trace.trace_id()),
        "policy_sha256": done.head.as_ref().map(|head| &head.policy_sha256),
        "route": done.head.as_ref().map(|head| &head.route),
        "mail": done.head.as_ref().map(|head| &head.mail),
        "operation_id": done.head.as_ref().map(|head| head.operation),
        "queued_at": done.head.as_ref().map(|head| &head.queued_at),
        "dequeue_count": done.dequeue_count,
        "fate": disposition,
        "reason": reason,
        "outcome": delivery.map(|delivery| delivery.outcome.as_str()),
        "acs_status": delivery.and_then(|delivery| delivery.status),
        "acs_error": delivery.and_then(|delivery| delivery.error_code.as_ref()),
        "acs_request_id": delivery.and_then(|delivery| delivery.request_id),
        "attempts": delivery.map(|delivery| delivery.attempts),
    });
    if let Some(members) = line.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    line
}
