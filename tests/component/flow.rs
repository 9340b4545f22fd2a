//! The main job on real input.

use std::time::Duration;

use postern_emulator::Config;
use serde_json::{Value, json};
use ureq::http::Request;

use crate::stand::{GITHUB_SECRET, OPERATIONS_TOKEN, Setup, Stand, builds, every_build};

fn ada() -> Value {
    json!({"name": "Ada", "email": "ada@customer.example", "message": "Grüße"})
}

fn issue() -> Value {
    json!({"action": "opened", "issue": {"title": "It breaks"}, "canary-field": "canary-value"})
}

#[test]
fn a_contact_form_arrives_by_json_and_by_urlencoded() {
    every_build(|stand| {
        let answer = stand.contact(&ada());
        assert_eq!((answer.status, &answer.body["sent"]), (200, &json!(2)));
        assert_eq!(stand.subjects(), ["Message from Ada", "We have received your message"]);
        let form = "name=Bob&email=bob%40customer.example&message=Hi+there";
        let answer = stand.post("/contact", "application/x-www-form-urlencoded", form);
        assert_eq!((answer.status, answer.headers["location"].as_str()), (303, "https://www.contoso.example/thanks"));
        assert_eq!(stand.subjects()[2..], ["Message from Bob", "We have received your message"]);
        let messages = stand.store.messages();
        let acknowledgement = &messages[0].email;
        assert_eq!(acknowledgement.recipients.to[0].address, "bob@customer.example");
        assert_eq!(stand.lines().len(), 2, "one audit line for each request");
    });
}

#[test]
fn a_github_event_needs_a_good_signature() {
    every_build(|stand| {
        for (secret, reason) in [
            (Some("another"), "unauthenticated: wrong-signature"),
            (None, "unauthenticated: missing-header:x-hub-signature-256"),
        ] {
            let answer = stand.github(&issue(), secret);
            assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"));
            assert_eq!(stand.line()["reason"], reason);
        }
        assert_eq!(stand.subjects().len(), 0);
        assert_eq!(stand.github(&issue(), Some(GITHUB_SECRET)).status, 200);
        assert_eq!(stand.subjects(), ["Issue: It breaks"]);
        let closed = json!({"action": "closed", "issue": {"title": "It breaks"}});
        assert_eq!(stand.github(&closed, Some(GITHUB_SECRET)).body, json!({"sent": 0, "mails": []}));
        assert_eq!(stand.line()["verdict"], "ignored");
    });
}

#[test]
fn a_redelivered_event_is_one_mail() {
    every_build(|stand| {
        let first = stand.github(&issue(), Some(GITHUB_SECRET));
        let second = stand.github(&issue(), Some(GITHUB_SECRET));
        assert_eq!(first.body, second.body);
        assert_eq!((stand.subjects().len(), stand.store.attempts().len()), (1, 2));
    });
}

#[test]
fn a_stale_timestamp_is_refused_though_signed_as_stale() {
    every_build(|stand| {
        for (offset, reason) in [(-330, "timestamp-too-old"), (330, "timestamp-in-future")] {
            let answer = stand.job(offset);
            assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"));
            assert_eq!(stand.line()["reason"], format!("unauthenticated: {reason}"));
        }
        assert_eq!(stand.job(-200).status, 200);
        assert_eq!(stand.subjects(), ["Job backup"]);
    });
}

#[test]
fn violations_are_told_all_at_once() {
    every_build(|stand| {
        let answer = stand.contact(&json!({"name": "", "email": "canary-value"}));
        assert_eq!((answer.status, answer.problem()), (422, "invalid-payload"));
        let mut errors: Vec<_> = answer.body["errors"].as_array().unwrap().iter().collect();
        errors.sort_by_key(|error| error["pointer"].to_string());
        let told: Vec<_> = errors.iter().map(|error| [&error["pointer"], &error["code"], &error["detail"]]).collect();
        assert_eq!(
            told,
            [
                ["/email", "TYPE_EMAIL", "This must be an email address."],
                ["/message", "REQUIRED_FIELD_MISSING", "This field is required."],
                ["/name", "REQUIRED_FIELD_EMPTY", "This must not be empty."],
            ]
        );
        assert!(!answer.body.to_string().contains("canary"));
    });
}

