//! The header names that ACS reserves.

use serde_json::{Value, json};

use crate::lab::{Lab, email, with};

const DUPLICATES: &str = "x-ms-acsemail-ignore-duplicate-content-id";
const INVALID: &str = "x-ms-acsemail-suppress-invalid-attachment";
const MESSAGE_ID: &str = "x-ms-acsemail-validate-message-id";

fn file(name: &str, base64: &str, content_id: &str) -> Value {
    json!({"name": name, "contentType": "text/plain", "contentInBase64": base64, "contentId": content_id})
}

fn mail(attachments: Value, headers: Value) -> Value {
    with(with(email(), "/attachments", attachments), "/headers", headers)
}

#[test]
fn duplicate_content_ids_are_refused_unless_ignored() {
    let lab = Lab::new();
    let files = json!([file("a", "", "logo"), file("b", "", "logo")]);
    for headers in [json!({}), json!({DUPLICATES: "false"})] {
        lab.send(&mail(files.clone(), headers)).refused(400, "BadRequest", "`attachments[1].contentId`");
    }
    assert!(lab.store.messages().is_empty());
    assert_eq!(lab.send(&mail(files, json!({DUPLICATES: "true"}))).status, 202);
}

#[test]
fn invalid_attachments_are_dropped_on_request() {
    let lab = Lab::new();
    let files = json!([file("bad", "?", "a"), file("good", "aGk=", "b")]);
    lab.send(&mail(files.clone(), json!({}))).refused(400, "BadRequest", "`attachments[0].contentInBase64`");
    assert!(lab.store.messages().is_empty());
    assert_eq!(lab.send(&mail(files, json!({INVALID: "true"}))).status, 202);
    let messages = lab.store.messages();
    let kept = messages[0].email.attachments.as_deref().unwrap();
    assert_eq!(kept.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["good"]);
}

#[test]
fn a_message_id_is_kept_when_well_formed_and_replaced_when_not() {
    let lab = Lab::new();
    lab.sent(&mail(json!([]), json!({"Message-ID": "<1@contoso.example>"})));
    lab.sent(&mail(json!([]), json!({"Message-ID": "<1@contoso.example>"})));
    lab.sent(&mail(json!([]), json!({"Message-ID": "nonsense"})));
    lab.sent(&email());
    let messages = lab.store.messages();
    // Without the check, a Message-ID may repeat.
    assert_eq!(messages[2].internet_message_id, "<1@contoso.example>");
    assert_eq!(messages[3].internet_message_id, "<1@contoso.example>");
    for message in &messages[..2] {
        let id = &message.internet_message_id;
        assert!(id.starts_with('<') && id.ends_with("@contoso.example>"), "{id}");
    }
}

#[test]
fn a_checked_message_id_must_be_well_formed_and_new() {
    let lab = Lab::new();
    let checked = |id: &str| lab.send(&mail(json!([]), json!({"Message-Id": id, MESSAGE_ID: "true"})));
    for bad in ["nonsense", "<>", "<a@>", "<@b>", "<a@b@c>", "<a b@c>", "a@b"] {
        checked(bad).refused(400, "BadRequest", "`headers.Message-ID`: not of the form");
    }
    assert!(lab.store.messages().is_empty());
    assert_eq!(checked("<1@contoso.example>").status, 202);
    checked("<1@contoso.example>").refused(400, "BadRequest", "the Message-ID was used before");
    assert_eq!(lab.store.messages().len(), 1);
}
