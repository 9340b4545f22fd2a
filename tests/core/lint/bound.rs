//! Bounds of events: each must help a mail, and a body must be able to reach it.

use super::Case;

const NONE: [&str; 0] = [];

/// The same as an event, of a route with these further lines.
fn event(case: Case, lines: &str) -> Case {
    let auth = format!("kind = \"event\"\nauth = {{ scheme = \"bearer\", secret = \"token\" }}\n{lines}");
    let origins = "origins = [\"https://www.contoso.example\"]\n";
    case.edit("postern.toml", "kind = \"form\"", &auth).edit("postern.toml", origins, "")
}

fn told(properties: &str, sample: &str, text: &str) -> Vec<String> {
    event(Case::new(properties, "[]", sample, text), "").told()
}

fn needless(line: u32, keyword: &str, name: &str) -> String {
    format!(
        "warning schemas/form.json:{line} No mail needs the `{keyword}` of `{name}`; it only makes the gate refuse events."
    )
}

#[test]
fn a_text_needs_a_bound_where_a_template_shows_all_of_it() {
    let name = r#""name": { "type": "string", "maxLength": 100 }"#;
    let sample = r#"{ "name": "Ada" }"#;
    let text = |text: &str| told(name, sample, &format!("{{% if name %}}{text}{{% endif %}}"));
    for whole in [
        "{{ name }}",
        "{{ name | upper }}",
        "{{ name[2:] }}",
        "{{ name[:80] }}{{ name }}",
        "{{ name[:80] ~ name }}",
        "{{ name[:80] | replace(\"a\", name) }}",
        "{% set copy = name %}{{ copy }}",
        "{% macro show(it) %}{{ it }}{% endmacro %}{{ show(name) }}",
    ] {
        assert_eq!(text(whole), NONE, "{whole}");
    }
    for cut in [
        "{{ name[:80] }}",
        "{{ name[-80:] }}",
        "{{ name | upper | trim }}{{ 1 }}".replace("name", "name[:80]").as_str(),
        "{{ name | strip_ansi | excerpt(80) }}",
        "{{ \"Dear \" ~ name[:80] }}",
        "{{ name[:80] if name else \"nobody\" }}",
        "{% macro show(it) %}{{ it[:80] }}{% endmacro %}{{ show(name) }}",
        "somebody",
    ] {
        assert_eq!(text(cut), [needless(4, "maxLength", "name")], "{cut}");
    }
}

#[test]
fn a_list_needs_a_bound_where_a_template_shows_all_of_it() {
    let names = "\"names\": {\n\"type\": \"array\",\n\"items\": { \"type\": \"string\" },\n\"maxItems\": 9 }";
    let sample = r#"{ "names": ["Ada"] }"#;
    let text = |text: &str| told(names, sample, &format!("{{% if names %}}{text}{{% endif %}}"));
    for whole in [
        "{% for name in names %}{{ name[:9] }}{% endfor %}",
        "{% for name in names | sort %}{{ name[:9] }}{% endfor %}",
        "{{ names | join(\", \") }}",
        "{{ names | pprint }}",
        "{% set rest = names[3:] %}{% for name in rest %}{{ name[:9] }}{% endfor %}",
    ] {
        assert_eq!(text(whole), NONE, "{whole}");
    }
    for cut in [
        "{% for name in names[:3] %}{{ name[:9] }}{% endfor %}",
        "{% for name in (names | sort)[:3] %}{{ name[:9] }}{% endfor %}",
        "{% for name in names[:20 - names | length] %}{{ name[:9] }}{% endfor %}",
        "{{ (names | join(\", \"))[:80] }}",
        "{{ names | length }}",
    ] {
        assert_eq!(text(cut), [needless(7, "maxItems", "names")], "{cut}");
    }
}

#[test]
fn bounds_are_found_wherever_the_walk_over_the_schema_leads() {
    let properties = concat!(
        "\"labels\": { \"additionalProperties\": { \"type\": \"string\",\n\"maxLength\": 9 }, \"type\": \"object\",\n",
        "\"maxProperties\": 9 },\n\"rows\": { \"type\": \"array\", \"items\": { \"type\": \"object\", ",
        "\"properties\": { \"count\": { \"type\": \"integer\",\n\"minimum\": 0,\n\"maximum\": 9 } } } }"
    );
    let text = "{% if labels %}{{ labels | length }}{% endif %}{% if rows %}{{ rows | length }}{% endif %}";
    assert_eq!(
        told(properties, "{}", text),
        [
            needless(5, "maxLength", "labels.*"),
            needless(6, "maxProperties", "labels"),
            "note schemas/form.json:7 No mail of the route `form` uses `rows[].count`.".to_owned(),
            needless(8, "minimum", "rows[].count"),
            needless(9, "maximum", "rows[].count"),
        ]
    );
}

