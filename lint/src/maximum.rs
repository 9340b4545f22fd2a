//! The largest payload that a schema allows, with every field at its longest.

use serde_json::{Map, Number, Value};

use crate::field::{Field, Types};

/// How deep to follow a schema that refers to itself.
const MAX_DEPTH: usize = 12;

/// Two bytes in UTF-8, like the letters of most alphabets, and not a character that HTML escapes.
const LETTER: &str = "é";

/// The longest number that people write, unless a schema limits it.
const LONGEST_NUMBER: f64 = -1_234_567_890.123_456_7;

/// Builds the payload. Strings and lists that the schema does not limit share `budget` bytes, which no body exceeds.
pub fn payload(root: &Field<'_>, budget: usize) -> Value {
    let mut left = budget;
    value(root, &mut left, 0)
}

fn value(field: &Field<'_>, left: &mut usize, depth: usize) -> Value {
    if let Some(options) = field.options() {
        return options
            .into_iter()
            .max_by_key(|option| option.to_string().chars().count())
            .cloned()
            .unwrap_or_default();
    }
    let types = field.types();
    if types.may_be(Types::OBJECT) && types != Types::ALL {
        object(field, left, depth)
    } else if types.may_be(Types::LIST) && types != Types::ALL {
        list(field, left, depth)
    } else if types.may_be(Types::TEXT) {
        Value::String(text(field, left))
    } else if types.may_be(Types::NUMBER) {
        number(field)
    } else if types.may_be(Types::BOOLEAN) {
        Value::Bool(true)
    } else {
        Value::Null
    }
}

fn object(field: &Field<'_>, left: &mut usize, depth: usize) -> Value {
    let names = field.names().filter(|_| depth < MAX_DEPTH);
    let member = |name: &str| Some((name.to_owned(), value(&field.property(name)?.0, left, depth + 1)));
    let mut members: Map<String, Value> = names.filter_map(member).collect();
    if let Some(member) = field.member().filter(|_| depth < MAX_DEPTH) {
        members.insert("a_name".to_owned(), value(&member, left, depth + 1));
    }
    Value::Object(members)
}

fn list(field: &Field<'_>, left: &mut usize, depth: usize) -> Value {
    let Some(item) = field.item().filter(|_| depth < MAX_DEPTH) else { return Value::Array(Vec::new()) };
    let mut items = Vec::new();
    while *left > 0 && field.max_items().is_none_or(|most| (items.len() as u64) < most) {
        // An entry takes at least a comma.
        *left -= 1;
        items.push(value(&item, left, depth + 1));
    }
    Value::Array(items)
}

fn text(field: &Field<'_>, left: &mut usize) -> String {
    if let Some(text) = field.formats().find_map(longest) {
        return text.to_owned();
    }
    let room = *left / LETTER.len();
    let length = field.max_length().and_then(|most| usize::try_from(most).ok()).map_or(room, |most| most.min(room));
    *left -= length * LETTER.len();
    LETTER.repeat(length)
}

/// Formats that limit the length of their texts.
fn longest(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2026-12-31",
        "time" => "23:59:59.999999999+14:00",
        "date-time" => "2026-12-31T23:59:59.999999999+14:00",
        "uuid" => "00000000-0000-0000-0000-000000000000",
        "ipv4" => "255.255.255.255",
        "ipv6" => "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
        _ => return None,
    })
}

/// Whether a text has a maximum length.
pub fn is_bounded(field: &Field<'_>) -> bool {
    field.options().is_some()
        || !field.types().may_be(Types::TEXT)
        || field.max_length().is_some()
        || field.formats().any(|format| longest(format).is_some())
}

fn number(field: &Field<'_>) -> Value {
    let free = if field.is_whole() { Some(Number::from(i64::MIN)) } else { Number::from_f64(LONGEST_NUMBER) };
    let (mut bounds, digits) = (field.bounds(), |value: &Value| value.to_string().len());
    match (bounds.next(), bounds.next(), free) {
        (Some(one), Some(other), _) if field.is_whole() => {
            if digits(one) > digits(other) {
                one.clone()
            } else {
                other.clone()
            }
        }
        (_, _, Some(free)) => Value::Number(free),
        (_, _, None) => Value::from(0),
    }
}
