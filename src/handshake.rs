//! Handshakes: how a sender makes sure that an endpoint wants its events. Only routes that declare a handshake answer
//! it.

use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::decode::Submission;
use crate::policy::{Handshake, Route};
use crate::web::response;

/// Why a handshake is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not have the protocol's format.
    #[error("malformed-handshake")]
    Malformed,
    /// The request is from a subscription that the route does not expect.
    #[error("unexpected-subscription")]
    Subscription,
    /// The request is from an origin that the route does not expect.
    #[error("unexpected-origin")]
    Origin,
}

/// The longest code or challenge that the gate returns.
const MAX_CODE_BYTES: usize = 512;

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// The answer to a handshake that is an OPTIONS request; its body is not needed.
///
/// The gate never calls `WebHook-Request-Callback`: it does not call a server only because a stranger names it.
///
/// # Errors
/// If the origin is not the one the route expects.
pub fn options(route: &Route, parts: &Parts) -> Option<Result<Response<Bytes>, Refusal>> {
    match &route.handshake {
        Some(Handshake::CloudEvents { origin }) if parts.method == Method::OPTIONS => {
            Some(match header(&parts.headers, "webhook-request-origin") {
                Some(asking) if asking.eq_ignore_ascii_case(origin) => Ok(allowed_origin(origin)),
                Some(_) => Err(Refusal::Origin),
                None => Err(Refusal::Malformed),
            })
        }
        _ => None,
    }
}

/// The answer to a handshake that is an event of an authenticated caller.
///
/// # Errors
/// If it does not have the protocol's format, or another subscription sends it.
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
                code(payload.pointer("/data/validationCode")).map(|code| echo("validationResponse", code))
            } else {
                Err(Refusal::Subscription)
            })
        }
        Some(Handshake::Slack) if is("type", "url_verification") => {
            Some(code(payload.get("challenge")).map(|challenge| echo("challenge", challenge)))
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

/// The answer to a handshake: the sender's own code, under the name that the protocol requires.
fn echo(name: &str, code: &str) -> Response<Bytes> {
    response::json(StatusCode::OK, &json!({ name: code }))
}

/// The answer to an OPTIONS handshake. ACS's quota is the only limit on the rate, and `Retry-After` reports it.
fn allowed_origin(origin: &str) -> Response<Bytes> {
    let mut response = response::json(StatusCode::OK, &json!({}));
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("POST"));
    headers.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert("webhook-allowed-origin", origin);
    }
    response
}
