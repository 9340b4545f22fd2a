//! Mails in MJML: the HTML that they become, errors, and the places of findings.

use std::fs;
use std::path::Path;

use postern::policy::{Files, Policy};
use postern::render::render_sample;
use postern_lint::approval::digest;
use postern_lint::mjml::Translation;
use serde_json::{Value, json};

use super::Case;
use crate::support::told;

const MJML: &str = "templates/note/body.mjml.j2";
const HTML: &str = "templates/note/body.html.j2";

const ORDER: &str = r#""number": { "type": "string", "maxLength": 20 },
"name": { "type": "string", "maxLength": 50 },
"link": { "type": "string", "maxLength": 100, "pattern": "^https://[a-z./-]+$" },
"paid": { "type": "boolean" },
"items": { "type": "array", "maxItems": 20, "items": {
  "type": "object", "required": ["name", "price"],
  "properties": { "name": { "type": "string", "maxLength": 50 }, "price": { "type": "string", "maxLength": 10 } }
} }"#;

fn order() -> Value {
    json!({
        "number": "A-7",
        "name": "Ada",
        "link": "https://shop.contoso.example/pay",
        "paid": false,
        "items": [{ "name": "Tea", "price": "4.00" }],
    })
}

fn shop() -> Case {
    let source = include_str!("mjml/order.mjml.j2");
    let required = r#"["number", "name", "link", "paid", "items"]"#;
    Case::new(ORDER, required, &order().to_string(), "{{ number }} {{ name }} {{ link }} {{ paid }}").with(MJML, source)
}

