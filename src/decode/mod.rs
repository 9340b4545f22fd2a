//! From bytes to a submission: the body as JSON, whatever it was sent as.

mod envelope;
mod event_id;
mod json;
mod urlencoded;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::auth::{Caller, Verified};
use crate::policy::{Kind, Route};

pub use envelope::{Envelope, MAX_EVENTS};
pub use json::MAX_DEPTH;
pub use urlencoded::MAX_FIELDS;

/// A decoded payload that nothing has looked at yet.
#[derive(Debug)]
pub struct Submission {
    /// The payload.
    pub payload: Value,
    /// Who sent it.
    pub caller: Caller,
}

/// The events of one request.
#[derive(Debug)]
pub struct Events {
    /// Each event.
    pub submissions: Vec<Submission>,
    /// Whether there could have been several, which the answer then tells apart.
    pub batch: bool,
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The content type is absent or not one that the route takes.
    #[error("The content type must be {0}.")]
    MediaType(&'static str),
    /// The text is not JSON; the place is that of the first error.
    #[error("The body is not JSON: see line {line}, column {column}.")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("The body is nested more than {MAX_DEPTH} levels deep.")]
    TooDeep,
    /// The payload is not an object.
    #[error("The body must be a JSON object.")]
    NotAnObject,
    /// Too many form fields.
    #[error("The body has more than {MAX_FIELDS} fields.")]
    TooManyFields,
    /// The body is no list, as its envelope demands.
    #[error("The body must be a JSON list of events.")]
    NotAList,
    /// Too many events.
    #[error("The body has more than {MAX_EVENTS} events.")]
    TooManyEvents,
    /// An event lacks what its envelope demands.
    #[error("An event has no usable `{0}`.")]
    NotAnEvent(&'static str),
    /// The headers that are an event's attributes are not usable.
    #[error("The event's attributes cannot be read from the headers.")]
    Attributes,
    /// The text is not UTF-8 once percent-decoded.
    #[error("The body is not UTF-8 text.")]
    NotUtf8,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json` or `application/…+json` (RFC 8259, RFC 6839).
    Json,
    /// `application/x-www-form-urlencoded` (WHATWG URL standard).
    Urlencoded,
}

/// The formats that a route takes, for answers.
const fn accepted(forms: bool) -> &'static str {
    if forms { "application/json or application/x-www-form-urlencoded" } else { "application/json" }
}

/// The format of a request's body.
///
/// # Errors
/// When the header is absent, names another format, or another character set than UTF-8.
pub fn format(route: &Route, headers: &HeaderMap) -> Result<Format, Error> {
    // An event without data has no body and so no type of one.
    let no_data = route.envelope == Some(Envelope::CloudEvents)
        && headers.contains_key(envelope::SPECVERSION)
        && !headers.contains_key(CONTENT_TYPE);
    let forms = route.kind == Kind::Form || route.contract.forms;
    if no_data { Ok(Format::Json) } else { media_type(forms, headers) }
}

fn media_type(forms: bool, headers: &HeaderMap) -> Result<Format, Error> {
    let refused = Error::MediaType(accepted(forms));
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(http::HeaderValue::to_str) else { return Err(refused) };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let foreign_charset = parts.filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    match (forms, essence.as_str()) {
        _ if foreign_charset => Err(refused),
        _ if json => Ok(Format::Json),
        (true, "application/x-www-form-urlencoded") => Ok(Format::Urlencoded),
        _ => Err(refused),
    }
}

/// Decodes a verified body: one submission, or several where the route's envelope holds several events.
///
/// # Errors
/// When the body is not of the format, or too deep, wide or long.
pub fn decode(route: &Route, headers: &HeaderMap, format: Format, verified: Verified) -> Result<Events, Error> {
    let (body, caller) = verified.into_parts();
    let (payloads, batch) = match (route.envelope, format) {
        (Some(_), Format::Urlencoded) => return Err(Error::MediaType(accepted(false))),
        (Some(envelope), Format::Json) => envelope::open(envelope, headers, &body)?,
        (None, Format::Json) => (vec![json::decode(&body)?], false),
        (None, Format::Urlencoded) if route.kind == Kind::Event => (vec![unfold(urlencoded::decode(&body)?)?], false),
        (None, Format::Urlencoded) => (vec![urlencoded::decode(&body)?], false),
    };
    let submissions = payloads.into_iter().enumerate().map(|(index, payload)| {
        let own = route.auth.as_ref().and_then(|_| event_id::of(route.envelope, route.contract.event_id, &payload));
        let given = || if batch { format!("{}#{index}", caller.event_id) } else { caller.event_id.clone() };
        let caller = Caller { event_id: own.unwrap_or_else(given), ..caller.clone() };
        Submission { payload, caller }
    });
    Ok(Events { submissions: submissions.collect(), batch })
}

/// GitHub and Slack put JSON into a form's only field, `payload`.
fn unfold(form: Value) -> Result<Value, Error> {
    match form.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("payload")) {
        Some(Value::String(text)) => json::decode(text.as_bytes()),
        _ => Ok(form),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{Error, Format, media_type};

    fn of(forms: bool, value: &'static str) -> Result<Format, Error> {
        media_type(forms, &HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
    }

    #[test]
    fn content_types_are_told_apart_by_their_essence_and_charset() {
        for (value, form, event) in [
            ("application/json", Some(Format::Json), Some(Format::Json)),
            ("Application/JSON; charset=UTF-8", Some(Format::Json), Some(Format::Json)),
            ("application/cloudevents+json", Some(Format::Json), Some(Format::Json)),
            ("application/x-www-form-urlencoded", Some(Format::Urlencoded), None),
            ("application/json; charset=utf-16", None, None),
            ("text/plain", None, None),
            ("application/jsonx", None, None),
            ("", None, None),
        ] {
            assert_eq!(of(true, value).ok(), form, "{value}");
            assert_eq!(of(false, value).ok(), event, "{value}");
        }
        assert_eq!(media_type(false, &HeaderMap::new()), Err(Error::MediaType("application/json")));
    }
}
