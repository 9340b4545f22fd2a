//! The proofs about HTML: every value is escaped, at a place where escaping makes it harmless.

use postern::policy::Policy;
use postern::render::render_sample;

use super::Case;

const PROPERTIES: &str = r#""name": { "type": "string", "maxLength": 50 },
"page": { "type": "string", "format": "uri" },
"link": { "type": "string", "pattern": "^https?://[a-z.]+/" },
"colour": { "enum": ["red", "blue"] },
"count": { "type": "integer" },
"lines": { "type": "array", "items": { "type": "string" } }"#;
const REQUIRED: &str = r#"["name", "page", "link", "colour", "count", "lines"]"#;
const SAMPLE: &str = r#"{ "name": "Ada", "page": "https://a.example/", "link": "https://a.example/", "colour": "red", "count": 3,
"lines": ["a"] }"#;
const PART: &str = "templates/note/body.html.j2";

fn case(html: &str) -> Case {
    let text = "{{ name }} {{ page }} {{ link }} {{ colour }} {{ count }} {{ lines | join }}";
    Case::new(PROPERTIES, REQUIRED, SAMPLE, text).with(PART, html)
}

/// The errors; a list without a limit also causes a warning.
fn about(html: &str) -> Vec<String> {
    case(html).told().into_iter().filter(|line| line.starts_with("error ")).collect()
}

#[test]
fn values_stand_in_text_and_in_quoted_attributes() {
    for html in [
        "<p>{{ name }}</p><title>{{ name }}</title>",
        "<p title=\"{{ name }}\" lang='{{ name }}'>a < b {{ name }}</p>",
        "<p{% if count %} title=\"x\"{% endif %}>{{ name }}</p>",
        "<p class=\"{% if count %}a{% else %}b{% endif %}\" title=\"{{ name }}\">x</p>",
        "{% for line in lines %}<p title=\"{{ line }}\">{{ line }}</p>{% endfor %}",
        "<p style=\"width:{{ count }}px;color:{{ colour }};background:#ffffff\"></p>",
        "<a href=\"{{ link }}\">x</a><a href=\"https://a.example/?q={{ name }}\">x</a><a href=\"mailto:{{ name }}\">x</a>",
        "{% if page is startingwith(\"https://\") %}<a href=\"{{ page }}\">x</a>{% endif %}",
        "{% if name and page is startingwith(\"https://\") %}<a href=\"{{ page[:100] }}\">x</a>{% endif %}",
        "{% if page is not startingwith(\"https://\") %}-{% else %}<a href=\"{{ page }}\">x</a>{% endif %}",
        "<a href=\"{{ page if page is startingwith('https://') else 'https://a.example' }}\">x</a>",
        "{% set base = \"https://a.example/\" %}<a href=\"{{ base }}{{ name }}\">x</a><a href=\"{{ base ~ name }}\">x</a>",
        "{% macro anchor(to) %}<a href=\"{{ to }}\">{{ caller() }}</a>{% endmacro %}{% call anchor(link) %}{{ name }}{% endcall %}",
        "{% macro mark(of) %}[{{ of }}]{% endmacro %}<p title=\"{{ mark(name) }}\">{{ mark(name) }}</p>",
        "{% set said %}<b>{{ name }}</b>{% endset %}<p>{{ said }}</p>",
        "{% set tone %}#b91c1c{% endset %}<p style=\"background:{{ tone }}\"></p>",
        "{{ name | replace(\"\\n\", \"<br>\" | safe) }}{{ name | e }}{% filter upper %}{{ name }}{% endfilter %}",
        "<!--[if mso]><table title=\"{{ name }}\"><tr><td>{{ name }}</td></tr></table><![endif]-->",
        "<style>p { color: #000000 }</style><p>{{ name }}</p>",
    ] {
        assert_eq!(about(html), Vec::<String>::new(), "{html}");
    }
}

