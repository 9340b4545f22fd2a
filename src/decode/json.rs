//! JSON bodies, with limits on depth and on the number of values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Error;
use crate::policy::MAX_DEPTH;

/// The most values in a body, members and items alike: each takes many times its bytes in memory. An object counts as
/// [`OBJECT_VALUES`]. The largest payloads of known senders, groups of 5,000 alerts with fifteen labels each, have fewer.
pub const MAX_VALUES: usize = 250_000;

/// As how many values an object counts: it takes more than half a kilobyte of memory, however few members it has.
pub const OBJECT_VALUES: usize = 4;

pub(super) fn decode(text: &str) -> Result<Value, Error> {
    value(text).and_then(|payload| if payload.is_object() { Ok(payload) } else { Err(Error::NotAnObject) })
}

/// Any JSON value that is not nested too deeply and does not contain too many values.
pub(super) fn value(text: &str) -> Result<Value, Error> {
    // Each value takes at least one byte, and all but one follow one of these.
    let counts = |byte| match byte {
        b'{' => OBJECT_VALUES,
        b',' | b'[' => 1,
        _ => 0,
    };
    let most = || text.bytes().map(counts).sum::<usize>() + 1;
    if text.len() > MAX_VALUES / OBJECT_VALUES && most() > MAX_VALUES && values(text) > MAX_VALUES {
        return Err(Error::TooManyValues);
    }
    let payload: Value = serde_json::from_str(&paired(text)).map_err(|error| refused(&error))?;
    if depth(&payload) > MAX_DEPTH { Err(Error::TooDeep) } else { Ok(payload) }
}

/// `serde_json` itself stops at 128 levels, which limits the recursion below.
fn refused(error: &serde_json::Error) -> Error {
    if error.to_string().starts_with("recursion limit exceeded") {
        Error::TooDeep
    } else {
        Error::NotJson { line: error.line(), column: error.column() }
    }
}

/// The text with U+FFFD instead of every escaped surrogate that is not part of a pair: senders that cut a text in the
/// middle of an emoji write half of one (RFC 8259, 8.2). The escapes have the same length, so errors keep their place.
fn paired(text: &str) -> Cow<'_, str> {
    let (mut paired, mut next) = (Cow::Borrowed(text), 0);
    for (at, _) in text.match_indices('\\') {
        if at < next {
            continue;
        }
        next = match surrogate(text, at) {
            None => at + 2,
            Some(true) if surrogate(text, at + ESCAPE_BYTES) == Some(false) => at + 2 * ESCAPE_BYTES,
            Some(_) => {
                paired.to_mut().replace_range(at..at + ESCAPE_BYTES, "\\uFFFD");
                at + ESCAPE_BYTES
            }
        };
    }
    paired
}

/// The length of an escaped UTF-16 unit, `\uXXXX`.
const ESCAPE_BYTES: usize = 6;

/// Whether an escaped surrogate that starts at a place is the first of a pair; `None` if there is none.
fn surrogate(text: &str, at: usize) -> Option<bool> {
    let digits = text.get(at..at + ESCAPE_BYTES)?.strip_prefix("\\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(true),
        0xDC00..=0xDFFF => Some(false),
        _ => None,
    }
}

/// How many values a JSON text has, counted before parsing: each except the first follows a comma or is the first in a
/// list or an object. An object counts as several.
pub(super) fn values(text: &str) -> usize {
    let (mut count, mut in_text, mut escaped, mut opened) = (1, false, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => (in_text, opened) = (!in_text, false),
            _ if in_text || byte.is_ascii_whitespace() => {}
            b'{' => (count, opened) = (count + OBJECT_VALUES, true),
            b'[' => (count, opened) = (count + 1, true),
            b',' => (count, opened) = (count + 1, false),
            // The list or object was empty.
            b']' | b'}' if opened => (count, opened) = (count - 1, false),
            _ => opened = false,
        }
    }
    count
}

