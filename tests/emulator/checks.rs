//! The checks of a message.

use serde_json::{Value, json};

use crate::lab::{Lab, email, with, without};

fn checks(html: &str) -> Value {
    let lab = Lab::new();
    let id = lab.sent(&with(email(), "/content/html", json!(html)));
    lab.own("GET", &format!("/api/messages/{id}")).json()["checks"].clone()
}

/// Level, check and message of each finding.
fn found(html: &str) -> Vec<String> {
    let checks = checks(html);
    let findings = checks["findings"].as_array().unwrap();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    findings
        .iter()
        .map(|one| format!("{} {}: {}", text(one, "level"), text(one, "check"), text(one, "message")))
        .collect()
}

#[test]
fn a_plain_mail_has_nothing_to_complain_of() {
    let html = r##"<p style="color:#222;background:white">Hi <a href="https://contoso.example/a">there</a></p>
        <img src="https://contoso.example/i.png" alt="">"##;
    assert_eq!(found(html), Vec::<String>::new());
    let checks = checks(html);
    assert_eq!(checks["links"], json!([{"address": "https://contoso.example/a", "text": "there"}]));
    assert_eq!(checks["htmlBytes"], html.len());
    assert_eq!(checks["textBytes"], 2);
    assert_eq!(checks["clipBytes"], 104_448);
    assert_eq!(checks["supportSource"], "https://www.caniemail.com");
}

#[test]
fn links_must_lead_somewhere() {
    for (address, finding) in [
        ("mailto:a@contoso.example", None),
        ("tel:+4912345", None),
        ("http://contoso.example", Some("warning links: The link to http://contoso.example is not https.")),
        ("/contact", Some("error links: The link to `/contact` does not work in a mail.")),
        ("javascript:alert(1)", Some("error links: The link to `javascript:alert(1)` does not work in a mail.")),
        ("https://", Some("error links: The link to `https://` does not work in a mail.")),
    ] {
        assert_eq!(found(&format!("<a href=\"{address}\">x</a>")), Vec::from_iter(finding), "{address}");
    }
}

#[test]
fn pictures_need_words_and_an_address() {
    assert_eq!(
        found("<img src='a.png'>"),
        [
            "error pictures: The image a.png has no alt text.",
            "warning pictures: The image `a.png` is neither https nor attached.",
        ]
    );
    assert_eq!(found("<img src='cid:logo' alt='Logo'>"), Vec::<String>::new());
}

#[test]
fn contrast_is_that_of_inline_colours() {
    let poor = "warning contrast: “Hi” in #bbbbbb on #ffffff has a contrast of 1.9, below 4.5.";
    assert_eq!(found("<p style='color:#bbb'>Hi</p>"), [poor]);
    assert_eq!(found("<table bgcolor='black'><tr><td>Hi</td></tr></table>").len(), 1);
    assert_eq!(found("<table bgcolor='black'><tr><td style='color:white'>Hi</td></tr></table>"), Vec::<String>::new());
    // Nobody can tell about text on a picture, or on a transparent colour.
    assert_eq!(found("<p style='color:#bbb;background:url(https://a.example/b.png)'>Hi</p>"), Vec::<String>::new());
    assert_eq!(found("<p style='color:rgba(0,0,0,.1)'>Hi</p>"), Vec::<String>::new());
}

#[test]
fn what_mail_programs_do_not_know_is_named() {
    for (html, note) in [
        ("<div style='display: flex'>Hi</div>", "display:flex: not supported by Outlook on Windows."),
        ("<div style='position:absolute'>Hi</div>", "position: not supported by Gmail and Outlook on Windows."),
        (
            "<div style='animation-name:x'>Hi</div>",
            "animation: not supported by Gmail, Outlook on Windows, Outlook.com and Yahoo.",
        ),
        ("<style>@font-face{}</style>Hi", "@font-face: not supported by Gmail, Outlook.com and Yahoo."),
        (
            "<style>a{color:var(--a)}</style>Hi",
            "CSS variables: not supported by Gmail, Outlook on Windows, Outlook.com and Yahoo.",
        ),
        (
            "<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
            "Base 64 image format: not supported by Gmail on iOS and older Outlook on Windows.",
        ),
        ("<svg></svg>", "Embedded <svg> image: not supported by Gmail, Outlook on Windows, Outlook.com and Yahoo."),
    ] {
        assert_eq!(found(html), [format!("note support: {note}")], "{html}");
    }
}

#[test]
fn what_is_hostile_is_told_first() {
    let html = "<p style='display:flex'>Hi</p><script>alert(1)</script><p onclick='alert(2)'>x</p>";
    assert_eq!(
        found(html),
        [
            "error removed: Mail programs remove <script>, and spam filters object to it.",
            "error removed: Mail programs do not run scripts, but <p> has an event handler.",
            "note support: display:flex: not supported by Outlook on Windows.",
        ]
    );
}

#[test]
fn size_and_a_missing_text_part_are_told() {
    let long = format!("<p>{}</p>", "x".repeat(104_448));
    assert_eq!(found(&long), [format!("error size: The HTML has {} bytes; Gmail clips after 104448.", long.len())]);
    let lab = Lab::new();
    let id = lab.sent(&without(with(email(), "/content/html", json!("<p>Hi</p>")), "/content/plainText"));
    let checks = lab.own("GET", &format!("/api/messages/{id}")).json()["checks"].clone();
    assert_eq!(checks["findings"][0]["check"], "text part");
}

#[test]
fn the_same_is_told_once_and_not_without_end() {
    assert_eq!(found(&"<p style='color:#bbb'>Hi</p>".repeat(50)).len(), 1);
    let many: String = (0..150).map(|n| format!("<a href='/{n}'>x</a>")).collect();
    assert_eq!(found(&many).len(), 100);
    let deep = format!("{}x{}", "<div>".repeat(5_000), "</div>".repeat(5_000));
    assert_eq!(found(&deep), Vec::<String>::new());
}
