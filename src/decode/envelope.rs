//! Takes events out of their envelopes: one JSON object for each, with its attributes next to its `data`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::charset::{self, Charset};
use super::{Error, MAX_VALUES, json};
use crate::policy::{Envelope, MAX_DEPTH};
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
    text: &str,
) -> Result<(Vec<Value>, bool), Error> {
    match envelope {
        Envelope::List => events(text, &[]).map(|events| (events, true)),
        Envelope::EventGrid => events(text, &["id", "eventType"]).map(|events| (events, true)),
        Envelope::CloudEvents => match essence(headers).as_str() {
            "application/cloudevents-batch+json" => structured(text, events(text, &[])?).map(|events| (events, true)),
            "application/cloudevents+json" => structured(text, vec![json::decode(text)?]).map(|events| (events, false)),
            _ if !attributes => Err(Error::BinaryMode),
            _ if headers.contains_key(SPECVERSION) => {
                let event = binary(headers, text)?;
                sound(&event, &CLOUDEVENT).and_then(|()| version(&event))?;
                Ok((vec![event], false))
            }
            _ => Err(Error::NotAnEvent("specversion")),
        },
    }
}

/// CloudEvents in the JSON format, with their data in `data`, however it was sent. `text` contains all of them.
fn structured(text: &str, mut events: Vec<Value>) -> Result<Vec<Value>, Error> {
    let mut left = None;
    for event in &mut events {
        sound(event, &CLOUDEVENT).and_then(|()| version(event))?;
        let Value::Object(members) = event else { continue };
        // "When decoding attributes and a null value is encountered, it MUST be treated as … omitted" (2.2).
        members.retain(|name, value| name == "data" || !value.is_null());
        if let Some(encoded) = members.remove(DATA_BASE64) {
            let left = left.get_or_insert_with(|| MAX_VALUES.saturating_sub(json::values(text)));
            unpack(members, encoded, left)?;
            if json::depth(event) > MAX_DEPTH {
                return Err(Error::TooDeep);
            }
        }
    }
    Ok(events)
}

/// The member that holds data which the sender treats as bytes (CloudEvents 1.0.2, JSON format, 3.1).
const DATA_BASE64: &str = "data_base64";

/// Decodes an event's bytes: as JSON if its type says so or says nothing, otherwise as text. What is neither stays as it
/// is, because no mail has to show it, and no bytes are no data, as in binary mode. `left` is the number of values that
/// the data of all events may still have.
fn unpack(members: &mut Map<String, Value>, encoded: Value, left: &mut usize) -> Result<(), Error> {
    if members.get("data").is_some_and(|data| !data.is_null()) {
        return Err(Error::DataTwice);
    }
    let bytes = encoded.as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or(Error::NotBase64)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let said = members.get("datacontenttype").and_then(Value::as_str);
    let said: HeaderMap =
        said.and_then(|said| HeaderValue::from_str(said).ok()).into_iter().map(|value| (CONTENT_TYPE, value)).collect();
    let declared = Charset::declared(&said)?;
    let essence = essence(&said);
    if essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json") {
        let text = charset::json(&bytes, declared).map_err(|_| Error::DataNotText)?;
        *left = left.checked_sub(json::values(&text)).ok_or(Error::TooManyValues)?;
        members.insert("data".to_owned(), json::value(&text).map_err(in_data)?);
    } else if let Some(text) = declared.unwrap_or_default().decode(&bytes) {
        members.insert("data".to_owned(), Value::String(text.into_owned()));
    } else {
        members.insert(DATA_BASE64.to_owned(), encoded);
    }
    Ok(())
}

/// Says where the error is: in the text that was encoded, not in the body.
fn in_data(error: Error) -> Error {
    match error {
        Error::NotJson { line, column } => Error::DataNotJson { line, column },
        other => other,
    }
}

/// The attributes that every CloudEvent has.
const CLOUDEVENT: [&str; 4] = ["specversion", "id", "source", "type"];

fn events(text: &str, required: &[&'static str]) -> Result<Vec<Value>, Error> {
    let Value::Array(events) = json::value(text)? else { return Err(Error::NotAList) };
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
fn binary(headers: &HeaderMap, body: &str) -> Result<Value, Error> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let text = percent_decode(unquoted(value.as_bytes())).decode_utf8().map_err(|_| Error::Attributes)?;
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