/// How many levels of lists and objects a value has.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The names of an object's members in the order in which the sender wrote them, which the payload does not keep.
pub(super) fn names(text: &str) -> Vec<String> {
    serde_json::from_str(&paired(text)).map_or_else(|_| Vec::new(), |Names(names)| names)
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
    use serde_json::json;

    use super::{Error, MAX_DEPTH, MAX_VALUES, OBJECT_VALUES, decode, names};

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_is_limited_exactly() {
        assert!(decode(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(decode(&nested(MAX_DEPTH + 1)), Err(Error::TooDeep));
        assert_eq!(decode(&nested(60_000)), Err(Error::TooDeep));
        assert_eq!(decode(&"[".repeat(90_000)), Err(Error::TooDeep));
    }

    #[test]
    fn the_number_of_values_is_limited_before_they_are_made() {
        // The object, its list, and the list's items.
        let list = |items: usize| format!("{{\"a\":[{}]}}", vec!["1"; items].join(","));
        assert!(decode(&list(MAX_VALUES - OBJECT_VALUES - 1)).is_ok());
        assert_eq!(decode(&list(MAX_VALUES - OBJECT_VALUES)), Err(Error::TooManyValues));
        let objects = |items: usize| format!("{{\"a\":[{}]}}", vec!["{}"; items].join(","));
        assert!(decode(&objects(MAX_VALUES / OBJECT_VALUES - 2)).is_ok());
        assert_eq!(decode(&objects(MAX_VALUES / OBJECT_VALUES - 1)), Err(Error::TooManyValues));
        let members: Vec<_> = (0..MAX_VALUES).map(|name| format!("\"{name}\":1")).collect();
        assert_eq!(decode(&format!("{{{}}}", members.join(","))), Err(Error::TooManyValues));
        assert_eq!(decode(&"{\"a\":{},".repeat(MAX_VALUES)), Err(Error::TooManyValues));
        assert!(
            decode(&format!("{{\"a\":[{}]}}", vec!["[ ],{}"; MAX_VALUES / (OBJECT_VALUES + 1) - 1].join(","))).is_ok()
        );
        let text = format!("{{\"a\":\"{}\\\",\"}}", "[,{\\\"".repeat(MAX_VALUES));
        assert!(decode(&text).is_ok(), "what stands in a text is none");
    }

    #[test]
    fn what_is_not_an_object_is_told_apart_from_what_is_not_json() {
        assert_eq!(decode("[1]"), Err(Error::NotAnObject));
        assert_eq!(decode("{\n \"a\": }"), Err(Error::NotJson { line: 2, column: 7 }));
        assert_eq!(decode(""), Err(Error::NotJson { line: 1, column: 0 }));
    }

    #[test]
    fn half_of_a_pair_becomes_the_replacement_character() {
        for (escaped, text) in [
            (r"\ud83d", "\u{FFFD}"),
            (r"\uDE00x", "\u{FFFD}x"),
            (r"\ud83d\ude00", "😀"),
            (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
            (r"\ude00\ud83d", "\u{FFFD}\u{FFFD}"),
            (r"\ud83d\n", "\u{FFFD}\n"),
            (r"\ud83dé", "\u{FFFD}é"),
            (r"\\ud83d", r"\ud83d"),
            (r"\\\ud83d", "\\\u{FFFD}"),
        ] {
            let body = format!("{{\"{escaped}\":\"{escaped}\"}}");
            assert_eq!(decode(&body), Ok(json!({ text: text })), "{escaped}");
            assert_eq!(names(&body), [text]);
        }
        // What is wrong is found where it is.
        assert_eq!(decode("{\"a\":\"\\ud83d\",\n}"), Err(Error::NotJson { line: 2, column: 1 }));
        assert_eq!(decode(r#"{"a":"\ud8"}"#), Err(Error::NotJson { line: 1, column: 12 }));
    }
}
