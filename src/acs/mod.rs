//! Azure Communication Services Email: one message in, one outcome out.
//!
//! REST description: `Azure/azure-rest-api-specs`, data-plane/Email, 2025-09-01.

mod answer;
mod connection;
mod operation;
mod request;
mod signature;
mod transition;

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use crate::entra::TokenCache;
use crate::host::Sending;
use crate::outcome::{Delivery, Outcome};
use crate::trace::Trace;
use crate::web::retry::wait;
use answer::Answer;

pub use answer::TERMINAL_CODES;
pub use connection::{Connection, Credential, PUBLIC_SCOPE, setting};
pub use operation::{Inquiry, OperationStatus, Status};
pub use request::body;
pub use signature::{AccessKey, Signature, sign};
pub use transition::{Call, Next, Signal, State};

/// The version of the REST interface that the requests use.
pub const API_VERSION: &str = "2025-09-01";

/// The most bytes ACS takes in one request, attachments included (service limits page: 10 MB).
pub const MAX_REQUEST_BYTES: usize = 10 * 1000 * 1000;

/// The most calls for one message: ACS counts each against the subscription's quota.
pub const MAX_CALLS: u32 = 12;

/// The minimum time for a call, if that much is left; otherwise it gets half of the remaining time.
const SHORTEST_CALL: Duration = Duration::from_secs(2);

/// The gate does not start a call with less than this part of the budget: its timeout would hide what ACS said before.
const LEAST_PART: u32 = 20;

/// What a request needs to call ACS.
#[derive(Debug)]
pub struct Client<'a, H> {
    /// The host.
    pub host: &'a H,
    /// Where ACS is, and how the gate authenticates.
    pub connection: &'a Connection,
    /// The instance's tokens.
    pub tokens: &'a TokenCache,
    /// The trace that the request belongs to.
    pub trace: Trace,
}

impl<H: Sending> Client<'_, H> {
    /// Sends one message, as [`body`] builds it, under an operation id that the caller chooses, with as many calls as
    /// needed within the budget.
    ///
    /// The body is the same for every call; each call is signed just before it is sent. [`State`] decides the order of
    /// calls: [`State::Send`] starts with a new message, [`State::Ask`] continues with one that ACS may already have
    /// accepted.
    pub async fn send(&self, body: Bytes, operation: Uuid, from: State, budget: Duration) -> Delivery {
        let correlation = Correlation { operation, request_id: Uuid::from_u128(self.host.random()), trace: self.trace };
        let started = self.host.monotonic();
        Exchange { client: self, correlation, body, started, budget }.run(from).await
    }

    /// Asks once for an operation's status. ACS counts it against the subscription's quota of status reads.
    pub async fn inquire(&self, operation: Uuid, budget: Duration) -> Inquiry {
        let request_id = Uuid::from_u128(self.host.random());
        let correlation = Correlation { operation, request_id, trace: self.trace };
        let exchange =
            Exchange { client: self, correlation, body: Bytes::new(), started: self.host.monotonic(), budget };
        let Answer { outcome, status, error_code, operation_status, .. } = exchange.call(Call::Status).await;
        let answer =
            operation_status.map(|status| OperationStatus::new(operation, status, error_code.clone())).ok_or(outcome);
        Inquiry { operation, answer, status, error_code, request_id, duration: exchange.elapsed() }
    }
}

/// What all calls for one message share: the operation, and the ids by which ACS's support and traces find them.
struct Correlation {
    operation: Uuid,
    request_id: Uuid,
    trace: Trace,
}

/// The calls for one message.
struct Exchange<'a, H> {
    client: &'a Client<'a, H>,
    correlation: Correlation,
    body: Bytes,
    started: Duration,
    budget: Duration,
}

impl<H: Sending> Exchange<'_, H> {
    async fn run(&self, from: State) -> Delivery {
        let mut delivery = Delivery {
            request_id: Some(self.correlation.request_id),
            ..Delivery::not_sent(self.correlation.operation)
        };
        let (mut state, mut refusal, mut trouble) = (from, None, None);
        let decisive = loop {
            match state.call() {
                Call::Send => delivery.attempts += 1,
                Call::Status => delivery.status_reads += 1,
            }
            let answer = self.call(state.call()).await;
            let Next::Go(next) = state.next(answer.signal) else {
                delivery.in_doubt = false;
                break match (state, answer.signal) {
                    // ACS does not know the operation, so it refused the message itself.
                    (_, Signal::Unknown) => refusal.unwrap_or(answer),
                    // ACS refused the send because an earlier request had used the operation's id.
                    (State::Check, Signal::Accepted) => Answer { outcome: Outcome::Duplicate, ..answer },
                    _ => answer,
                };
            };
            delivery.in_doubt = next.is_in_doubt();
            let calls = delivery.attempts + delivery.status_reads;
            let wait = wait(calls, self.client.host.random()).max(answer.outcome.retry_after().unwrap_or_default());
            if answer.outcome.is_temporary() {
                trouble = Some(answer);
            } else if state == State::Send {
                refusal = Some(answer);
            }
            if calls >= MAX_CALLS || wait + self.budget / LEAST_PART >= self.left() {
                break trouble.unwrap_or_else(Answer::none);
            }
            self.client.host.sleep(wait).await;
            state = next;
        };
        let Answer { outcome, status, error_code, .. } = decisive;
        Delivery { outcome, status, error_code, duration: self.elapsed(), ..delivery }
    }

    async fn call(&self, call: Call) -> Answer {
        let Client { host, connection, tokens, .. } = self.client;
        let bare = match call {
            Call::Send => request::send(&connection.endpoint, &self.body, &self.correlation),
            Call::Status => request::status(&connection.endpoint, &self.correlation),
        };
        let request = match connection.prove(*host, tokens, bare, self.timeout()).await {
            Ok(request) => request,
            Err(error) => return answer::without_token(error),
        };
        let answer = host.fetch(request, self.timeout()).await;
        answer::read(call, answer, self.correlation.operation, host.now())
    }

    fn timeout(&self) -> Duration {
        let left = self.left();
        (left / 2).max(SHORTEST_CALL).min(left)
    }

    fn elapsed(&self) -> Duration {
        self.client.host.monotonic().saturating_sub(self.started)
    }

    fn left(&self) -> Duration {
        self.budget.saturating_sub(self.elapsed())
    }
}
