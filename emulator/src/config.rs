//! What can be chosen about an emulator, with the values it has when nobody chooses.

use std::path::PathBuf;
use std::time::Duration;

use crate::bearer::BearerCheck;
use crate::clock::Clock;
use crate::quota::Quota;
use crate::report::Webhook;
use crate::sender::Senders;
use crate::signature::AccessKey;
use crate::tls::Tls;

/// The well-known access key of every emulator that was not given another, in base64. It protects nothing: it is
/// public, like the development keys of other local Azure emulators, and must never be a real resource's key.
pub const DEVELOPMENT_KEY: &str = "cG9zdGVybi1lbXVsYXRvci1kZXZlbG9wbWVudC1rZXk=";

/// [`DEVELOPMENT_KEY`], decoded.
pub(crate) const DEVELOPMENT_KEY_BYTES: &[u8] = b"postern-emulator-development-key";

/// How an identical repeat of an `Operation-Id` is answered. What ACS itself does is not documented, and sightings
/// differ, so a client should cope with all three. In every case the mail is stored once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatAnswer {
    /// 202 with the same operation, as Azure's API guidelines ask for.
    #[default]
    Accepted,
    /// 400.
    BadRequest,
    /// 409.
    Conflict,
}

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
    /// The directory in which messages and suppressed addresses outlive the emulator; memory alone without one.
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
