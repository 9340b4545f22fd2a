//! Converts the texts of a form control to the type that the schema names, without guessing: text that cannot be read
//! as that type stays text, and the validator says what the schema expects.

use serde_json::{Number, Value};

use super::shape::Shape;

/// The values that checkboxes, and the usual hidden fields before them, send.
const TRUE: [&str; 4] = ["on", "true", "1", "yes"];
const FALSE: [&str; 4] = ["off", "false", "0", "no"];

/// The value of a control that was sent with these texts; `None` if it counts as not filled in.
pub(super) fn coerce(texts: &[String], shape: Shape<'_>) -> Option<Value> {
    if let Some(items) = shape.items() {
        let values: Vec<_> = texts.iter().filter(|text| !text.is_empty()).map(|text| scalar(text, items)).collect();
        return (shape.required || !values.is_empty()).then_some(Value::Array(values));
    }
    match texts {
        [text] if text.is_empty() => empty(shape),
        [text] => Some(scalar(text, shape)),
        // A hidden field before a checkbox of the same name says what an unticked box means, so the last one counts.
        [.., last] if !shape.allows_text() && texts.iter().all(|text| boolean(text, shape).is_some()) => {
            boolean(last, shape)
        }
        _ => Some(texts.iter().map(|text| Value::String(text.clone())).collect()),
    }
}

/// An optional field left empty was not filled in. A required one stays, so that the schema's own rule applies.
fn empty(shape: Shape<'_>) -> Option<Value> {
    if !shape.required {
        None
    } else if shape.allows_text() {
        Some(Value::String(String::new()))
    } else {
        shape.allows("null").then_some(Value::Null)
    }
}

fn scalar(text: &str, shape: Shape<'_>) -> Value {
    let typed = if shape.allows_text() { None } else { number(text, shape).or_else(|| boolean(text, shape)) };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A number in the format of HTML's number inputs: a decimal point, no grouping, no infinity.
fn number(text: &str, shape: Shape<'_>) -> Option<Value> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !plain || !(shape.allows("integer") || shape.allows("number")) {
        return None;
    }
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    let number = whole.ok().or_else(|| text.parse().ok().and_then(Number::from_f64));
    number.map(Value::Number)
}

fn boolean(text: &str, shape: Shape<'_>) -> Option<Value> {
    let is = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text {
        _ if !shape.allows("boolean") => None,
        _ if is(TRUE) => Some(Value::Bool(true)),
        _ if is(FALSE) => Some(Value::Bool(false)),
        _ => None,
    }
}
