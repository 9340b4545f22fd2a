//! The options of an emulator, with their defaults.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, Uri};

use crate::acs::bearer::BearerCheck;
use crate::acs::operation::RepeatAnswer;
use crate::acs::quota::Quota;
use crate::acs::sender::Senders;
use crate::acs::signature::AccessKey;
use crate::clock::Clock;
use crate::tls::Tls;

/// The emulator's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key that signs requests.
    pub access_key: AccessKey,
    /// Which Entra tokens are accepted instead of a signature; by default none.
    pub bearer: BearerCheck,
    /// The clock for signatures, operations, quotas and suppressions.
    pub clock: Clock,
    /// The most messages to keep; the oldest are dropped.
    pub max_messages: usize,
    /// The most bytes of messages to keep; the oldest are dropped.
    pub max_stored_bytes: usize,
    /// The largest request body in bytes. ACS documents 10 MB and does not say whether decimal or binary; this is
    /// binary.
    pub max_body: usize,
    /// The most recipients in `to`, `cc` and `bcc` together.
    pub max_recipients: usize,
    /// The senders that the resource accepts.
    pub senders: Senders,
    /// How many calls are allowed per minute and hour.
    pub quota: Quota,
    /// The answer to an identical repeat of an `Operation-Id`.
    pub repeat_answer: RepeatAnswer,
    /// How long an operation stays `Running`.
    pub running_for: Duration,
    /// The webhook for delivery reports; without one, there are none.
    pub reports: Option<Webhook>,
    /// The certificate for https; without one, the emulator serves plain http.
    pub tls: Option<Tls>,
    /// The directory that stores messages and suppressed addresses; without one, they are only in memory.
    pub data: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            access_key: AccessKey::default(),
            bearer: BearerCheck::default(),
            clock: Clock::default(),
            max_messages: 10_000,
            max_stored_bytes: 256 * 1024 * 1024,
            max_body: 10 * 1024 * 1024,
            max_recipients: 50,
            senders: Senders::Any,
            quota: Quota::None,
            repeat_answer: RepeatAnswer::Accepted,
            running_for: Duration::from_secs(1),
            reports: None,
            tls: None,
            data: None,
        }
    }
}

/// How an event is wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventSchema {
    /// Event Grid's own schema: an array of one event; the handshake is an event that asks for a code back.
    #[default]
    EventGrid,
    /// CloudEvents 1.0, structured mode; the handshake is an `OPTIONS` request.
    CloudEvents,
}

/// A webhook for delivery reports.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address, `http` or `https`, including a secret in its query.
    pub url: Uri,
    /// How events are wrapped.
    pub schema: EventSchema,
    /// Headers of each request, such as one with a secret.
    pub headers: HeaderMap,
    /// How many times faster than Event Grid to wait between attempts; 1 is real time, 0 counts as 1.
    pub speed: u32,
}

impl Webhook {
    /// A webhook in Event Grid's schema, in real time.
    pub fn new(url: Uri) -> Webhook {
        Webhook { url, schema: EventSchema::EventGrid, headers: HeaderMap::new(), speed: 1 }
    }
}
