//! What answers say about an invalid payload, and how much work that may take.

use postern::policy::Schema;
use postern::texts::Texts;
use postern::validate::{MAX_VIOLATIONS, violations};
use serde_json::{Value, json};

fn broken(schema: &Value, payload: &Value) -> Vec<(String, String)> {
    let schema = Schema::compile(schema.clone()).unwrap();
    let found = violations(&schema, payload, Texts::neutral());
    found.into_iter().map(|violation| (violation.pointer, violation.keyword)).collect()
}

fn pair(pointer: &str, keyword: &str) -> (String, String) {
    (pointer.to_owned(), keyword.to_owned())
}

#[test]
fn equal_items_are_looked_for_only_within_the_bound() {
    let schema = json!({"properties": {"a": {"uniqueItems": true, "maxItems": 1000}}});
    let list = |items: usize| json!({"a": vec![json!([[], 1]); items]});
    assert_eq!(broken(&schema, &list(1)), []);
    assert_eq!(broken(&schema, &list(1000)), [pair("/a", "uniqueItems")]);
    // `maxItems` refuses all longer lists; their items are not examined.
    assert_eq!(broken(&schema, &list(1001)), [pair("/a", "maxItems")]);
    let violation = &violations(&Schema::compile(schema).unwrap(), &list(2), Texts::neutral())[0];
    assert_eq!((violation.detail.as_str(), violation.code.as_str()), (Texts::neutral().unique_items, "UNIQUE_ITEMS"));
    assert_eq!(broken(&json!({"uniqueItems": false}), &json!([1, 1])), []);
    let draft = json!({"$schema": "http://json-schema.org/draft-04/schema#", "uniqueItems": true, "maxItems": 9});
    assert_eq!(broken(&draft, &json!([1, 1.0])), [pair("", "uniqueItems")]);
}

#[test]
fn of_a_large_payload_one_violation_is_looked_for() {
    let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
    let list = |items: usize| json!({"a": vec![1; items]});
    assert_eq!(broken(&schema, &list(3)), [pair("/a/0", "type"), pair("/a/1", "type"), pair("/a/2", "type")]);
    // The object, the list, and its items.
    assert_eq!(broken(&schema, &list(4998)).len(), MAX_VIOLATIONS);
    assert_eq!(broken(&schema, &list(4999)), [pair("/a/0", "type")]);
    let nested = json!({"a": vec![json!([1]); 3000]});
    assert_eq!(broken(&schema, &nested), [pair("/a/0", "type")]);
}
