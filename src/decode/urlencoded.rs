//! Bodies of plain HTML forms.

use serde_json::{Map, Value};

use super::Error;
use super::form::Field;
use crate::policy::MAX_FIELDS;

/// The fields in the order in which they were sent.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Field>, Error> {
    let fields: Vec<_> = form_urlencoded::parse(utf8(body)?)
        .take(MAX_FIELDS + 1)
        .map(|(name, text)| Field { name: name.into_owned(), text: text.into_owned() })
        .collect();
    if fields.len() > MAX_FIELDS { Err(Error::TooManyFields) } else { Ok(fields) }
}

/// The payload of a system's form: each field is a string, and a repeated field is a list of strings.
pub(super) fn members(fields: Vec<Field>) -> Value {
    let mut members = Map::new();
    for Field { name, text } in fields {
        let text = Value::String(text);
        match members.get_mut(&name) {
            None => {
                members.insert(name, text);
            }
            Some(Value::Array(texts)) => texts.push(text),
            Some(first) => *first = Value::Array(vec![first.take(), text]),
        }
    }
    Value::Object(members)
}

/// The parser replaces what is not UTF-8 with U+FFFD; refusing is better than a garbled mail.
fn utf8(body: &[u8]) -> Result<&[u8], Error> {
    let decoded: Vec<u8> = percent_encoding::percent_decode(body).collect();
    std::str::from_utf8(&decoded).map(|_| body).map_err(|_| Error::NotUtf8)
}
