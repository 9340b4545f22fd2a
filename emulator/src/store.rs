//! Everything an emulator remembers, behind one lock, with a handle for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::attempt::{Attempt, AttemptLog, Claim};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Refusal;
use crate::fault::{Call, Effect, Fault, Faults};
use crate::mailbox::Mailbox;
use crate::message::{Email, Message, RawRequest};
use crate::operation::{Failure, plan};
use crate::quota::Meters;
use crate::sender::domain_of;
use crate::suppression::{Suppression, SuppressionList};
use crate::validate::ValidEmail;
use crate::version::ApiVersion;

/// A handle on what an emulator remembers; clones share it. Works from any thread, without an async runtime.
#[derive(Clone, Debug)]
pub struct Store {
    clock: Clock,
    running_for: Duration,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug)]
struct Memory {
    mailbox: Mailbox,
    attempts: AttemptLog,
    faults: Faults,
    suppressions: SuppressionList,
    meters: Meters,
}

/// A mail on its way into the mailbox.
pub(crate) struct Draft {
    pub(crate) operation_id: Option<Uuid>,
    pub(crate) api_version: ApiVersion,
    pub(crate) email: ValidEmail,
    pub(crate) request: RawRequest,
    /// How the operation shall fail, if a fault says so.
    pub(crate) failure: Option<Failure>,
}

/// An accepted mail, or the earlier one that it repeats byte for byte.
pub(crate) enum Acceptance {
    New(Arc<Message>),
    Repeat(Arc<Message>),
}

impl Store {
    pub(crate) fn new(config: &Config) -> Store {
        let memory = Memory {
            mailbox: Mailbox::new(config.max_messages, config.max_stored_bytes),
            attempts: AttemptLog::default(),
            faults: Faults::default(),
            suppressions: SuppressionList::default(),
            meters: Meters::new(config.quota),
        };
        Store { clock: config.clock.clone(), running_for: config.running_for, memory: Arc::new(Mutex::new(memory)) }
    }

    /// The accepted messages, newest first.
    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.memory().mailbox.newest_first()
    }

    /// One message, by its operation's id.
    pub fn message(&self, id: Uuid) -> Option<Arc<Message>> {
        self.memory().mailbox.get(id)
    }

    /// Forgets all messages with their operations, and all attempts. Faults and suppressions stay.
    pub fn clear(&self) {
        let mut memory = self.memory();
        memory.mailbox.clear();
        memory.attempts.clear();
    }

    /// Lets the next calls that match go wrong. Returns false, and does nothing, when 1,000 faults wait already.
    pub fn fault(&self, fault: Fault) -> bool {
        self.memory().faults.add(fault)
    }

    /// The faults that wait, oldest first.
    pub fn faults(&self) -> Vec<Fault> {
        self.memory().faults.list()
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.memory().faults.clear();
    }

    /// Every send seen, newest first; the last 10,000 are kept.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.memory().attempts.newest_first()
    }

    /// How often an operation id was sent, whatever the answer.
    pub fn attempts_of(&self, id: Uuid) -> usize {
        let attempts = self.attempts();
        attempts.iter().filter(|attempt| attempt.operation_id == Some(id)).count()
    }

    /// Puts an address on the suppression list, as a hard bounce does.
    pub fn suppress(&self, address: &str) {
        self.memory().suppressions.strike(address, self.clock.now());
    }

    /// The addresses that are suppressed now.
    pub fn suppressions(&self) -> Vec<Suppression> {
        self.memory().suppressions.list(self.clock.now())
    }

    /// Empties the suppression list.
    pub fn clear_suppressions(&self) {
        self.memory().suppressions.clear();
    }

    /// The time by the emulator's clock.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn begin_attempt(&self, claim: Claim) -> u64 {
        let now = self.clock.now();
        self.memory().attempts.begin(claim, now)
    }

    pub(crate) fn update_attempt(&self, number: u64, change: impl FnOnce(&mut Attempt)) {
        self.memory().attempts.update(number, change);
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

    /// Stores a mail once: the check for a repeat and the storing are one step.
    pub(crate) fn accept(&self, draft: Draft) -> Result<Acceptance, Refusal> {
        let now = self.clock.now();
        let mut memory = self.memory();
        let earlier = draft.operation_id.and_then(|id| memory.mailbox.get(id));
        match earlier {
            Some(earlier) if earlier.request.body == draft.request.body => Ok(Acceptance::Repeat(earlier)),
            Some(_) => Err(Refusal::OperationIdReused),
            None => memory.add(draft, now, self.running_for).map(Acceptance::New),
        }
    }

    /// A panic elsewhere cannot leave the memory half changed in a way that matters here.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add(&mut self, draft: Draft, now: SystemTime, running_for: Duration) -> Result<Arc<Message>, Refusal> {
        let ValidEmail { email, message_id, message_id_must_be_new } = draft.email;
        if message_id_must_be_new && message_id.as_deref().is_some_and(|id| self.mailbox.has_message_id(id)) {
            return Err(Refusal::MessageIdReused);
        }
        let (operation, deliveries) = plan(&email, &mut self.suppressions, now, running_for, draft.failure);
        let message = Arc::new(Message {
            id: draft.operation_id.unwrap_or_else(Uuid::new_v4),
            received_at: now,
            api_version: draft.api_version,
            internet_message_id: message_id.unwrap_or_else(|| new_message_id(&email)),
            email,
            operation,
            deliveries,
            request: draft.request,
        });
        self.mailbox.add(Arc::clone(&message));
        Ok(message)
    }
}

fn new_message_id(email: &Email) -> String {
    format!("<{}@{}>", Uuid::new_v4(), domain_of(&email.sender_address))
}
