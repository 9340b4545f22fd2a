//! JSON bodies, with limits on depth and on the number of values.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Error;
use crate::policy::MAX_DEPTH;

/// The most values in a body, members and items alike: each takes many times its bytes in memory. The largest payloads
/// of known senders, groups of 5,000 alerts, have fewer.
pub const MAX_VALUES: usize = 100_000;

pub(super) fn decode(body: &[u8]) -> Result<Value, Error> {
    value(body).and_then(|payload| if payload.is_object() { Ok(payload) } else { Err(Error::NotAnObject) })
}

/// Any JSON value that is not nested too deeply and does not contain too many values.
pub(super) fn value(body: &[u8]) -> Result<Value, Error> {
    // Each value takes at least one byte.
    if body.len() > MAX_VALUES && values(body) > MAX_VALUES {
        return Err(Error::TooManyValues);
    }
    let payload: Value = serde_json::from_slice(body).map_err(|error| refused(body, &error))?;
    if depth(&payload) > MAX_DEPTH { Err(Error::TooDeep) } else { Ok(payload) }
}

/// `serde_json` itself stops at 128 levels, which limits the recursion below.
fn refused(body: &[u8], error: &serde_json::Error) -> Error {
    if std::str::from_utf8(body).is_err() {
        Error::NotUtf8
    } else if error.to_string().starts_with("recursion limit exceeded") {
        Error::TooDeep
    } else {
        Error::NotJson { line: error.line(), column: error.column() }
    }
}

/// How many values a JSON text has, counted before parsing: each except the first follows a comma or is the first in a
/// list or an object.
fn values(body: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped, mut opened) = (1, false, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => (in_text, opened) = (!in_text, false),
            _ if in_text || byte.is_ascii_whitespace() => {}
            b'[' | b'{' => (count, opened) = (count + 1, true),
            b',' => (count, opened) = (count + 1, false),
            // The list or object was empty.
            b']' | b'}' if opened => (count, opened) = (count - 1, false),
            _ => opened = false,
        }
    }
    count
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The names of an object's members in the order in which the sender wrote them, which the payload does not keep.
pub(super) fn names(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body).map_or_else(|_| Vec::new(), |Names(names)| names)
}

struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = members.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, MAX_DEPTH, MAX_VALUES, decode};

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_is_limited_exactly() {
        assert!(decode(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(decode(nested(MAX_DEPTH + 1).as_bytes()), Err(Error::TooDeep));
        assert_eq!(decode(nested(90_000).as_bytes()), Err(Error::TooDeep));
        assert_eq!(decode("[".repeat(90_000).as_bytes()), Err(Error::TooDeep));
    }

    #[test]
    fn the_number_of_values_is_limited_before_they_are_made() {
        // The object, its list, and the list's items.
        let list = |items: usize| format!("{{\"a\":[{}]}}", vec!["1"; items].join(","));
        assert!(decode(list(MAX_VALUES - 2).as_bytes()).is_ok());
        assert_eq!(decode(list(MAX_VALUES - 1).as_bytes()), Err(Error::TooManyValues));
        let members: Vec<_> = (0..MAX_VALUES).map(|name| format!("\"{name}\":1")).collect();
        assert_eq!(decode(format!("{{{}}}", members.join(",")).as_bytes()), Err(Error::TooManyValues));
        assert_eq!(decode("{\"a\":{},".repeat(MAX_VALUES).as_bytes()), Err(Error::TooManyValues));
        assert!(decode(format!("{{\"a\":[{}]}}", vec!["[ ],{}"; MAX_VALUES / 2 - 1].join(",")).as_bytes()).is_ok());
        let text = format!("{{\"a\":\"{}\\\",\"}}", "[,{\\\"".repeat(MAX_VALUES));
        assert!(decode(text.as_bytes()).is_ok(), "what stands in a text is none");
    }

    #[test]
    fn what_is_not_an_object_is_told_apart_from_what_is_not_json() {
        assert_eq!(decode(b"[1]"), Err(Error::NotAnObject));
        assert_eq!(decode(b"{\n \"a\": }"), Err(Error::NotJson { line: 2, column: 7 }));
        assert_eq!(decode(b""), Err(Error::NotJson { line: 1, column: 0 }));
        assert_eq!(decode(b"{\"a\": \"\xff\"}"), Err(Error::NotUtf8));
    }
}
