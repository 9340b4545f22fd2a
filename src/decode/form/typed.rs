//! What a person typed, as HTML means it: a line ends with LF, and nothing invisible is around an address.

use std::borrow::Cow;

use serde_json::Value;

use super::Field;
use super::assemble::place_of;
use super::shape::Shape;
use crate::policy::{ADDRESS_FORMATS, Address, Schema};

/// Corrects the texts of a form's fields.
pub fn correct_fields(schema: &Schema, fields: &mut [Field]) {
    for Field { name, text } in fields {
        let shape = || {
            let (_, _, shape) = place_of(schema, name);
            shape.items().unwrap_or(shape)
        };
        if let Some(corrected) = correct(text, shape) {
            *text = corrected;
        }
    }
}

/// Corrects the texts of a script's JSON.
pub fn correct_members(schema: &Schema, payload: &mut Value) {
    correct_value(payload, Shape::root(schema.document()));
}

fn correct_value(value: &mut Value, shape: Shape<'_>) {
    match value {
        Value::String(text) => {
            if let Some(corrected) = correct(text, || shape) {
                *text = corrected;
            }
        }
        Value::Array(values) => {
            let items = shape.items().unwrap_or(Shape::UNKNOWN);
            values.iter_mut().for_each(|value| correct_value(value, items));
        }
        Value::Object(members) => {
            for (name, value) in members {
                correct_value(value, shape.member(name).unwrap_or(Shape::UNKNOWN));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text that was meant; `None` if it is this one. The schema is asked only where it makes a difference.
fn correct<'a>(text: &str, shape: impl Fn() -> Shape<'a>) -> Option<String> {
    let lines = normalise_newlines(text);
    let trimmed = Address::trim(&lines);
    let is_address = || shape().format().is_some_and(|format| ADDRESS_FORMATS.contains(&format));
    let meant = if trimmed.len() < lines.len() && is_address() { trimmed } else { &lines };
    (meant != text).then(|| meant.to_owned())
}

/// CR LF, with which every form encodes the end of a line, and CR alone are LF (WHATWG Infra, "normalize newlines"): so
/// `maxlength` counts them, and so scripts see them.
pub fn normalise_newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}
