//! What a template may do, given what its schema guarantees.

use super::Case;

const PROPERTIES: &str = r##""name": { "type": "string", "maxLength": 50 },
"topic": { "enum": ["sales", "press"] },
"text": { "type": ["string", "null"] },
"tags": { "type": "array", "items": { "type": "string" } },
"lines": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/line" } },
"labels": { "type": "object", "additionalProperties": { "type": "string" } },
"any": {},
"more": { "type": "array", "items": { "type": "string" } },
"person": { "allOf": [{ "$ref": "#/$defs/person" }] },
"count": { "type": "integer" }
},
"$defs": {
  "line": { "type": "object", "properties": { "what": { "type": "string" }, "price": { "type": "number" } }, "required": ["what"] },
  "person": { "type": "object", "properties": { "first": { "type": "string" }, "last": { "type": "string" } }, "required": ["first"] }
"##;
const REQUIRED: &str = r#"["name", "text", "tags", "lines", "labels", "any", "person", "count"]"#;
const SAMPLE: &str = r#"{ "name": "Ada", "topic": "sales", "text": "Hello", "tags": ["a"], "lines": [{ "what": "tea", "price": 2 }],
"labels": { "a": "b" }, "any": "x", "person": { "first": "Ada", "last": "Example" }, "count": 3 }"#;

/// The findings about a text body, without the notes about unused fields.
fn about(text: &str) -> Vec<String> {
    let told = Case::new(PROPERTIES, REQUIRED, SAMPLE, text).told();
    told.into_iter().filter(|line| !line.starts_with("note ")).collect()
}

