//! Everything an emulator remembers, behind one lock, with a handle for tests.

pub(crate) mod archive;
pub(crate) mod attempt;
pub(crate) mod audit;
mod changes;
mod mailbox;
pub(crate) mod message;
pub(crate) mod report;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use self::archive::{Archive, ArchiveError};
use self::attempt::{Attempt, AttemptLog, Claim};
use self::audit::{AuditLog, Note};
use self::changes::Changes;
use self::mailbox::Mailbox;
use self::message::{Message, RawRequest, SearchText};
use self::report::{Report, ReportLog};
use crate::acs::email::Email;
use crate::acs::operation::{Failure, plan};
use crate::acs::quota::Meters;
use crate::acs::refusal::Refusal;
use crate::acs::sender::domain_of;
use crate::acs::suppression::{Suppression, SuppressionList};
use crate::acs::validate::ValidEmail;
use crate::acs::version::ApiVersion;
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::{Call, Effect, Fault, Faults};

/// A handle on what an emulator remembers; clones share it. Works from any thread, without an async runtime.
#[derive(Clone, Debug)]
pub struct Store {
    clock: Clock,
    running_for: Duration,
    memory: Arc<Mutex<Memory>>,
    changes: Changes,
}

#[derive(Debug)]
struct Memory {
    archive: Option<Archive>,
    mailbox: Mailbox,
    attempts: AttemptLog,
    faults: Faults,
    suppressions: SuppressionList,
    meters: Meters,
    audit: AuditLog,
    reports: ReportLog,
    /// Receives accepted messages for delivery reports, if something listens.
    accepted: Option<UnboundedSender<Arc<Message>>>,
}

/// A mail on its way to the mailbox.
pub(crate) struct NewMessage {
    pub(crate) operation_id: Option<Uuid>,
    pub(crate) api_version: ApiVersion,
    pub(crate) email: ValidEmail,
    pub(crate) request: RawRequest,
    /// How the operation will fail, if a fault says so.
    pub(crate) failure: Option<Failure>,
}

/// An accepted mail, or the earlier one that it repeats byte for byte.
pub(crate) enum Acceptance {
    New(Arc<Message>),
    Repeat(Arc<Message>),
}

/// A message, and what a gate said about it.
pub(crate) type Annotated = (Arc<Message>, Option<Arc<Note>>);

impl Store {
    /// A store with what an earlier emulator saved in the data directory, if anything.
    pub(crate) fn open(config: &Config) -> Result<Store, ArchiveError> {
        let archive = config.data.as_deref().map(Archive::open).transpose()?;
        let mut mailbox = Mailbox::new(config.max_messages, config.max_stored_bytes);
        let mut suppressions = SuppressionList::default();
        if let Some(archive) = &archive {
            for message in archive.messages()? {
                mailbox.add(Arc::new(message));
            }
            suppressions = SuppressionList::of(archive.suppressions()?);
        }
        let memory = Memory {
            archive,
            mailbox,
            attempts: AttemptLog::default(),
            faults: Faults::default(),
            suppressions,
            meters: Meters::new(config.quota),
            audit: AuditLog::default(),
            reports: ReportLog::default(),
            accepted: None,
        };
        let memory = Arc::new(Mutex::new(memory));
        Ok(Store { clock: config.clock.clone(), running_for: config.running_for, memory, changes: Changes::default() })
    }

