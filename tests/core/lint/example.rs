//! Examples match their schemas.

use super::Case;

fn case() -> Case {
    Case::new("\"name\": { \"type\": \"string\" }", "[\"name\"]", r#"{ "name": "Ada" }"#, "{{ name }}")
}

#[test]
fn every_schema_of_a_route_has_examples_of_both_kinds() {
    for (path, kind) in [
        ("schemas/form.examples/valid/sample.json", "valid"),
        ("schemas/form.examples/invalid/type-list.json", "invalid"),
    ] {
        let expected = format!("error schemas/form.json:1 The schema `form` has no {kind} example.");
        assert_eq!(case().without(path).told(), [expected]);
    }
}

#[test]
fn examples_do_what_they_say() {
    for (path, text, expected) in [
        (
            "valid/a.json",
            "{\n\"name\": 5 }",
            "a.json:2 The schema `form` rejects this valid example at `/name`: This must be text.",
        ),
        ("valid/a.json", "{", "a.json:1 This is not JSON: EOF while parsing an object at line 1 column 1."),
        (
            "invalid/type-name.json",
            "{\"name\": \"Ada\"}",
            "type-name.json:1 The schema `form` accepts this invalid example.",
        ),
        (
            "invalid/format-name.json",
            "{\"name\": 5}",
            "format-name.json:1 This example does not break `format`, as its name says, but `type`.",
        ),
        ("invalid/type-name.json", "{\"name\": 5}", ""),
        ("invalid/required.json", "{}", ""),
        ("note.txt", "x", "note.txt:1 This file is not an example."),
        ("other/a.json", "{}", "a.json:1 This file is not an example."),
    ] {
        let told = case().with(&format!("schemas/form.examples/{path}"), text).told();
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let expected: Vec<_> = Some(expected)
            .filter(|text| !text.is_empty())
            .map(|text| format!("error schemas/form.examples/{folder}{text}"))
            .into_iter()
            .collect();
        assert_eq!(told, expected, "{path}");
    }
}
