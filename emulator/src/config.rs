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
    /// The key that requests are signed with.
    pub access_key: AccessKey,
    /// Which Entra tokens are accepted instead of a signature; none by default.
    pub bearer: BearerCheck,
    /// The clock for signatures, operations, quotas and suppressions.
    pub clock: Clock,
    /// Most messages kept; the oldest are dropped.
    pub max_messages: usize,
    /// Most bytes kept in messages; the oldest are dropped.
    pub max_stored_bytes: usize,
    /// Largest request body in bytes. ACS documents 10 MB; whether decimal or binary is unknown, here it is binary.
    pub max_body: usize,
    /// Most recipients over `to`, `cc` and `bcc` together.
    pub max_recipients: usize,
    /// Which senders the resource knows.
    pub senders: Senders,
    /// How many calls are allowed per minute and hour.
    pub quota: Quota,
    /// The answer to an identical repeat of an `Operation-Id`.
    pub repeat_answer: RepeatAnswer,
    /// How long an operation stays `Running`.
    pub running_for: Duration,
    /// Where delivery reports go; nowhere without it.
    pub reports: Option<Webhook>,
    /// The certificate to serve https with; plain http without one.
    pub tls: Option<Tls>,
    /// The directory in which messages and suppressed addresses outlive the emulator; without one, only memory.
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
    /// Event Grid's own: an array of one event; the handshake is an event that asks for a code back.
    #[default]
    EventGrid,
    /// CloudEvents 1.0, structured; the handshake is an `OPTIONS` request.
    CloudEvents,
}

/// Where delivery reports go.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address, `http` or `https`, with whatever secret its query carries.
    pub url: Uri,
    /// How events are wrapped.
    pub schema: EventSchema,
    /// Headers sent with each event, such as one with a secret.
    pub headers: HeaderMap,
    /// How many times faster than Event Grid's the waits between tries are; 1 is real time, 0 counts as 1.
    pub speed: u32,
}

impl Webhook {
    /// A webhook in Event Grid's schema, in real time.
    pub fn new(url: Uri) -> Webhook {
        Webhook { url, schema: EventSchema::EventGrid, headers: HeaderMap::new(), speed: 1 }
    }
}