#[test]
fn what_the_schema_guarantees_is_printed() {
    for text in [
        "{{ name }} {{ count }} {{ person.first }} {{ person['first'] }}",
        "{% if topic %}{{ topic }}{% endif %}",
        "{% if not topic %}none{% else %}{{ topic }}{% endif %}",
        "{% if topic is defined %}{{ topic }}{% endif %}",
        "{% if topic is defined and topic is not none %}{{ topic }}{% endif %}",
        "{% if topic is undefined %}-{% else %}{{ topic }}{% endif %}",
        "{% if topic and topic == 'sales' %}{{ topic }}{% endif %}",
        "{% if not topic or topic == 'sales' %}-{% else %}{{ topic }}{% endif %}",
        "{% if topic and person.last %}{{ topic }}{{ person.last }}{% endif %}",
        "{% if not (topic and person.last) %}-{% else %}{{ person.last }}{% endif %}",
        "{{ topic if topic else 'general' }} {{ topic if topic }}",
        "{{ topic | default('general') }} {{ topic or 'general' }} {{ topic | d('x') | upper }}",
        "{% if text %}{{ text[:20] | trim | upper }}{% endif %}{% if text is not none %}{{ text }}{% endif %}",
        "{% if text is string %}{{ text }}{% endif %}",
        "{{ tags | join(', ') }} {{ tags | length }} {% for tag in tags %}{{ loop.index }} {{ tag }}{% endfor %}",
        "{% for line in lines %}{{ line.what }}{% if line.price %}: {{ line.price }}{% endif %}{% endfor %}",
        "{% for line in lines if line.price %}{{ line.price }}{% endfor %}",
        "{% for line in lines %}{{ line.what }}{% if loop.nextitem %}{{ loop.nextitem.what }}{% endif %}{% endfor %}",
        "{{ (lines | first).what }} {% for line in lines | reverse %}{{ line.what }}{% endfor %}",
        "{% for name, value in labels | items %}{{ name }}={{ value }}{% endfor %}",
        "{% if labels.a %}{{ labels.a }}{% endif %}",
        "{% if any is string %}{{ any }}{% endif %}",
        "{% if more and more is sequence %}{{ more | join(', ') }}{% endif %}",
        "{% set who = person.first %}{{ who }}{% with x = name ~ '!' %}{{ x }}{% endwith %}",
        "{% if topic %}{% set about = topic %}{% else %}{% set about = 'general' %}{% endif %}{{ about }}",
        "{% set about %}{{ name }}{% endset %}{{ about }}",
        "{% macro hello(who, greeting='Hello') %}{{ greeting }} {{ who }}{% endmacro %}{{ hello(name) }}{{ hello(who=name) }}",
        "{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}{{ name }}{% endcall %}",
        "{% macro hello(who) %}{{ who }}{% endmacro %}{% if topic %}!{% endif %}{{ hello(name) }}",
        "{% filter upper %}{{ name }}{% endfilter %}{{ count + 1 }} {{ -count }} {% for n in range(3) %}{{ n }}{% endfor %}",
        "{{ count | utc }} {% for line in lines | selectattr('price', 'gt', 3) %}{{ line.what }}{% endfor %}",
        "{% for word in name | split(' ') %}{{ word }}{% endfor %}{% for one in ['a', name] %}{{ one }}{% endfor %}",
    ] {
        assert_eq!(about(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_it_does_not_guarantee_is_an_error() {
    let missing = |name: &str| format!("`{name}` may be missing: the schema `form` does not require it.");
    let unknown = |name: &str| format!("The schema `form` has no field `{name}`.");
    let cannot = |text: &str| format!("The value of `{text}` cannot be determined statically.");
    for (text, message) in [
        ("{{ topic }}", missing("topic")),
        ("{% if name %}{{ topic }}{% endif %}", missing("topic")),
        ("{% if topic or name %}{{ topic }}{% endif %}", missing("topic")),
        ("{% if not topic %}{{ topic }}{% endif %}", missing("topic")),
        ("{% if topic or topic is not none %}{{ topic }}{% endif %}", missing("topic")),
        ("{% if topic %}x{% endif %}{{ topic }}", missing("topic")),
        ("{% if topic == 'sales' %}x{% endif %}", missing("topic")),
        ("{{ topic | upper }}", missing("topic")),
        ("{{ 'a' ~ topic }}", missing("topic")),
        ("{{ person.last }}", missing("person.last")),
        ("{% for line in lines %}{{ line.price }}{% endfor %}", missing("line.price")),
        ("{% set a = topic %}{{ a }}", missing("a")),
        ("{% if name %}{% set a = 'x' %}{% endif %}{{ a }}", missing("a")),
        ("{{ tags | first }}", missing("tags|first")),
        ("{{ tags[0] }}", missing("tags[0]")),
        ("{% if more is sequence %}{{ more | join(', ') }}{% endif %}", missing("more")),
        ("{{ labels.a }}", missing("labels.a")),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", missing("a")),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(topic | default(person.last)) }}", missing("person.last")),
        ("{{ nome }}", unknown("nome")),
        ("{{ person.middle }}", unknown("person.middle")),
        ("{% if nome %}x{% endif %}", unknown("nome")),
        ("{{ text }}", "`text` may be null, but a text is required here.".into()),
        ("{% if text is defined %}{{ text }}{% endif %}", "`text` may be null, but a text is required here.".into()),
        ("{{ tags }}", "`tags` may be a list, but a text is required here.".into()),
        ("{{ person }}", "`person` may be an object, but a text is required here.".into()),
        ("{{ lines | join(', ') }}", "`an entry of lines` may be an object, but a text is required here.".into()),
        ("{{ any }}", "`any` may be an object or a list or null, but a text is required here.".into()),
        (
            "{{ any.a }}",
            "`any` may be a list or null or true or false or a number or a text, but an object is required here."
                .into(),
        ),
        ("{% for a in name %}{{ a }}{% endfor %}", "`name` may be a text, but a list is required here.".into()),
        ("{{ name + 1 }}", "`name` may be a text, but a number is required here.".into()),
        ("{{ name | utc }}", "`name` may be a text, but a number is required here.".into()),
        (
            "{{ lines | selectattr('cost') | length }}",
            "The schema `form` has no field `an entry of lines.cost`.".into(),
        ),
        ("{{ lines | rejectattr(name) | length }}", cannot("rejectattr(name)")),
        (
            "{% for n, v in person | items %}{{ n }}{% endfor %}",
            "The schema `form` does not describe the members of `person`.".into(),
        ),
        ("{{ name | safe }}", "`name` comes from a payload and would be treated as markup.".into()),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", "Templates may not change escaping.".into()),
        ("{{ tags | groupby('a') }}", "The result of the filter `groupby` cannot be determined statically.".into()),
        ("{{ person[name] }}", cannot("person[name]")),
        ("{{ debug() }}", cannot("debug()")),
        ("{% include name %}", cannot("name")),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", cannot("m()")),
        ("{% include 'note/body.txt.j2' %}", "Templates, blocks or macros use each other in a cycle here.".into()),
    ] {
        assert_eq!(about(text), [format!("error templates/note/body.txt.j2:1 {message}")], "{text}");
    }
}

#[test]
fn a_finding_names_the_line_and_says_how_to_mend_it() {
    let files = Case::new(PROPERTIES, REQUIRED, SAMPLE, "One\nTwo {{ name }}\n{{ topic }}\n").files();
    let findings = postern_lint::check(&files);
    let finding = findings.iter().find(|finding| finding.file.ends_with("body.txt.j2")).unwrap();
    assert_eq!(finding.line(&files), 3);
    assert_eq!(
        finding.help,
        "Use it inside {% if topic %}, give it a default with `topic | default(\"…\")`, or require it in the schema."
    );
}

#[test]
fn layouts_blocks_and_imports_are_followed_into_their_files() {
    let layout = "{% block head %}{{ name }}{% endblock %}\n{% block body %}{% endblock %}{{ self.head() }}";
    let case = |text: &str| {
        let case = Case::new(PROPERTIES, REQUIRED, SAMPLE, text)
            .with("templates/_frame.txt.j2", layout)
            .with("templates/_parts.txt.j2", "{% macro row(a) %}{{ a.what }}{% endmacro %}\n{% set mark = '-' %}");
        case.told().into_iter().filter(|line| !line.starts_with("note ")).collect::<Vec<_>>()
    };
    let parts = "{% from '_parts.txt.j2' import row, mark %}{% import '_parts.txt.j2' as parts %}";
    let frame = "{% extends '_frame.txt.j2' %}";
    assert_eq!(
        case(&format!(
            "{frame}{parts}{{% block head %}}{{{{ super() }}}}{{% endblock %}}{{% block body %}}\
             {{% for line in lines %}}{{{{ row(line) }}}}{{{{ parts.row(line) }}}}{{{{ parts.mark }}}}{{% endfor %}}{{% endblock %}}"
        )),
        Vec::<String>::new()
    );
    let capturing = "{% set head %}{% block head %}{% endblock %}{% endset %}{{ head }}";
    let captured = format!("{frame}{{% block head %}}{{{{ topic }}}}{{% endblock %}}");
    let captured = Case::new(PROPERTIES, REQUIRED, SAMPLE, &captured).with("templates/_frame.txt.j2", capturing).told();
    assert_eq!(
        captured.into_iter().filter(|line| !line.starts_with("note ")).collect::<Vec<_>>(),
        ["error templates/note/body.txt.j2:1 `topic` may be missing: the schema `form` does not require it."]
    );
    let unused = "error templates/_parts.txt.j2:1 No template uses this layout.";
    let told = |text: &str| {
        let files = Case::new(PROPERTIES, REQUIRED, SAMPLE, text).with("templates/_frame.txt.j2", layout);
        files.told().into_iter().filter(|line| !line.starts_with("note ") && line != unused).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&format!("{frame}\n{{% block body %}}\n{{{{ topic }}}}{{% endblock %}}")),
        ["error templates/note/body.txt.j2:3 `topic` may be missing: the schema `form` does not require it."]
    );
    let other = Case::new(PROPERTIES, REQUIRED, SAMPLE, "{% include '_frame.txt.j2' %}")
        .with("templates/_frame.txt.j2", "One\n{{ topic }}");
    assert!(other.told().contains(
        &"error templates/_frame.txt.j2:2 `topic` may be missing: the schema `form` does not require it.".into()
    ));
}

#[test]
fn a_field_that_no_mail_uses_is_a_note() {
    let properties =
        "\"name\": { \"type\": \"string\" },\n\"phone\": { \"type\": \"string\" },\n\"kind\": { \"const\": \"x\" }";
    let case = |text: &str| Case::new(properties, "[\"name\"]", r#"{ "name": "Ada" }"#, text);
    assert_eq!(case("{{ name }}").told(), ["note schemas/form.json:5 No mail of the route `form` uses `phone`."]);
    assert_eq!(case("{{ name }}{% if phone %}x{% endif %}").told(), Vec::<String>::new());
    let conditional = "to = [\"team@contoso.example\"]\n[[routes.form.mails]]\nname = \"again\"\ntemplate = \"note\"\nsender = \"web\"\n\
                       purpose = \"notification\"\nto = [\"team@contoso.example\"]\nwhen = { required = [\"phone\"] }";
    let case = case("{{ name }}")
        .edit("postern.toml", "to = [\"team@contoso.example\"]", conditional)
        .with("templates/note/sample.json", r#"{ "name": "Ada", "phone": "1" }"#);
    assert_eq!(case.told(), Vec::<String>::new());
}
