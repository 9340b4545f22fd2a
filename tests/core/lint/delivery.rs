//! What mailboxes object to in a mail.

use super::Case;

const SAMPLE: &str = r#"{ "name": "Ada" }"#;

fn case(name: &str) -> Case {
    Case::new(&format!("\"name\": {name}"), "[\"name\"]", SAMPLE, "{{ name }}")
}

fn subject(name: &str, subject: &str) -> Vec<String> {
    case(name).with("templates/note/subject.txt.j2", subject).told()
}

fn html(body: &str) -> Vec<String> {
    let told = case(r#"{ "type": "string", "maxLength": 50 }"#).with("templates/note/body.html.j2", body).told();
    told.into_iter()
        .map(|line| line.strip_prefix("error templates/note/body.html.j2:").map(str::to_owned).unwrap_or(line))
        .collect()
}

#[test]
fn a_subject_fits_at_the_schemas_maxima() {
    let none = Vec::<String>::new();
    let file = "error templates/note/subject.txt.j2:1";
    assert_eq!(subject(r#"{ "type": "string", "maxLength": 140 }"#, "Message: {{ name }}"), none);
    assert_eq!(subject(r#"{ "type": "string", "maxLength": 141 }"#, "Message: {{ name }}"), none);
    assert_eq!(
        subject(r#"{ "type": "string", "maxLength": 142 }"#, "Message: {{ name }}"),
        [format!("{file} The subject can have 151 characters; the maximum is 150.")]
    );
    let endless = format!("{file} `name` can have any length, but a subject cannot.");
    assert_eq!(subject(r#"{ "type": "string" }"#, "{{ name }}"), std::slice::from_ref(&endless));
    assert_eq!(subject(r#"{ "type": "string" }"#, "{{ name | upper }}"), [endless]);
    assert_eq!(subject(r#"{ "type": "string" }"#, "{{ name[:80] }}"), none);
    assert_eq!(subject(r#"{ "enum": ["Ada", "Bob"] }"#, "{{ name }}"), none);
}

#[test]
fn html_stays_below_the_size_at_which_it_is_clipped() {
    let long = "x".repeat(102 * 1024);
    assert_eq!(html(&long), Vec::<String>::new());
    assert_eq!(
        html(&format!("{long}y")),
        [
            "1 The sample has 104449 bytes of HTML; Gmail clips after 104448.",
            "warning templates/note/body.html.j2:1 With every field at its longest the HTML has 104449 bytes; Gmail clips after 104448.",
        ]
    );
    let largest = |length: u64| {
        case(&format!("{{ \"type\": \"string\", \"maxLength\": {length} }}"))
            .with("templates/note/body.html.j2", "{{ name }}")
            .told()
    };
    assert_eq!(largest(52_224), Vec::<String>::new());
    assert_eq!(
        largest(52_225),
        [
            "warning templates/note/body.html.j2:1 With every field at its longest the HTML has 104450 bytes; Gmail clips after 104448."
        ]
    );
    let list = Case::new(
        "\"names\": { \"type\": \"array\", \"items\": { \"enum\": [\"a\"] } }",
        "[\"names\"]",
        r#"{ "names": ["a"] }"#,
        "x",
    )
    .with("templates/note/body.html.j2", "{% for name in names %}{{ name }}{% endfor %}");
    assert_eq!(
        list.told(),
        [
            "warning templates/note/body.html.j2:1 The HTML loops over a list of any length; Gmail clips after 104448 bytes."
        ]
    );
}

#[test]
fn html_is_made_of_what_mail_programs_show() {
    for good in [
        "<p>Hello <a href=\"https://contoso.example/x\">x</a> <a href=\"mailto:a@contoso.example\">y</a></p>",
        "<img src=\"https://contoso.example/logo.png\" alt=\"Contoso\" width=\"100\"><img src=\"cid:a\" alt=\"\">",
        "<style>p { color: #777 }</style><p style=\"color:#767676\">{{ name }}</p>",
    ] {
        assert_eq!(html(good), Vec::<String>::new(), "{good}");
    }
    for (bad, expected) in [
        ("\n<img src=\"https://c.example/a.png\">", "2 The image `https://c.example/a.png` has no `alt`."),
        ("<img src=\"/a.png\" alt=\"\">", "1 The image `/a.png` does not have an absolute https address."),
        (
            "<img src=\"http://c.example/a.png\" alt=\"\">",
            "1 The image `http://c.example/a.png` does not have an absolute https address.",
        ),
        (
            "<img src=\"https://c.example/p\" alt=\"\" width=1 height=1>",
            "1 The image `https://c.example/p` is a tracking pixel.",
        ),
        (
            "<img src=\"https://c.example/p\" alt=\"\" style=\"HEIGHT: 1px\">",
            "1 The image `https://c.example/p` is a tracking pixel.",
        ),
        ("<a href=\"/x\">x</a>", "1 The link to `/x` is not an absolute https address."),
        ("<a href=\"http://c.example\">x</a>", "1 The link to `http://c.example` is not an absolute https address."),
        ("<a href=\"javascript:x\">x</a>", "1 The link to `javascript:x` is not an absolute https address."),
        (
            "\n\n<script>x</script>",
            "3 `<script>` is not allowed in mail: mail programs do not run scripts, and filters treat them as an attack.",
        ),
        (
            "<form></form>",
            "1 `<form>` is not allowed in mail: a form in a mail sends what people type to a place that they cannot see.",
        ),
        (
            "<link rel=stylesheet href=\"https://c.example/a.css\">",
            "1 `<link>` is not allowed in mail: an external stylesheet is either not loaded or reveals that the mail was opened.",
        ),
        ("<p onclick=\"x()\">x</p>", "1 `onclick` is not allowed in mail: mail programs do not run scripts."),
        (
            "<style>@import 'x'</style>",
            "1 An external stylesheet is either not loaded or reveals that the mail was opened.",
        ),
        ("<meta http-equiv=refresh content=1>", "1 A mail cannot redirect its reader."),
    ] {
        assert_eq!(html(bad), [expected], "{bad}");
    }
}

#[test]
fn text_can_be_read_on_its_ground() {
    for good in [
        "<p style=\"color:#767676\">x</p>",
        "<div style=\"background:#000\"><p style=\"color:white\">x</p></div>",
        "<table bgcolor=\"#000000\"><tr><td><font color=\"#ffffff\">x</font></td></tr></table>",
        "<div style=\"background:#777 url(https://c.example/x.png)\">x</div>",
        "<div style=\"display:none;color:#fff\">preview</div>",
        "<div style=\"background:#fff\"><a href=\"https://c.example\" style=\"background:#1d4ed8;color:#fff\">x</a></div>",
        "<div style=\"background:rgba(0,0,0,.5);color:#999\">x</div>",
    ] {
        assert_eq!(html(good), Vec::<String>::new(), "{good}");
    }
    for (bad, ink, ground, contrast) in [
        ("<p style=\"color:#777\">x</p>", "#777777", "#ffffff", "4.5"),
        ("<p style=\"color: silver\">x</p>", "#c0c0c0", "#ffffff", "1.8"),
        ("<div style=\"background-color:#1d4ed8\"><p>x</p></div>", "#000000", "#1d4ed8", "3.1"),
        ("<div style=\"background: no-repeat rgb(0, 0, 0)\">x</div>", "#000000", "#000000", "1.0"),
        ("<div style=\"content:';';color:#eee\">x</div>", "#eeeeee", "#ffffff", "1.2"),
    ] {
        let expected = format!("1 Text in {ink} on {ground} has a contrast of {contrast}, below the minimum of 4.5.");
        assert_eq!(html(bad), [expected], "{bad}");
    }
}