#[test]
fn values_stand_nowhere_else() {
    let place = |name: &str| format!("`{name}` comes from a payload and is written where escaping does not help.");
    let address = |name: &str| {
        format!("`{name}` comes from a payload and could be an address of any kind, such as `javascript:`.")
    };
    let style = |name: &str| format!("`{name}` comes from a payload and could be any style.");
    let markup = |name: &str| format!("`{name}` may have tags and quotes of its own, which are not escaped again.");
    let middle =
        "The HTML is in the middle of a tag or an element at one end of this, and not at the other.".to_owned();
    let undone = "Markup in the place of these signs could undo the escaping of a value.".to_owned();
    for (html, message) in [
        ("<p title={{ name }}>x</p>", place("name")),
        ("<p {{ name }}>x</p>", place("name")),
        ("<p {{ name }}=\"x\">x</p>", place("name")),
        ("<{{ name }}>x", place("name")),
        ("<!-- {{ name }} -->", place("name")),
        ("<style>p { color: {{ name }} }</style>", place("name")),
        ("<p style=\"color:{{ name }}\"></p>", style("name")),
        ("<p onclick=\"{{ name }}\"></p>", "`name` comes from a payload and would be part of a program.".into()),
        ("<a href=\"{{ page }}\">x</a>", address("page")),
        ("<a href=\" {{ page }}\">x</a>", address("page")),
        ("<a href=\"java{{ name }}\">x</a>", address("name")),
        ("<a href=\"ht{{ name }}\">x</a>", address("name")),
        ("<img alt=\"\" src='{{ page }}'>", address("page")),
        ("<table background=\"{{ page }}\"></table>", address("page")),
        ("<a href=\"{% if count %}https://a.example/{% endif %}{{ name }}\">x</a>", address("name")),
        ("{% if page is startingwith(\"java\") %}<a href=\"{{ page }}\">x</a>{% endif %}", address("page")),
        (
            "{% if page is startingwith(\"https://\") or count %}<a href=\"{{ page }}\">x</a>{% endif %}",
            address("page"),
        ),
        ("{% if page is startingwith(\"https://\") %}{% endif %}<a href=\"{{ page }}\">x</a>", address("page")),
        ("{% if page is startingwith(\"https://\") %}<a href=\"{{ page[9:] }}\">x</a>{% endif %}", address("page")),
        ("<a href=\"{{ link | replace('https:', 'javascript:') }}\">x</a>", address("link")),
        ("<a href=\"{{ '' ~ page }}\">x</a>", address("'' ~ page")),
        (
            "<a href=\"{{ ('' if count else 'https://a.example/') ~ name }}\">x</a>",
            address("('' if count else 'https://a.example/') ~ name"),
        ),
        ("<a href=\"{{ link if count else page }}\">x</a>", address("link")),
        ("{% macro link(to) %}<a href=\"{{ to }}\">x</a>{% endmacro %}{{ link(page) }}", address("to")),
        ("{% set said %}{{ page }}{% endset %}<a href=\"{{ said }}\">x</a>", markup("said")),
        (
            "{% macro mark(of) %}<b id=\"x\">{{ of }}</b>{% endmacro %}{% set m = mark(name) %}<p title=\"{{ m }}\"></p>",
            markup("m"),
        ),
        ("{% if count %}<p title=\"{% endif %}{{ name }}", middle.clone()),
        ("{% for line in lines %}<p {% endfor %}", middle),
        ("{{ name | safe }}", "`name` comes from a payload and would be treated as markup.".into()),
        ("{{ (name,) | pprint | safe }}", "`(name,)` comes from a payload and would be treated as markup.".into()),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", "Templates may not change escaping.".into()),
        ("{{ name | e | replace(\"&lt;\", \"<\" | safe) }}", undone.clone()),
        ("{{ name | e | replace(\"lt;\", \"<\" | safe) }}", undone),
    ] {
        let found = about(html);
        let line = format!("error {PART}:1 {message}");
        assert_eq!(found.iter().filter(|found| **found == line).count(), 1, "{html}: {found:?}");
    }
}

#[test]
fn html_and_text_do_not_use_each_others_files() {
    let error = |file: &str, kind: &str, name: &str| {
        format!("error {file}:1 {kind} cannot use `{name}`, because values are escaped in HTML only.")
    };
    for tag in [
        "{% include '_said.txt.j2' %}",
        "{% extends \"_said.txt.j2\" %}",
        "{% import '_said.txt.j2' as said %}",
        "{% from '_said.txt.j2' import x %}",
        "{% include ['_said.html.j2', '_said.txt.j2'] %}",
        "{% include '_said' ~ '.txt.j2' %}",
    ] {
        let found = case(tag).with("templates/_said.txt.j2", "{{ name }}").told();
        let name = if tag.contains('~') { ".txt.j2" } else { "_said.txt.j2" };
        assert!(found.contains(&error(PART, "HTML", name)), "{tag}: {found:?}");
        // The gate does not load it either, and if it did, the engine would not find the file.
        let files = case(tag).with("templates/_said.txt.j2", "{{ name }}").files();
        assert!(Policy::load(&files).is_err(), "{tag}");
        let (policy, _) = Policy::examine(&files);
        let policy = policy.unwrap();
        let (route, sample) = (policy.route("/form").unwrap(), serde_json::from_str(SAMPLE).unwrap());
        let shown = render_sample(policy.templates(), route, &route.mails[0], &sample, SAMPLE);
        assert_eq!(shown.unwrap_err().place(), "body.html.j2:1", "{tag}");
    }
    let text = "templates/note/body.txt.j2";
    let html = case("<p>{{ name }}</p>").with("templates/_said.html.j2", "{{ name }}");
    let found = html.with(text, "{% include '_said.html.j2' %}").told();
    assert!(found.contains(&error(text, "Plain text", "_said.html.j2")), "{found:?}");
    let own = case("{% include '_said.html.j2' %}").with("templates/_said.html.j2", "<p>{{ name }}</p>");
    assert_eq!(own.told(), Vec::<String>::new());
}