/// A mail of these elements, for a payload with one text.
fn note(body: &str) -> Case {
    let name = r#""name": { "type": "string", "maxLength": 50 }"#;
    Case::new(name, "[\"name\"]", r#"{ "name": "Ada" }"#, "{{ name }}").with(MJML, body)
}

fn body(elements: &str) -> Case {
    note(&format!(
        "<mjml>\n<mj-body>\n<mj-section>\n<mj-column>\n{elements}\n</mj-column>\n</mj-section>\n</mj-body>\n</mjml>\n"
    ))
}

/// What the gate sends for a payload.
fn rendered(files: &Files, payload: &Value) -> String {
    let policy = Policy::load(Translation::of(files).files()).unwrap();
    let route = policy.routes().next().unwrap();
    let parts = render_sample(policy.templates(), route, &route.mails[0], payload, &payload.to_string()).unwrap();
    parts.html.unwrap()
}

/// Compares with a file, or writes it for review.
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core/lint/mjml").join(name);
    if std::env::var_os("POSTERN_BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, fs::read_to_string(&path).unwrap_or_default(), "{name}");
}

#[test]
fn a_mail_becomes_html_that_is_a_template_and_then_a_mail() {
    let files = shop().files();
    assert_eq!(told(&files), Vec::<String>::new());
    let translation = Translation::of(&files);
    assert_eq!(translation.files().text(MJML), None);
    golden("order.html.j2", translation.files().text(HTML).unwrap());
    golden("order.html", &rendered(&files, &order()));
}

#[test]
fn what_is_written_around_elements_decides_about_them() {
    let files = shop().files();
    let with = |paid: bool, items: Value| {
        let mut order = order();
        (order["paid"], order["items"]) = (json!(paid), items);
        rendered(&files, &order)
    };
    let (open, paid) = (with(false, json!([])), with(true, json!([])));
    assert_eq!([open.contains("Paid, thank you."), open.contains("Pay now")], [false, true]);
    assert_eq!([paid.contains("Paid, thank you."), paid.contains("Pay now")], [true, false]);
    assert!(open.contains("<td>Nothing.</td>"));
    let many = with(true, json!([{ "name": "Tea", "price": "4" }, { "name": "Rum", "price": "9" }]));
    assert!(many.contains(">Tea</td>") && many.contains(">Rum</td>") && !many.contains("Nothing"));
    for html in [open, paid, many] {
        // Whatever opens for Outlook is closed, in every branch.
        assert_eq!(html.matches("<!--[if").count(), html.matches("<![endif]").count());
        for element in ["table", "tr", "td", "div"] {
            let count = |tag: &str| html.matches(tag).count();
            let opened = count(&format!("<{element} ")) + count(&format!("<{element}>"));
            assert_eq!(opened, count(&format!("</{element}>")), "{element}");
        }
    }
}

#[test]
fn values_are_escaped_as_in_a_template_written_by_hand() {
    let files =
        body(r#"<mj-text>{{ name }}</mj-text><mj-image src="https://contoso.example/a.png" alt="{{ name }}" />"#);
    let html = rendered(&files.files(), &json!({ "name": "<b>\"x\"</b>" }));
    assert!(html.contains(">&lt;b&gt;&quot;x&quot;&lt;&#x2f;b&gt;</div>"), "{html}");
    assert!(html.contains("alt=\"&lt;b&gt;&quot;x&quot;&lt;&#x2f;b&gt;\""), "{html}");
}

#[test]
fn a_text_that_looks_like_the_word_for_a_value_stays_a_text() {
    let files = body("<mj-text>jinja0x {{ name }} jinjaq1x</mj-text>");
    let html = rendered(&files.files(), &json!({ "name": "Ada" }));
    assert!(html.contains(">jinja0x Ada jinjaq1x</div>"), "{html}");
}

#[test]
fn what_mjml_does_not_carry_is_refused_with_its_line() {
    for (case, finding) in [
        (body("{{ name }}"), "5 `{{ name }}` is between elements, where MJML shows no text."),
        (body("<mj-text>x</mj-text>\nx"), "6 Text is between elements, where MJML shows none."),
        (
            note("<mjml><mj-head>\n{% if name %}<mj-title>x</mj-title>{% endif %}</mj-head><mj-body></mj-body></mjml>"),
            "2 `{% if name %}` is between the settings of <mj-head>, which MJML does not write in their order.",
        ),
        (
            body("<mj-text>x</mj-text>").edit(MJML, "<mj-column>", "<mj-column width=\"{{ name }}\">"),
            "4 MJML drops `{{ name }}` here.",
        ),
        (
            body("<mj-text css-class=\"{% if name %}a{% endif %}\">x</mj-text>\n<mj-text>{{ name }}</mj-text>").edit(
                MJML,
                "<mj-section>",
                "<mj-section css-class=\"{% if name %}a{% endif %}\">",
            ),
            "3 MJML would move or repeat `{% if name %}`, which would change what it does.",
        ),
        (
            note("{% extends \"_frame.html.j2\" %}\n<mjml><mj-body></mj-body></mjml>"),
            "1 An MJML mail is a complete document, so `extends` cannot be used here.",
        ),
        (
            body("<mj-include path=\"other.mjml\" />"),
            "5 Invalid MJML: other files are not included: use {% include %} inside a text.",
        ),
        (
            note("<mjml>\n<mj-head>\n<mj-breakpoint size=\"1px\" /></mj-head><mj-body></mj-body></mjml>"),
            "3 MJML ignores this: unexpected attribute.",
        ),
        (body("<mj-txt />"), "5 MJML has no element <mj-txt>."),
        (body("<mj-text>x"), "1 Invalid MJML: an element is not closed."),
        (
            body("<mj-text>{{ name }}</mj-text>\n<mj-text>1 < 2</mj-text>"),
            "6 Invalid MJML: a `<` does not start an element; write `&lt;` for the character.",
        ),
        (note("{{ name }}"), "1 Invalid MJML: the element <mjml> is missing."),
        (
            body("<mj-text>{{ name }</mj-text>"),
            "5 The template fails: syntax error: unexpected `}`, expected end of variable block.",
        ),
    ] {
        let told = case.told();
        let expected = format!("error {MJML}:{finding}");
        assert!(told.contains(&expected), "{expected}\n{told:#?}");
    }
}

#[test]
fn findings_about_the_html_are_told_where_the_mjml_is_wrong() {
    for (elements, finding) in [
        ("<mj-text>x</mj-text>\n<mj-text>{{ name }} {{ nam }}</mj-text>", "6 The schema `form` has no field `nam`."),
        (
            "<mj-button href=\"http://contoso.example\">{{ name }}</mj-button>",
            "5 The link to `http://contoso.example` is not an absolute https address.",
        ),
        (
            "<mj-text>{{ name }}</mj-text>\n<mj-text color=\"#eeeeee\">Pale.</mj-text>",
            "6 Text in #eeeeee on #ffffff has a contrast of 1.2, below the minimum of 4.5.",
        ),
        (
            "<mj-image src=\"https://contoso.example/a.png\" /><mj-text>{{ name }}</mj-text>",
            "5 The image `https://contoso.example/a.png` has no `alt`.",
        ),
    ] {
        assert_eq!(body(elements).told(), [format!("error {MJML}:{finding}")]);
    }
    let told = body("<mj-text>{{ name }}</mj-text>\n<mj-text>\n{{ name | utc }}</mj-text>").told();
    assert!(told[0].starts_with(&format!("error {MJML}:7 ")), "{told:?}");
}

#[test]
fn a_mail_has_one_html_part_and_nobody_poses_as_the_translator() {
    let both = body("<mj-text>{{ name }}</mj-text>").with(HTML, "<p>{{ name }}</p>").told();
    let message = "The template has body.mjml.j2 and body.html.j2, but a mail has only one HTML part.";
    assert_eq!(both, [format!("error {MJML}:1 {message}")]);

    let files = body("<mj-text>{{ name }}</mj-text>").files();
    let html = Translation::of(&files).files().text(HTML).unwrap().to_owned();
    let posing = body("").without(MJML).with(HTML, &html).told();
    let message = "This file claims to be translated from MJML, but only Postern's own output may say so.";
    assert_eq!(posing, [format!("error {HTML}:1 {message}")]);
}

#[test]
fn people_approve_the_mjml() {
    let files = body("<mj-text>{{ name }}</mj-text>").files();
    let approved = digest(&files, "templates/note");
    assert_eq!(digest(Translation::of(&files).files(), "templates/note"), approved);
    let policy = Policy::load(Translation::of(&files).files()).unwrap();
    assert_eq!(policy.templates().get("note").map(|template| template.digest()), approved);
    // A comment is not part of the mail, but of what reviewers read.
    let commented = body("<mj-text>{{ name }}</mj-text><!-- x -->").files();
    assert_ne!(digest(&commented, "templates/note"), approved);
    // Changing the generated HTML changes the policy's digest.
    assert_ne!(Translation::of(&commented).files().digest(), Translation::of(&files).files().digest());
}

#[test]
fn the_gate_itself_reads_no_mjml() {
    let files = body("<mj-text>{{ name }}</mj-text>").files();
    let findings: Vec<_> = Policy::load(&files).unwrap_err().iter().map(ToString::to_string).collect();
    let sentence =
        "This is MJML, which the gate cannot read. Seal the policy with `postern seal`, which turns it into HTML.";
    assert_eq!(findings, [format!("{MJML}: {sentence}")]);
}
