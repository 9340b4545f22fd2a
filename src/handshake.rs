//! Questions by which a sender makes sure that an endpoint wants its events. Only routes that declare one answer it.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use serde_json::Value;

use crate::decode::Submission;
use crate::policy::Route;
use crate::reply;

/// A sender's way of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// An event that validates a subscription (learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema).
    EventGrid {
        /// The only subscription whose question is answered; any where absent.
        subscription: Option<String>,
    },
    /// An OPTIONS request (cloudevents/spec, http-webhook.md, 4, "Abuse protection").
    CloudEvents {
        /// The only origin that may send.
        origin: String,
    },
    /// An event with a challenge (docs.slack.dev, `url_verification`).
    Slack,
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not of the protocol's form.
    #[error("malformed-handshake")]
    Malformed,
    /// Another subscription asks than the route expects.
    #[error("unexpected-subscription")]
    Subscription,
    /// Another origin asks than the route expects.
    #[error("unexpected-origin")]
    Origin,
}

/// Who asks for Event Grid, where the route does not say otherwise.
pub const EVENT_GRID_ORIGIN: &str = "eventgrid.azure.net";

/// The longest code or challenge that is given back.
const MAX_CODE_BYTES: usize = 512;

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// The answer to a question that comes as an OPTIONS request; nothing of its body is needed.
///
/// `WebHook-Request-Callback` is never called: the gate talks to nobody on a stranger's word.
///
/// # Errors
/// When the origin is not the one the route expects.
pub fn options(route: &Route, parts: &Parts) -> Option<Result<Response<Bytes>, Refusal>> {
    match &route.handshake {
        Some(Handshake::CloudEvents { origin }) if parts.method == Method::OPTIONS => {
            Some(match header(&parts.headers, "webhook-request-origin") {
                Some(asking) if asking.eq_ignore_ascii_case(origin) => Ok(reply::allowed_origin(origin)),
                Some(_) => Err(Refusal::Origin),
                None => Err(Refusal::Malformed),
            })
        }
        _ => None,
    }
}

/// The answer to a question that comes as an event of a caller that proved itself.
///
/// # Errors
/// When it is not of the protocol's form, or another subscription asks.
pub fn event(route: &Route, headers: &HeaderMap, events: &[Submission]) -> Option<Result<Response<Bytes>, Refusal>> {
    let payload = &events.first()?.payload;
    let is = |name: &str, expected: &str| payload.get(name).and_then(Value::as_str) == Some(expected);
    match &route.handshake {
        Some(Handshake::EventGrid { subscription }) if is("eventType", VALIDATION) => {
            let asking = header(headers, "aeg-subscription-name");
            let expected =
                subscription.as_ref().is_none_or(|name| asking.is_some_and(|asking| asking.eq_ignore_ascii_case(name)));
            let marked = header(headers, "aeg-event-type") == Some("SubscriptionValidation");
            Some(if !marked || events.len() != 1 {
                Err(Refusal::Malformed)
            } else if expected {
                code(payload.pointer("/data/validationCode")).map(|code| reply::handshake("validationResponse", code))
            } else {
                Err(Refusal::Subscription)
            })
        }
        Some(Handshake::Slack) if is("type", "url_verification") => {
            Some(code(payload.get("challenge")).map(|challenge| reply::handshake("challenge", challenge)))
        }
        _ => None,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn code(value: Option<&Value>) -> Result<&str, Refusal> {
    let code = value.and_then(Value::as_str).filter(|code| !code.is_empty() && code.len() <= MAX_CODE_BYTES);
    code.ok_or(Refusal::Malformed)
}
