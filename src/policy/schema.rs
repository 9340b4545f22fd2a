//! A JSON Schema, compiled strictly: formats asserted, patterns linear, every keyword known.

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::address::{is_international_mailbox, is_mailbox};
use super::digest::Digest;
use super::unique::UniqueItems;
use crate::pointer;

/// A compiled schema.
pub struct Schema {
    document: Value,
    digest: Digest,
    validator: Validator,
}

/// How many items a list may have if they must be unique. A longer list violates the `maxItems` that its schema must
/// have, whatever its items are.
pub const MAX_UNIQUE_ITEMS: u64 = 1000;

/// What is wrong with a schema, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The place in the schema, as an RFC 6901 pointer.
    pub pointer: String,
    /// What is wrong, as a sentence.
    pub message: String,
    /// How to fix it, as a sentence.
    pub help: String,
}

impl Schema {
    /// Compiles a schema; 2020-12 unless `$schema` says otherwise.
    ///
    /// # Errors
    /// If the schema is not valid, refers to another document, or uses an unknown keyword or format.
    pub fn compile(document: Value) -> Result<Self, SchemaError> {
        unknown_keyword(&document)?;
        let options = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_format("email", is_mailbox)
            .with_format("idn-email", is_international_mailbox)
            .with_pattern_options(PatternOptions::regex())
            .with_keyword("uniqueItems", |_, demanded, _| Ok(Box::new(UniqueItems::of(demanded))));
        let options = if document.get("$schema").is_some() { options } else { options.with_draft(Draft::Draft202012) };
        match options.build(&document) {
            Ok(validator) => Ok(Self { digest: Digest::of([document.to_string()]), document, validator }),
            Err(error) => Err(refused(&error)),
        }
    }

    /// The schema as written.
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// The sha256 of the schema's normal form: no insignificant white space, members sorted by name.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The compiled form.
    pub const fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Whether the schema itself has a property of that name.
    pub fn has(&self, name: &str) -> bool {
        self.document.get("properties").is_some_and(|properties| properties.get(name).is_some())
    }

    /// The schema of the property at `pointer`, found only through `properties`, and whether every payload has it.
    pub fn property(&self, pointer: &str) -> Option<(&Value, bool)> {
        let mut schema = &self.document;
        let mut required = true;
        if !pointer.starts_with('/') {
            return None;
        }
        for name in pointer::names(pointer) {
            required &= schema
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(|names| names.iter().any(|required| required == name.as_str()));
            schema = schema.get("properties")?.get(&name)?;
        }
        Some((schema, required))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Schema({})", self.digest)
    }
}

fn refused(error: &jsonschema::ValidationError<'_>) -> SchemaError {
    SchemaError {
        pointer: error.instance_path().to_string(),
        message: format!("The schema is invalid: {}.", error.to_string().trim_end_matches('.')),
        help: "Formats must be known; patterns cannot use look-around or back-references; \
               a $ref must stay within the file."
            .to_owned(),
    }
}

/// How a keyword contains schemas.
enum Holds {
    Nothing,
    One,
    List,
    OneOrList,
    Map,
}

/// Every keyword of drafts 4 to 2020-12 that has a meaning for a validator or a reader.
const KEYWORDS: &[(&str, Holds)] = &[
    ("$anchor", Holds::Nothing),
    ("$comment", Holds::Nothing),
    ("$defs", Holds::Map),
    ("$dynamicAnchor", Holds::Nothing),
    ("$dynamicRef", Holds::Nothing),
    ("$id", Holds::Nothing),
    ("$recursiveAnchor", Holds::Nothing),
    ("$recursiveRef", Holds::Nothing),
    ("$ref", Holds::Nothing),
    ("$schema", Holds::Nothing),
    ("additionalItems", Holds::One),
    ("additionalProperties", Holds::One),
    ("allOf", Holds::List),
    ("anyOf", Holds::List),
    ("const", Holds::Nothing),
    ("contains", Holds::One),
    ("contentEncoding", Holds::Nothing),
    ("contentMediaType", Holds::Nothing),
    ("contentSchema", Holds::One),
    ("default", Holds::Nothing),
    ("definitions", Holds::Map),
    ("dependencies", Holds::Map),
    ("dependentRequired", Holds::Nothing),
    ("dependentSchemas", Holds::Map),
    ("deprecated", Holds::Nothing),
    ("description", Holds::Nothing),
    ("else", Holds::One),
    ("enum", Holds::Nothing),
    ("examples", Holds::Nothing),
    ("exclusiveMaximum", Holds::Nothing),
    ("exclusiveMinimum", Holds::Nothing),
    ("format", Holds::Nothing),
    ("id", Holds::Nothing),
    ("if", Holds::One),
    ("items", Holds::OneOrList),
    ("maxContains", Holds::Nothing),
    ("maxItems", Holds::Nothing),
    ("maxLength", Holds::Nothing),
    ("maxProperties", Holds::Nothing),
    ("maximum", Holds::Nothing),
    ("minContains", Holds::Nothing),
    ("minItems", Holds::Nothing),
    ("minLength", Holds::Nothing),
    ("minProperties", Holds::Nothing),
    ("minimum", Holds::Nothing),
    ("multipleOf", Holds::Nothing),
    ("not", Holds::One),
    ("oneOf", Holds::List),
    ("pattern", Holds::Nothing),
    ("patternProperties", Holds::Map),
    ("prefixItems", Holds::List),
    ("properties", Holds::Map),
    ("propertyNames", Holds::One),
    ("readOnly", Holds::Nothing),
    ("required", Holds::Nothing),
    ("then", Holds::One),
    ("title", Holds::Nothing),
    ("type", Holds::Nothing),
    ("unevaluatedItems", Holds::One),
    ("unevaluatedProperties", Holds::One),
    ("uniqueItems", Holds::Nothing),
    ("writeOnly", Holds::Nothing),
];