    /// The accepted messages, newest first.
    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.memory().mailbox.newest_first()
    }

    /// One message, by its operation's id.
    pub fn message(&self, id: Uuid) -> Option<Arc<Message>> {
        self.memory().mailbox.get(id)
    }

    /// Deletes all messages with their operations, and all attempts. Faults and suppressions stay.
    ///
    /// # Errors
    /// If the data directory cannot be written; then nothing is deleted.
    pub fn clear(&self) -> Result<(), ArchiveError> {
        let mut memory = self.memory();
        if let Some(archive) = &memory.archive {
            archive.clear_messages()?;
        }
        memory.mailbox.clear();
        memory.attempts.clear();
        memory.reports.clear();
        self.changes.notify();
        Ok(())
    }

    /// Makes the next matching calls fail. Returns false, and does nothing, if 1,000 faults are waiting.
    pub fn fault(&self, fault: Fault) -> bool {
        self.changes.notify();
        self.memory().faults.add(fault)
    }

    /// The waiting faults, oldest first.
    pub fn faults(&self) -> Vec<Fault> {
        self.memory().faults.list()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.changes.notify();
        self.memory().faults.clear();
    }

    /// Every send, newest first; the store keeps the last 10,000.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.memory().attempts.newest_first()
    }

    /// How often an operation id was sent, whatever the answer.
    pub fn attempts_of(&self, id: Uuid) -> usize {
        self.memory().attempts.count_of(id)
    }

    /// Puts an address on the suppression list, as a hard bounce does.
    ///
    /// # Errors
    /// If the data directory cannot be written; in memory, the address is on the list all the same.
    pub fn suppress(&self, address: &str) -> Result<(), ArchiveError> {
        let now = self.clock.now();
        let mut memory = self.memory();
        memory.suppressions.strike(address, now);
        let entry = memory.suppressions.get(address).cloned();
        self.changes.notify();
        memory.archive.as_mut().map_or(Ok(()), |archive| archive.suppress(entry.as_slice()))
    }

    /// The addresses that are currently suppressed.
    pub fn suppressions(&self) -> Vec<Suppression> {
        self.memory().suppressions.list(self.clock.now())
    }

    /// Empties the suppression list.
    ///
    /// # Errors
    /// If the data directory cannot be written; then the list stays unchanged.
    pub fn clear_suppressions(&self) -> Result<(), ArchiveError> {
        let mut memory = self.memory();
        if let Some(archive) = &memory.archive {
            archive.clear_suppressions()?;
        }
        memory.suppressions.clear();
        self.changes.notify();
        Ok(())
    }

    /// Notifies the page that something other than its mails has changed.
    pub fn announce(&self) {
        self.changes.notify();
    }

    /// Notifies of every change of messages, attempts, faults and suppressions.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes a gate's audit line, to be shown with the messages whose operations it names. Ignores any other text.
    pub fn audit(&self, line: &str) {
        if self.memory().audit.read(line) {
            self.changes.notify();
        }
    }

    /// All messages with what a gate said about them, newest first.
    pub(crate) fn annotated(&self) -> Vec<Annotated> {
        let memory = self.memory();
        let messages = memory.mailbox.newest_first().into_iter();
        messages.map(|message| (Arc::clone(&message), memory.audit.of(message.id))).collect()
    }

    pub(crate) fn note(&self, id: Uuid) -> Option<Arc<Note>> {
        self.memory().audit.of(id)
    }

    /// The delivery reports, newest first; the store keeps the last 20,000.
    pub fn reports(&self) -> Vec<Report> {
        self.memory().reports.newest_first()
    }

    /// The delivery reports on one message, oldest first.
    pub fn reports_of(&self, id: Uuid) -> Vec<Report> {
        self.memory().reports.of(id)
    }

    /// Whether the webhook for delivery reports has accepted the handshake.
    pub fn is_validated(&self) -> bool {
        self.memory().reports.is_validated()
    }

    /// The errors of previous handshakes.
    pub fn webhook_complaints(&self) -> Vec<String> {
        self.memory().reports.complaints().to_vec()
    }

    /// The messages that are accepted from now on.
    pub(crate) fn accepted(&self) -> UnboundedReceiver<Arc<Message>> {
        let (sender, receiver) = unbounded_channel();
        self.memory().accepted = Some(sender);
        receiver
    }

    pub(crate) fn validate_reports(&self) {
        self.memory().reports.validate();
        self.changes.notify();
    }

    pub(crate) fn complain_of_webhook(&self, complaint: String) {
        self.memory().reports.complain(complaint);
        self.changes.notify();
    }

    pub(crate) fn begin_report(&self, report: Report) {
        self.memory().reports.begin(report);
        self.changes.notify();
    }

    pub(crate) fn update_report(&self, id: Uuid, change: impl FnOnce(&mut Report)) {
        self.memory().reports.update(id, change);
        self.changes.notify();
    }

    /// The time on the emulator's clock.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn begin_attempt(&self, claim: Claim) -> u64 {
        let now = self.clock.now();
        self.memory().attempts.begin(claim, now)
    }

    pub(crate) fn update_attempt(&self, number: u64, change: impl FnOnce(&mut Attempt)) {
        self.memory().attempts.update(number, change);
        self.changes.notify();
    }

    pub(crate) fn count_send(&self) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.memory().meters.count_send(now)
    }

    pub(crate) fn count_status_read(&self) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.memory().meters.count_status_read(now)
    }

    pub(crate) fn take_fault(&self, call: Call, email: Option<&Email>) -> Option<Effect> {
        self.memory().faults.take(call, email)
    }

    /// Stores a mail once: checks for a repeat and stores under one lock.
    pub(crate) fn accept(&self, new: NewMessage) -> Result<Acceptance, Refusal> {
        let now = self.clock.now();
        let mut memory = self.memory();
        let earlier = new.operation_id.and_then(|id| memory.mailbox.get(id));
        match earlier {
            Some(earlier) if earlier.request.body == new.request.body => Ok(Acceptance::Repeat(earlier)),
            Some(_) => Err(Refusal::OperationIdReused),
            None => {
                let message = memory.add(new, now, self.running_for)?;
                self.changes.notify();
                Ok(Acceptance::New(message))
            }
        }
    }

    /// A panic elsewhere cannot leave the memory in a harmful state.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add(&mut self, new: NewMessage, now: SystemTime, running_for: Duration) -> Result<Arc<Message>, Refusal> {
        let ValidEmail { email, message_id, message_id_must_be_new } = new.email;
        if message_id_must_be_new && message_id.as_deref().is_some_and(|id| self.mailbox.has_message_id(id)) {
            return Err(Refusal::MessageIdReused);
        }
        let (operation, deliveries) = plan(&email, &mut self.suppressions, now, running_for, new.failure);
        let message = Arc::new(Message {
            id: new.operation_id.unwrap_or_else(Uuid::new_v4),
            received_at: now,
            api_version: new.api_version,
            internet_message_id: message_id.unwrap_or_else(|| new_message_id(&email)),
            email,
            operation,
            deliveries,
            request: new.request,
            search_text: SearchText::default(),
        });
        let dropped = self.mailbox.add(Arc::clone(&message));
        self.keep(&message, &dropped)?;
        if let Some(accepted) = &self.accepted {
            // The receiver is only gone when the emulator ends.
            let _ = accepted.send(Arc::clone(&message));
        }
        Ok(message)
    }

    /// The file follows the memory: what the memory drops, the file drops too.
    fn keep(&mut self, message: &Message, dropped: &[Uuid]) -> Result<(), Refusal> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        let touched = message.email.recipients.all().filter_map(|to| self.suppressions.get(&to.address));
        let touched: Vec<_> = touched.cloned().collect();
        archive.add(message, dropped, &touched).map_err(|_| Refusal::NotKept)
    }
}

fn new_message_id(email: &Email) -> String {
    format!("<{}@{}>", Uuid::new_v4(), domain_of(&email.sender_address))
}
