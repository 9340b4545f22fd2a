//! JSON bodies, with a limit on depth.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Error;
use crate::policy::MAX_DEPTH;

pub(super) fn decode(body: &[u8]) -> Result<Value, Error> {
    value(body).and_then(|payload| if payload.is_object() { Ok(payload) } else { Err(Error::NotAnObject) })
}

/// Any JSON value that is not nested too deeply.
pub(super) fn value(body: &[u8]) -> Result<Value, Error> {
    let payload: Value = serde_json::from_slice(body).map_err(|error| refused(body, &error))?;
    if depth(&payload) > MAX_DEPTH { Err(Error::TooDeep) } else { Ok(payload) }
}

/// `serde_json` itself stops at 128 levels, which is what keeps the recursion below small.
fn refused(body: &[u8], error: &serde_json::Error) -> Error {
    if std::str::from_utf8(body).is_err() {
        Error::NotUtf8
    } else if error.to_string().starts_with("recursion limit exceeded") {
        Error::TooDeep
    } else {
        Error::NotJson { line: error.line(), column: error.column() }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The names of an object's members in the order in which they were sent, which the payload does not keep.
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
    use super::{Error, MAX_DEPTH, decode};

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_is_limited_exactly() {
        assert!(decode(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(decode(nested(MAX_DEPTH + 1).as_bytes()), Err(Error::TooDeep));
        assert_eq!(decode(nested(100_000).as_bytes()), Err(Error::TooDeep));
        assert_eq!(decode("[".repeat(100_000).as_bytes()), Err(Error::TooDeep));
    }

    #[test]
    fn what_is_not_an_object_is_told_apart_from_what_is_not_json() {
        assert_eq!(decode(b"[1]"), Err(Error::NotAnObject));
        assert_eq!(decode(b"{\n \"a\": }"), Err(Error::NotJson { line: 2, column: 7 }));
        assert_eq!(decode(b""), Err(Error::NotJson { line: 1, column: 0 }));
        assert_eq!(decode(b"{\"a\": \"\xff\"}"), Err(Error::NotUtf8));
    }
}
