//! Takes events out of their envelopes: one JSON object for each, with its attributes next to its `data`.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{Error, json};
use crate::policy::Envelope;
use crate::web::media_type::essence;

/// The most events of one request: each may become a mail while the sender waits for the answer.
pub const MAX_EVENTS: usize = 100;

/// The most attributes of an event in binary mode, where they are headers.
const MAX_ATTRIBUTES: usize = 50;

/// The attribute that every binary event has.
pub(super) const SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");

/// Takes events out of their envelope, and says whether the envelope can hold several. `attributes` says whether
/// headers can be an event's attributes: not if the caller's proof does not cover them.
pub(super) fn open(
    envelope: Envelope,
    headers: &HeaderMap,
    attributes: bool,
    body: &[u8],
) -> Result<(Vec<Value>, bool), Error> {
    match envelope {
        Envelope::List => events(body, &[]).map(|events| (events, true)),
        Envelope::EventGrid => events(body, &["id", "eventType"]).map(|events| (events, true)),
        Envelope::CloudEvents => match essence(headers).as_str() {
            "application/cloudevents-batch+json" => {
                let events = events(body, &CLOUDEVENT)?;
                events.iter().try_for_each(version)?;
                Ok((events, true))
            }
            "application/cloudevents+json" => {
                let event = json::decode(body)?;
                sound(&event, &CLOUDEVENT).and_then(|()| version(&event))?;
                Ok((vec![event], false))
            }
            _ if !attributes => Err(Error::BinaryMode),
            _ if headers.contains_key(SPECVERSION) => {
                let event = binary(headers, body)?;
                sound(&event, &CLOUDEVENT).and_then(|()| version(&event))?;
                Ok((vec![event], false))
            }
            _ => Err(Error::NotAnEvent("specversion")),
        },
    }
}

/// The attributes that every CloudEvent has.
const CLOUDEVENT: [&str; 4] = ["specversion", "id", "source", "type"];

fn events(body: &[u8], required: &[&'static str]) -> Result<Vec<Value>, Error> {
    let Value::Array(events) = json::value(body)? else { return Err(Error::NotAList) };
    if events.len() > MAX_EVENTS {
        return Err(Error::TooManyEvents);
    }
    events.iter().try_for_each(|event| sound(event, required))?;
    Ok(events)
}

/// Without an id, an event could not be distinguished from others.
fn sound(event: &Value, required: &[&'static str]) -> Result<(), Error> {
    if !event.is_object() {
        return Err(Error::NotAnObject);
    }
    let present = |name: &str| event.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    required.iter().find(|name| !present(name)).map_or(Ok(()), |name| Err(Error::NotAnEvent(name)))
}

fn version(event: &Value) -> Result<(), Error> {
    let known = event.get("specversion").and_then(Value::as_str) == Some("1.0");
    if known { Ok(()) } else { Err(Error::NotAnEvent("specversion")) }
}

/// The attributes are headers, and the body is the data: the result is the same object as in structured mode.
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let text = percent_decode(unquoted(value.as_bytes())).decode_utf8().map_err(|_| Error::NotUtf8)?;
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let again = event.insert(name.to_owned(), Value::String(text.into_owned())).is_some();
        if !plain || again || name == "data" || event.len() > MAX_ATTRIBUTES {
            return Err(Error::Attributes);
        }
    }
    if let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        event.insert("datacontenttype".to_owned(), Value::String(content_type.to_owned()));
    }
    if !body.is_empty() {
        event.insert("data".to_owned(), json::value(body)?);
    }
    Ok(Value::Object(event))
}

/// A sender may quote a value, which means the same without the quotes.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}
