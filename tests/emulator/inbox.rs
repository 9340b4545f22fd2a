//! The page for people.

use serde_json::json;

use crate::lab::{Lab, email, with};

const FILES: [(&str, &str); 3] = [
    ("/", "text/html; charset=utf-8"),
    ("/inbox.js", "text/javascript; charset=utf-8"),
    ("/inbox.css", "text/css; charset=utf-8"),
];

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let lab = Lab::new();
    for (path, media_type) in FILES {
        let answer = lab.own("GET", path);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert!(!answer.text.contains("//www") && !answer.text.contains("http"), "{path}");
    }
}

#[test]
fn the_page_has_a_strict_policy() {
    let lab = Lab::new();
    for (path, _) in FILES {
        let answer = lab.own("GET", path);
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                 frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let page = lab.own("GET", "/").text;
    assert!(page.contains(r#"sandbox="""#));
    assert!(!page.contains("<style") && !page.contains(" onclick"));
}

#[test]
fn the_script_never_writes_markup() {
    let script = Lab::new().own("GET", "/inbox.js").text;
    for risky in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"] {
        assert!(!script.contains(risky), "{risky}");
    }
}

#[test]
fn hostile_html_is_served_where_it_can_do_nothing() {
    let lab = Lab::new();
    let html = "<script>alert(1)</script><img src=https://tracker.example/p.gif onerror=alert(2)>";
    let id = lab.sent(&with(email(), "/content/html", json!(html)));
    let answer = lab.own("GET", &format!("/api/messages/{id}/html"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text, html);
    assert_eq!(
        answer.header("content-security-policy"),
        Some(
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'self'"
        )
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_mail_without_html_has_no_html_page() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    let answer = lab.own("GET", &format!("/api/messages/{id}/html"));
    answer.refused(404, "NotFound", "nothing at this address");
}

#[test]
fn attached_pictures_are_shown_where_the_html_names_them() {
    let lab = Lab::new();
    let html = "<img src=\"cid:logo\"> <img src='cid:logo'> <img src=\"cid:other\">";
    let mail = with(email(), "/content/html", json!(html));
    let picture = json!([
        {"name": "logo.png", "contentType": "image/png", "contentInBase64": "SGk=", "contentId": "logo"},
    ]);
    let id = lab.sent(&with(mail, "/attachments", picture));
    let shown = lab.own("GET", &format!("/api/messages/{id}/html")).text;
    let data = "data:image/png;base64,SGk=";
    assert_eq!(shown, format!("<img src=\"{data}\"> <img src='{data}'> <img src=\"cid:other\">"));
}

#[test]
fn attachments_are_saved_and_never_shown() {
    let lab = Lab::new();
    let page = json!([{"name": "a.html", "contentType": "text/html", "contentInBase64": "PGI+SGk8L2I+"}]);
    let id = lab.sent(&with(email(), "/attachments", page));
    let answer = lab.own("GET", &format!("/api/messages/{id}/attachments/0"));
    assert_eq!((answer.status, answer.text.as_str()), (200, "<b>Hi</b>"));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox;"));
    lab.own("GET", &format!("/api/messages/{id}/attachments/1")).refused(404, "NotFound", "nothing");
}

#[test]
fn without_a_policy_the_studio_is_a_sentence() {
    let lab = Lab::new();
    assert!(lab.own("GET", "/").text.contains("The studio needs a policy"));
    let module = lab.own("GET", "/studio/studio.js");
    assert_eq!((module.status, module.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert_eq!(module.text, "export const start = () => ({ show() {}, refresh() {} });\n");
    assert_eq!(lab.own("GET", "/studio/policy").status, 404);
}