#[test]
fn header_injection_arrives_as_harmless_text() {
    every_build(|stand| {
        let attack = "Eve\r\nBcc: victim@evil.example\u{202e}<script>";
        let answer = stand.contact(&json!({"name": attack, "email": "eve@customer.example", "message": attack}));
        assert_eq!(answer.status, 200);
        assert_eq!(stand.subjects()[0], "Message from Eve Bcc: victim@evil.example<script>");
        let messages = stand.store.messages();
        let notification = &messages[1].email;
        let reply_to = &notification.reply_to.as_ref().unwrap()[0];
        assert_eq!(reply_to.display_name.as_deref(), Some("Eve Bcc: victim@evil.example<script>"));
        assert!(!notification.content.html.as_ref().unwrap().contains("<script>"));
        assert!(notification.recipients.bcc.is_none() && notification.headers.is_none());
        let answer = stand.contact(&json!({"name": "Eve", "email": "e@c.example\r\nBcc: v@e.example", "message": "x"}));
        assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (422, &json!("/email")));
    });
}

#[test]
fn paths_methods_types_and_sizes_are_enforced() {
    every_build(|stand| {
        let deep = format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33));
        let abyss = "[".repeat(4000);
        let large = json!({"name": "x".repeat(5000)}).to_string();
        for (path, content_type, body, status, problem) in [
            ("/nowhere", "application/json", "{}", 404, "unknown-path"),
            ("/contact", "text/plain", "x", 415, "unsupported-media-type"),
            ("/contact", "application/json", deep.as_str(), 400, "malformed-body"),
            ("/contact", "application/json", abyss.as_str(), 400, "malformed-body"),
            ("/contact", "application/json", large.as_str(), 413, "body-too-large"),
            ("/contact", "application/json", "{", 400, "malformed-body"),
        ] {
            let answer = stand.post(path, content_type, body);
            assert_eq!((answer.status, answer.problem()), (status, problem));
            assert_eq!(stand.line()["http.response.status_code"], status);
        }
        let answer = stand.get("/contact");
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "POST"));
        assert_eq!(stand.store.attempts().len(), 0);
    });
}

#[test]
fn an_audit_line_names_no_payload_and_no_address() {
    every_build(|stand| {
        stand.contact(&json!({"name": "canary-name", "email": "canary@customer.example", "message": "canary-text"}));
        stand.github(&issue(), Some(GITHUB_SECRET));
        for line in stand.lines() {
            assert!(!line.to_string().contains("canary"), "{line}");
        }
        let line = &stand.lines()[0];
        assert_eq!(line["mails"][1]["recipient_domains"], json!(["customer.example"]));
        let operation = line["mails"][0]["operation_id"].as_str().unwrap();
        assert!(stand.store.message(operation.parse().unwrap()).is_some(), "the line leads to the mail");
    });
}

#[test]
fn those_who_may_ask_are_told_how_an_operation_stands() {
    for (flavour, form) in builds() {
        println!("flavour {}, {form:?}", flavour.name());
        let config = Config { running_for: Duration::ZERO, ..Config::default() };
        let stand = Stand::with(flavour, form, Setup { config, ..Setup::default() });
        let sent = stand.github(&issue(), Some(GITHUB_SECRET));
        let id = &sent.body["mails"][0]["operation"];
        let ask = |id: &str, token: &str| {
            let request = Request::get(format!("{}/operations/{id}", stand.url));
            stand.call(request.header("authorization", format!("Bearer {token}")).body(Vec::new()).unwrap())
        };
        let told = ask(id.as_str().unwrap(), OPERATIONS_TOKEN);
        assert_eq!((told.status, told.body), (200, json!({"id": id, "status": "succeeded", "terminal": true})));
        let line = stand.line();
        assert_eq!((&line["verdict"], &line["inquiry"]["operation_id"]), (&json!("answered"), id));
        let unknown = ask("00000000-0000-4000-8000-000000000000", OPERATIONS_TOKEN);
        assert_eq!((unknown.status, unknown.problem()), (404, "unknown-operation"));
        let refused = ask(id.as_str().unwrap(), "another");
        assert_eq!((refused.status, refused.problem()), (401, "unauthenticated"));
    }
}
