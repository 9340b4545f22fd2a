//! Searching and selecting messages, and waiting for new ones.

use serde_json::{Value, json};

use crate::lab::{Lab, email, email_about, email_to, with};

fn subjects(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect()
}

fn audit(id: &str) -> String {
    json!({
        "time": "2026-03-03T07:05:09.000Z", "route": "contact", "verdict": "sent", "status": 200,
        "mails": [{"mail": "contact-notify", "purpose": "notification", "operation_id": id, "outcome": "accepted"}],
    })
    .to_string()
}

#[test]
fn every_word_must_stand_somewhere_in_the_message() {
    let lab = Lab::new();
    lab.sent(&with(email_about("Invoice 17"), "/content/plainText", json!("Grüße aus Köln")));
    lab.sent(&with(email_about("Receipt"), "/content/html", json!("<p>An invoice</p>")));
    lab.sent(&with(email_to("Anna@example.com"), "/recipients/to/0/displayName", json!("Anna Weiß")));
    for (search, found) in [
        ("invoice", vec!["Receipt", "Invoice 17"]),
        ("INVOICE+17", vec!["Invoice 17"]),
        ("gr%C3%BCsse", vec![]),
        ("K%C3%96LN", vec!["Invoice 17"]),
        ("anna", vec!["Hello"]),
        ("wei%C3%9F", vec!["Hello"]),
        ("forms@", vec!["Hello", "Receipt", "Invoice 17"]),
        ("nobody", vec![]),
    ] {
        let page = lab.own("GET", &format!("/api/messages?search={search}")).json();
        assert_eq!(subjects(&page), found, "{search}");
        assert_eq!((&page["total"], &page["matching"]), (&json!(3), &json!(found.len())));
    }
}

#[test]
fn messages_are_chosen_by_sender_and_status() {
    let lab = Lab::new();
    lab.sent(&email_about("done"));
    lab.sent(&with(email_to("suppressed@example.com"), "/content/subject", json!("failed")));
    lab.pass(1);
    lab.sent(&with(email_about("running"), "/senderAddress", json!("alerts@contoso.example")));
    for (query, found) in [
        ("status=Running", ["running"]),
        ("status=Succeeded", ["done"]),
        ("status=Failed", ["failed"]),
        ("sender=alerts@contoso.example", ["running"]),
    ] {
        let page = lab.own("GET", &format!("/api/messages?{query}")).json();
        assert_eq!(subjects(&page), found, "{query}");
        assert_eq!(page["senders"], json!(["alerts@contoso.example", "forms@contoso.example"]));
    }
    lab.own("GET", "/api/messages?status=Sent").refused(400, "BadRequest", "unknown variant `Sent`");
}

#[test]
fn a_long_list_is_read_page_by_page() {
    let lab = Lab::new();
    for number in 1..=5 {
        lab.sent(&email_about(&format!("Mail {number}")));
    }
    for (query, found) in [
        ("limit=2", vec!["Mail 5", "Mail 4"]),
        ("limit=2&offset=2", vec!["Mail 3", "Mail 2"]),
        ("limit=2&offset=4", vec!["Mail 1"]),
        ("limit=2&offset=6", vec![]),
        ("offset=3", vec!["Mail 2", "Mail 1"]),
        ("limit=1&offset=1&search=mail", vec!["Mail 4"]),
    ] {
        let page = lab.own("GET", &format!("/api/messages?{query}")).json();
        assert_eq!(subjects(&page), found, "{query}");
        assert_eq!(page["matching"], 5);
    }
}

#[test]
fn the_gates_audit_line_stands_beside_its_messages() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    lab.sent(&email_about("another"));
    let line = audit(&id);
    lab.store.audit("no JSON");
    lab.store.audit("{}");
    lab.store.audit(&line);
    let page = lab.own("GET", "/api/messages?route=contact&purpose=notification").json();
    assert_eq!(subjects(&page), ["Hello"]);
    assert_eq!((&page["routes"], &page["purposes"]), (&json!(["contact"]), &json!(["notification"])));
    assert_eq!(page["messages"][0]["mail"], "contact-notify");
    let details = lab.own("GET", &format!("/api/messages/{id}")).json();
    assert_eq!(details["audit"], serde_json::from_str::<Value>(&line).unwrap());
}

#[test]
fn whoever_waits_hears_of_the_next_change() {
    let lab = Lab::new();
    let revision = lab.own("GET", "/api/changes?after=0").json()["revision"].as_u64().unwrap();
    let waiting = |after: u64| lab.own("GET", &format!("/api/changes?after={after}")).json()["revision"].as_u64();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| waiting(revision));
        lab.sent(&email());
        assert!(waiter.join().unwrap().unwrap() > revision);
    });
    // What happened before the request is reported at once.
    assert!(waiting(revision).unwrap() > revision);
}
