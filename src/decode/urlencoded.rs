//! Bodies of plain HTML forms.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::Error;
use super::charset::{CHARSET_FIELD, Charset, unmarked};
use super::form::Field;
use crate::policy::MAX_FIELDS;

/// The fields of a form in UTF-8, in the order in which they were sent.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Field>, Error> {
    let body = unmarked(body);
    let bytes: Vec<u8> = percent_decode(body).collect();
    // The parser replaces what is not UTF-8 with U+FFFD; refusing is better than a garbled mail.
    std::str::from_utf8(&bytes).map_err(|_| Error::NotUtf8)?;
    let fields = form_urlencoded::parse(body)
        .take(MAX_FIELDS + 1)
        .map(|(name, text)| Field { name: name.into_owned(), text: text.into_owned() });
    limited(fields.collect())
}

/// The fields of a page's form, which is in the page's encoding: its own field says which, else the content type.
pub(super) fn decode_page(body: &[u8], declared: Option<Charset>) -> Result<Vec<Field>, Error> {
    match decode(body) {
        Err(Error::NotUtf8) => decode_as(body, declared),
        decoded => decoded,
    }
}

fn decode_as(body: &[u8], declared: Option<Charset>) -> Result<Vec<Field>, Error> {
    let own = pairs(body).find(|(name, _)| name == CHARSET_FIELD.as_bytes());
    let charset = own.map_or(declared, |(_, label)| Charset::named(&label)).ok_or(Error::FormNotUtf8)?;
    let text = |bytes: &[u8]| charset.decode(bytes).map(Cow::into_owned).ok_or(Error::FormNotUtf8);
    let field = |(name, value): (Vec<u8>, Vec<u8>)| Ok(Field { name: text(&name)?, text: text(&value)? });
    limited(pairs(body).take(MAX_FIELDS + 1).map(field).collect::<Result<_, Error>>()?)
}

/// Names and values before they are decoded (URL standard, 5.1), which `form_urlencoded` does not give away.
fn pairs(body: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=').map(unescaped);
        (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
    })
}

fn unescaped(half: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = half.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

fn limited(fields: Vec<Field>) -> Result<Vec<Field>, Error> {
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
