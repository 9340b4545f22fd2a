//! The largest payload that a schema allows, with every field at its longest.

use serde_json::{Map, Number, Value};

use crate::field::{Field, MAX_DEPTH, Types};
use crate::shown::Shown;

/// Two bytes in UTF-8, like the letters of most alphabets, and not a character that HTML escapes.
const LETTER: &str = "é";

/// The longest number that people write, unless a schema limits it.
const LONGEST_NUMBER: f64 = -1_234_567_890.123_456_7;

/// Makes the payload: texts and lists as long as the schema allows and a mail shows, within the `budget` of bytes that no
/// body exceeds.
pub fn payload(root: &Field<'_>, shown: &Shown, budget: usize) -> Value {
    Maker { shown, left: budget }.value(root, 0)
}

struct Maker<'a> {
    shown: &'a Shown,
    left: usize,
}

impl Maker<'_> {
    fn value(&mut self, field: &Field<'_>, depth: usize) -> Value {
        if let Some(options) = field.options() {
            return options
                .into_iter()
                .max_by_key(|option| option.to_string().chars().count())
                .cloned()
                .unwrap_or_default();
        }
        let types = field.types();
        if types.may_be(Types::OBJECT) && types != Types::ALL {
            self.object(field, depth)
        } else if types.may_be(Types::LIST) && types != Types::ALL {
            self.list(field, depth)
        } else if types.may_be(Types::TEXT) {
            Value::String(self.text(field))
        } else if types.may_be(Types::NUMBER) {
            number(field)
        } else if types.may_be(Types::BOOLEAN) {
            Value::Bool(true)
        } else {
            Value::Null
        }
    }

    fn object(&mut self, field: &Field<'_>, depth: usize) -> Value {
        let mut members = Map::new();
        if depth < MAX_DEPTH {
            for name in field.names() {
                if let Some((member, _)) = field.property(name) {
                    members.insert(name.to_owned(), self.value(&member, depth + 1));
                }
            }
            if let Some(member) = field.member() {
                members.insert("a_name".to_owned(), self.value(&member, depth + 1));
            }
        }
        Value::Object(members)
    }

    fn list(&mut self, field: &Field<'_>, depth: usize) -> Value {
        let Some(item) = field.item().filter(|_| depth < MAX_DEPTH) else { return Value::Array(Vec::new()) };
        let most = self.shown.entries(field).length();
        let most =
            field.max_items().and_then(|limit| usize::try_from(limit).ok()).map_or(most, |limit| limit.min(most));
        let mut items = Vec::new();
        while self.left > 0 && items.len() < most {
            // An entry takes at least its comma.
            self.left -= 1;
            items.push(self.value(&item, depth + 1));
        }
        Value::Array(items)
    }

    fn text(&mut self, field: &Field<'_>) -> String {
        if let Some(text) = field.formats().find_map(longest) {
            return text.to_owned();
        }
        let most = self.shown.text(field).length().min(self.left / LETTER.len());
        let length =
            field.max_length().and_then(|limit| usize::try_from(limit).ok()).map_or(most, |limit| limit.min(most));
        self.left -= length * LETTER.len();
        LETTER.repeat(length)
    }
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