/// A validator ignores keywords that it does not know, so a misspelt `maxlength` would silently check nothing.
fn unknown_keyword(schema: &Value) -> Result<(), SchemaError> {
    let mut open = vec![(schema, String::new())];
    while let Some((schema, pointer)) = open.pop() {
        let Value::Object(members) = schema else { continue };
        unbounded_unique_items(members, &pointer)?;
        for (keyword, value) in members {
            let inside = !pointer.is_empty();
            let pointer = pointer::join(&pointer, keyword);
            if inside && (keyword == "$id" || keyword == "id") {
                return Err(SchemaError {
                    message: format!("`{keyword}` inside a schema changes what each `$ref` below it means."),
                    help: "Remove it, and refer to parts of the file as #/$defs/NAME.".to_owned(),
                    pointer,
                });
            }
            let Some((_, holds)) = KEYWORDS.iter().find(|(known, _)| known == keyword) else {
                return Err(SchemaError {
                    message: format!("`{keyword}` is not a keyword of JSON Schema."),
                    help: "Check the spelling; keywords are case-sensitive.".to_owned(),
                    pointer,
                });
            };
            match (holds, value) {
                (Holds::One | Holds::OneOrList, Value::Object(_)) => open.push((value, pointer)),
                (Holds::List | Holds::OneOrList, Value::Array(list)) => {
                    open.extend(list.iter().enumerate().map(|(index, item)| (item, format!("{pointer}/{index}"))));
                }
                (Holds::Map, Value::Object(map)) => {
                    open.extend(map.iter().map(|(name, item)| (item, pointer::join(&pointer, name))));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn unbounded_unique_items(schema: &Map<String, Value>, pointer: &str) -> Result<(), SchemaError> {
    let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
    let bounded = schema.get("maxItems").and_then(Value::as_u64).is_some_and(|most| most <= MAX_UNIQUE_ITEMS);
    if !unique || bounded {
        return Ok(());
    }
    Err(SchemaError {
        pointer: format!("{pointer}/uniqueItems"),
        message: "A list with `uniqueItems` has no limit.".to_owned(),
        help: format!("Add a `maxItems` of at most {MAX_UNIQUE_ITEMS}."),
    })
}

#[cfg(test)]
mod tests {
    use super::Schema;
    use serde_json::json;

    fn refusal(schema: serde_json::Value) -> Option<(String, String)> {
        Schema::compile(schema).err().map(|error| (error.pointer, error.message))
    }

    #[test]
    fn a_misspelt_keyword_is_refused_where_it_stands() {
        let schema = json!({"properties": {"a/b": {"type": "string", "maxlength": 3}}});
        assert_eq!(
            refusal(schema),
            Some(("/properties/a~1b/maxlength".into(), "`maxlength` is not a keyword of JSON Schema.".into()))
        );
    }

    #[test]
    fn names_below_const_and_properties_are_not_keywords() {
        let schema = json!({"properties": {"maxlength": {"const": {"anything": 1}}}, "required": ["maxlength"]});
        assert_eq!(refusal(schema), None);
    }

    #[test]
    fn unique_items_need_a_bound() {
        for (list, refused) in [
            (json!({"uniqueItems": true}), true),
            (json!({"uniqueItems": true, "maxItems": 1001}), true),
            (json!({"uniqueItems": true, "maxItems": 1000}), false),
        ] {
            let found = refusal(json!({"properties": {"a": list}}));
            let expected =
                ("/properties/a/uniqueItems".to_owned(), "A list with `uniqueItems` has no limit.".to_owned());
            assert_eq!(found, refused.then_some(expected), "{list}");
        }
        assert_eq!(refusal(json!({"uniqueItems": false})), None);
    }

    #[test]
    fn unknown_formats_foreign_references_and_backtracking_patterns_are_refused() {
        for schema in [
            json!({"format": "emial"}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"pattern": "(a)\\1"}),
            json!({"pattern": "(?=a)b"}),
            json!({"type": "strin"}),
        ] {
            assert!(refusal(schema.clone()).is_some(), "{schema}");
        }
    }

    #[test]
    fn formats_are_asserted() -> Result<(), super::SchemaError> {
        let schema = Schema::compile(json!({"format": "email"}))?;
        assert!(schema.validator().is_valid(&json!("a@b.example")));
        assert!(!schema.validator().is_valid(&json!("a at b")));
        for (format, text, valid) in [
            ("email", "\"a b\"@c.example", true),
            ("email", "a@localhost", true),
            ("email", "a@b\u{fc}cher.example", true),
            ("email", "\u{fc}@b.example", false),
            ("email", "a@[127.0.0.1]", false),
            ("email", "a@-b.example", false),
            ("email", "A <a@b.example>", false),
            ("idn-email", "\u{fc}@b\u{fc}cher.example", true),
            ("idn-email", "\u{fc} b", false),
        ] {
            assert_eq!(Schema::compile(json!({"format": format}))?.validator().is_valid(&json!(text)), valid, "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_property_is_found_with_whether_it_is_always_there() -> Result<(), super::SchemaError> {
        let inner = json!({"properties": {"email": {"format": "email"}}, "required": ["email"]});
        let schema = Schema::compile(json!({"properties": {"person": inner}, "required": ["person"]}))?;
        assert_eq!(schema.property("/person/email"), Some((&json!({"format": "email"}), true)));
        assert_eq!(schema.property("/person/phone"), None);
        let schema = Schema::compile(json!({"properties": {"email": {"format": "email"}}}))?;
        assert_eq!(schema.property("/email").map(|(_, required)| required), Some(false));
        Ok(())
    }
}
