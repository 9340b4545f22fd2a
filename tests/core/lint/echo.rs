//! No echo to strangers.

use super::Case;

fn about(name: &str, print: &str) -> Vec<String> {
    let properties = format!("\"name\": {name},\n\"email\": {{ \"type\": \"string\", \"format\": \"email\" }}");
    let sample = r#"{ "name": SAMPLE, "email": "ada@example.com" }"#;
    let sample =
        sample.replace("SAMPLE", if name.contains("string") || name.contains("enum") { "\"Ada\"" } else { "1" });
    let sample = if name.contains("date") { sample.replace("Ada", "2026-03-31") } else { sample };
    Case::new(&properties, "[\"name\", \"email\"]", &sample, &format!("Hello\n{print}"))
        .edit("postern.toml", "\"notification\"", "\"acknowledgement\"")
        .edit("postern.toml", "to = [\"team@contoso.example\"]", "to = { field = \"/email\" }")
        .told()
}

#[test]
fn bounded_fields_may_be_printed_to_strangers() {
    for name in [
        r#"{ "enum": ["Ada", "Bob"] }"#,
        r#"{ "type": "integer" }"#,
        r#"{ "type": "number" }"#,
        r#"{ "type": "string", "format": "date" }"#,
        r#"{ "type": "string", "maxLength": 100, "pattern": "^[\\p{L}\\p{M} '-]+$" }"#,
        r#"{ "type": "string", "maxLength": 20, "pattern": "^(Ada|Bob)( [A-Z])?$" }"#,
        r#"{ "type": "string", "maxLength": 20, "pattern": "^\\w+$" }"#,
    ] {
        assert_eq!(about(name, "{{ name }}"), Vec::<String>::new(), "{name}");
    }
    assert_eq!(about(r#"{ "type": "string" }"#, "{% if name %}x{% endif %}"), Vec::<String>::new());
}

#[test]
fn a_stranger_is_told_nothing_that_a_stranger_wrote() {
    let anchors = "its `pattern` does not begin with `^` and end with `$`";
    let telling = "its `pattern` allows a character of web addresses, mail addresses, markup or line breaks";
    let stops = "its `pattern` allows letters with a full stop, which make a link";
    for (name, reason) in [
        (r#"{ "type": "string" }"#, "it has no `maxLength`"),
        (r#"{ "type": "string", "maxLength": 101, "pattern": "^[A-z]+$" }"#, "its `maxLength` is above 100"),
        (r#"{ "type": "string", "maxLength": 100 }"#, "it has no `pattern`"),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "[A-z]+" }"#, anchors),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^Ada|Bob$" }"#, anchors),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "(?m)^[A-z]+$" }"#, anchors),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^.+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[^<>]+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z:]+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^Ada(/x)?$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z@]+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z\\s]+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z．／]+$" }"#, telling),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z.]+$" }"#, stops),
        (r#"{ "type": "string", "maxLength": 9, "pattern": "^[A-z。]+$" }"#, stops),
    ] {
        let message = "would go to an address that a stranger chooses, and could say anything";
        let expected = [format!("error templates/note/body.txt.j2:2 `name` {message}: {reason}.")];
        assert_eq!(about(name, "{{ name }}"), expected, "{name}");
    }
}

#[test]
fn a_reference_that_means_another_place_to_the_validator_guarantees_nothing() {
    let bounded = r#"{ "enum": ["string", "Ada"] }"#;
    let schema = |reference: &str| {
        format!(
            "{{ \"$ref\": \"#/properties/{reference}\" }},\n\"a%62\": {bounded},\n\"ab\": {{ \"type\": \"string\" }}"
        )
    };
    let told = about(&schema("a%62"), "{{ name }}");
    assert!(told.iter().any(|line| line.contains("would go to an address that a stranger chooses")), "{told:?}");
}

#[test]
fn detours_do_not_help() {
    for print in [
        "{{ name | upper }}",
        "{{ name[:10] }}",
        "{{ 'x' ~ name }}",
        "{{ '-' | replace('-', name) }}",
        "{{ name or 'x' }}",
        "{% set x %}{{ name }}{% endset %}{{ x }}",
        "{% set x = name %}{{ x }}",
        "{% for x in [name] %}{{ x }}{% endfor %}",
        "{% for x in name | split(' ') %}{{ x }}{% endfor %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(name) }}",
        "{{ [name] | join }}",
        "{{ email if name else name }}",
    ] {
        let told = about(r#"{ "type": "string", "maxLength": 100 }"#, print);
        assert!(
            told.iter().any(|line| line.contains("would go to an address that a stranger chooses")),
            "{print}: {told:?}"
        );
    }
}

#[test]
fn answers_do_not_go_where_a_stranger_says() {
    let told = Case::new(
        "\"email\": { \"type\": \"string\", \"format\": \"email\" }",
        "[\"email\"]",
        r#"{ "email": "a@b.example" }"#,
        "Hi",
    )
    .edit("postern.toml", "\"notification\"", "\"acknowledgement\"")
    .edit(
        "postern.toml",
        "to = [\"team@contoso.example\"]",
        "to = { field = \"/email\" }\nreply_to = { field = \"/email\" }",
    )
    .told();
    assert_eq!(
        told,
        ["error postern.toml:9 A stranger can trigger this mail, and would decide where replies to it go."]
    );
}