#[test]
fn numbers_addresses_and_unique_entries_keep_their_bounds() {
    let count = r#""count": { "type": "integer", "minimum": 0, "maximum": 253402300799 }"#;
    assert_eq!(told(count, "{}", "{% if count %}{{ count | utc }}{% endif %}"), NONE);
    let unique = r#""names": { "type": "array", "uniqueItems": true, "maxItems": 9, "items": { "type": "string" } }"#;
    assert_eq!(told(unique, "{}", "{% if names %}{{ names | length }}{% endif %}"), NONE);
    let email = r#""email": { "type": "string", "format": "email", "maxLength": 254 }"#;
    let case = Case::new(email, "[\"email\"]", r#"{ "email": "a@contoso.example" }"#, "A note");
    let to = "to = { field = \"/email\", allow = [\"contoso.example\"] }";
    let case = event(case, "").edit("postern.toml", "to = [\"team@contoso.example\"]", to);
    assert_eq!(case.edit("postern.toml", "purpose = \"notification\"", "purpose = \"workflow\"").told(), NONE);
}

#[test]
fn a_form_tells_its_visitors_its_bounds() {
    let name = r#""name": { "type": "string", "maxLength": 100 }"#;
    let case = || Case::new(name, "[\"name\"]", r#"{ "name": "Ada" }"#, "{{ name[:80] }}");
    assert_eq!(case().told(), NONE);
    assert_eq!(event(case(), "").told(), [needless(4, "maxLength", "name")]);
    // A second route that is a form, with the same schema.
    let form = "\n[routes.second]\npath = \"/second\"\nkind = \"form\"\nschema = \"form\"\n\
                origins = [\"https://www.contoso.example\"]\n[[routes.second.mails]]\ntemplate = \"note\"\n\
                sender = \"web\"\npurpose = \"notification\"\nto = [\"team@contoso.example\"]\n";
    let last = "to = [\"team@contoso.example\"]\n";
    assert_eq!(event(case(), "").edit("postern.toml", last, &format!("{last}{form}")).told(), NONE);
}

#[test]
fn one_route_that_shows_all_is_enough_for_a_schema_of_two() {
    let name = r#""name": { "type": "string", "maxLength": 100 }"#;
    let second = "\n[routes.second]\npath = \"/second\"\nkind = \"event\"\nschema = \"form\"\n\
                  auth = { scheme = \"bearer\", secret = \"token\" }\n[[routes.second.mails]]\ntemplate = \"whole\"\n\
                  sender = \"web\"\npurpose = \"notification\"\nto = [\"team@contoso.example\"]\n";
    let last = "to = [\"team@contoso.example\"]\n";
    let sample = r#"{ "name": "Ada" }"#;
    let case = event(Case::new(name, "[\"name\"]", sample, "{{ name[:80] }}"), "");
    let case = case.edit("postern.toml", last, &format!("{last}{second}"));
    let case = case.with("templates/whole/subject.txt.j2", "A note").with("templates/whole/body.txt.j2", "{{ name }}");
    assert_eq!(case.with("templates/whole/sample.json", sample).told(), NONE);
}

#[test]
fn a_body_can_hold_what_the_schema_accepts() {
    let text = |length: usize, lines: &str| {
        let name = format!("\"name\": {{ \"type\": \"string\", \"maxLength\": {length} }}");
        event(Case::new(&name, "[\"name\"]", r#"{ "name": "Ada" }"#, "{{ name }}"), lines).told()
    };
    assert_eq!(text(262_144, ""), NONE);
    let large = "warning schemas/form.json:4 The `maxLength` of `name` allows 262145 bytes and more, but the `body_limit` is 262144.";
    assert_eq!(text(262_145, ""), [large]);
    assert_eq!(text(262_145, "body_limit = 1000000\n"), NONE);
    let list = |most: usize, lines: &str| {
        // `{"a":"","b":"x"},`: each has two members, and counts as four itself.
        let item = r#"{ "type": "object", "properties": { "a": { "type": "string" }, "b": { "enum": ["xx", "x"] } }, "required": ["a", "b"] }"#;
        let rows = format!("\"rows\": {{ \"type\": \"array\", \"maxItems\": {most}, \"items\": {item} }}");
        let body = "{% for row in rows %}{{ row.a[:9] }}{{ row.b }}{% endfor %}";
        event(Case::new(&rows, "[\"rows\"]", r#"{ "rows": [] }"#, body), lines).told()
    };
    assert_eq!(list(15_420, ""), NONE);
    assert_eq!(
        list(15_421, ""),
        [
            "warning schemas/form.json:4 The `maxItems` of `rows` allows 262157 bytes and more, but the `body_limit` is 262144."
        ]
    );
    assert_eq!(list(41_666, "body_limit = 10485760\n"), NONE);
    assert_eq!(
        list(41_667, "body_limit = 10485760\n"),
        [
            "warning schemas/form.json:4 The `maxItems` of `rows` allows 250002 JSON values and more, but a body can have 250000."
        ]
    );
}
