//! Azure Communication Services Email: one message in, one outcome out.
//!
//! REST description: `Azure/azure-rest-api-specs`, data-plane/Email, 2025-09-01.

mod credentials;
mod outcome;
mod request;
mod signature;

use std::time::Duration;

use uuid::Uuid;

use crate::host::Host;
use crate::render::Message;

pub use credentials::{AccessKey, Credentials, Endpoint, SettingError, SettingFault, setting};
pub use outcome::{Delivery, Outcome};
pub use signature::{Signature, sign};

/// The version of the REST interface that requests are written for.
pub const API_VERSION: &str = "2025-09-01";

/// The most bytes ACS takes in one request, attachments included (service limits page: 10 MB).
pub const MAX_REQUEST_BYTES: usize = 10 * 1000 * 1000;

/// Sends one message under an operation id of the caller's choice, signed at this moment.
///
/// The body depends on the message alone, so a repeat of the same event is byte-identical.
pub async fn send(
    host: &impl Host,
    credentials: &Credentials,
    message: &Message,
    operation: Uuid,
    timeout: Duration,
) -> Delivery {
    let started = host.monotonic();
    let request_id = Uuid::from_u128(host.random());
    let Some(request) = request::send(credentials, message, operation, request_id, host.now()) else {
        return Delivery::not_sent(operation, Outcome::TooLarge);
    };
    let answer = host.fetch(request, timeout).await;
    let duration = host.monotonic().saturating_sub(started);
    outcome::read(answer, operation, request_id, host.now(), duration)
}
