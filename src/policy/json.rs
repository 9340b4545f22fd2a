//! Finds the place that a pointer refers to in a JSON text, so that findings can name a line.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::pointer;

/// The byte range of the value at an RFC 6901 pointer or, if it is missing, of its nearest ancestor.
pub fn span(text: &str, pointer: &str) -> Option<Range<usize>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut value = parsed.value.as_ref()?;
    let mut range = value.range();
    for name in pointer::names(pointer) {
        let Some((next, place)) = child(value, &name) else { break };
        value = next;
        range = place;
    }
    Some(range.start..range.end)
}

fn child<'a, 'text>(value: &'a Value<'text>, token: &str) -> Option<(&'a Value<'text>, jsonc_parser::common::Range)> {
    match value {
        Value::Object(object) => {
            let found: &ObjectProp<'_> = object.properties.iter().find(|property| property.name.as_str() == token)?;
            Some((&found.value, found.range))
        }
        Value::Array(array) => {
            let found = array.elements.get(token.parse::<usize>().ok()?)?;
            Some((found, found.range()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_pointer_leads_to_its_property_or_to_the_nearest_ancestor() {
        let text = r#"{"a": [1, {"b/c": 2}]}"#;
        let at = |pointer| span(text, pointer).and_then(|range| text.get(range));
        assert_eq!(at("/a/1/b~1c"), Some(r#""b/c": 2"#));
        assert_eq!(at("/a/1/missing"), Some(r#"{"b/c": 2}"#));
        assert_eq!(at(""), Some(text));
        assert_eq!(span("{", "/a"), None);
    }
}
