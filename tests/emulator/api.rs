//! The emulator's own JSON.

use serde_json::{Value, json};

use crate::lab::{ID, Lab, email, email_about};

#[test]
fn messages_are_listed_newest_first() {
    let lab = Lab::new();
    let nothing = json!({
        "total": 0, "matching": 0, "messages": [], "senders": [], "routes": [], "purposes": [],
    });
    assert_eq!(lab.own("GET", "/api/messages").json(), nothing);
    for subject in ["first", "second", "third"] {
        lab.sent(&email_about(subject));
    }
    let page = lab.own("GET", "/api/messages").json();
    let subjects: Vec<_> = page["messages"].as_array().unwrap().iter().map(|one| &one["subject"]).collect();
    assert_eq!(subjects, ["third", "second", "first"]);
    let newest = lab.own("GET", "/api/messages?limit=1").json();
    assert_eq!(newest["total"], 3);
    assert_eq!(newest["messages"].as_array().unwrap().len(), 1);
    assert_eq!(newest["messages"][0]["subject"], "third");
}

#[test]
fn a_summary_has_what_a_list_needs() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    let summary = json!({
        "id": id,
        "receivedAt": "2026-03-03T07:05:09.000Z",
        "sender": "forms@contoso.example",
        "to": [{"address": "user@example.com"}],
        "cc": [],
        "bcc": [],
        "subject": "Hello",
        "attachments": 0,
        "apiVersion": "2025-09-01",
        "status": "Running",
        "route": null,
        "mail": null,
        "purpose": null,
    });
    assert_eq!(lab.own("GET", "/api/messages").json()["messages"], json!([summary]));
    assert_eq!(lab.own("GET", &format!("/api/messages/{id}")).json()["summary"], summary);
}

#[test]
fn a_message_has_everything_but_the_authorization() {
    let lab = Lab::new();
    let call = lab.post(&email()).header("operation-id", ID);
    let secret = call.signature()[3].1.clone();
    assert_eq!(call.clone().go().status, 202);
    assert_eq!(call.go().status, 202);
    let answer = lab.own("GET", &format!("/api/messages/{ID}"));
    let details = answer.json();
    assert_eq!(details["message"]["content"], json!({"subject": "Hello", "plainText": "Hi"}));
    assert_eq!(details["attempts"], 2);
    let request = &details["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["target"], "/emails:send?api-version=2025-09-01");
    assert_eq!(request["body"], email().to_string());
    let headers = request["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["operation-id", ID])));
    assert!(headers.contains(&json!(["host", lab.address.to_string()])));
    assert!(!answer.text.to_lowercase().contains("\"authorization\""));
    assert!(!answer.text.contains(&secret));
    let message = lab.store.messages().remove(0);
    assert!(!format!("{message:?}").contains("HMAC-SHA256"));
}

#[test]
fn an_unknown_message_is_not_found() {
    let lab = Lab::new();
    for id in [ID, "x"] {
        lab.own("GET", &format!("/api/messages/{id}")).refused(404, "NotFound", "nothing at this address");
        lab.own("GET", &format!("/api/messages/{id}/html")).refused(404, "NotFound", "nothing at this address");
    }
}

#[test]
fn deleting_forgets_messages_operations_and_attempts() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    assert_eq!(lab.own("DELETE", "/api/messages").status, 204);
    assert_eq!(lab.own("GET", "/api/messages").json()["total"], 0);
    assert_eq!(lab.own("GET", "/api/attempts").json(), json!({"total": 0, "attempts": []}));
    assert_eq!(lab.status(&id).status, 404);
}

#[test]
fn every_send_is_an_attempt() {
    let lab = Lab::new();
    let call = || lab.post(&email()).header("operation-id", ID).header("x-ms-client-request-id", "r-1");
    assert_eq!(call().go().status, 202);
    assert_eq!(call().key("AAAA").go().status, 401);
    let page = lab.own("GET", "/api/attempts").json();
    let attempt = |number: u32, status: u16, code: Value| {
        json!({
            "number": number, "at": "2026-03-03T07:05:09.000Z", "operationId": ID, "clientRequestId": "r-1",
            "status": status, "code": code, "fault": null,
        })
    };
    let expected = [attempt(2, 401, json!("Denied")), attempt(1, 202, Value::Null)];
    assert_eq!(page, json!({"total": 2, "attempts": expected}));
}

#[test]
fn an_attempt_without_an_id_gets_the_one_it_was_given() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    assert_eq!(lab.own("GET", "/api/attempts").json()["attempts"][0]["operationId"], id);
}

#[test]
fn the_oldest_messages_make_room() {
    let lab = Lab::with(|config| config.max_messages = 2);
    let first = lab.sent(&email_about("first"));
    for subject in ["second", "third"] {
        lab.sent(&email_about(subject));
    }
    assert_eq!(lab.subjects(), ["third", "second"]);
    assert_eq!(lab.status(&first).status, 404);
}

#[test]
fn large_messages_make_room_sooner() {
    let lab = Lab::with(|config| config.max_stored_bytes = 40_000);
    let large = crate::lab::with(email(), "/content/plainText", json!("x".repeat(9_000)));
    lab.sent(&email_about("first"));
    lab.sent(&large);
    assert_eq!(lab.subjects(), ["Hello", "first"]);
    lab.sent(&large);
    assert_eq!(lab.subjects(), ["Hello"]);
}
