//! What becomes of an accepted mail.

use std::time::Duration;

use postern_emulator::{DeliveryStatus, Effect, Fault, Uuid};
use serde_json::{Value, json};

use crate::lab::{ID, Lab, email, email_about, email_to, with};

const HOUR: u64 = 60 * 60;

fn slow_lab() -> Lab {
    Lab::with(|config| config.running_for = Duration::from_secs(30))
}

fn fates(lab: &Lab, id: &str) -> Vec<DeliveryStatus> {
    let message = lab.store.message(Uuid::parse_str(id).unwrap()).unwrap();
    message.deliveries.iter().map(|delivery| delivery.status).collect()
}

#[test]
fn an_operation_runs_and_then_succeeds() {
    let lab = slow_lab();
    let sent = lab.send(&email());
    assert_eq!(sent.header("retry-after"), Some("30"));
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    lab.pass(12);
    let running = lab.status(&id);
    assert_eq!(running.status, 200);
    assert_eq!(running.json(), json!({"id": id, "status": "Running", "error": null}));
    assert_eq!(running.header("retry-after"), Some("18"));
    lab.pass(18);
    let done = lab.status(&id);
    assert_eq!(done.json(), json!({"id": id, "status": "Succeeded", "error": null}));
    assert_eq!(done.header("retry-after"), None);
}

#[test]
fn an_unknown_operation_is_not_found() {
    let lab = Lab::new();
    for id in [ID, "1", "%20"] {
        lab.status(id).refused(404, "NotFound", "The operation was not found.");
    }
}

#[test]
fn an_operation_can_be_made_to_fail() {
    let lab = slow_lab();
    lab.store.fault(Fault::next(Effect::FailOperation { code: "EmailDropped".to_owned() }));
    let id = lab.sent(&email());
    assert_eq!(lab.status(&id).json()["status"], "Running");
    assert_eq!(lab.status(&id).json()["error"], Value::Null);
    lab.pass(30);
    let failed = lab.status(&id);
    assert_eq!(failed.status, 200);
    assert_eq!(failed.json()["status"], "Failed");
    assert_eq!(failed.json()["error"]["code"], "EmailDropped");
    assert!(failed.json()["error"]["message"].is_string());
}

#[test]
fn addresses_choose_their_fate() {
    let lab = Lab::new();
    for (address, fate) in [
        ("user@example.com", DeliveryStatus::Delivered),
        ("bounce@example.com", DeliveryStatus::Bounced),
        ("bounce+1@example.com", DeliveryStatus::Bounced),
        ("bouncer@example.com", DeliveryStatus::Delivered),
        ("suppressed@example.com", DeliveryStatus::Suppressed),
        ("quarantine@example.com", DeliveryStatus::Quarantined),
        ("spam@example.com", DeliveryStatus::FilteredSpam),
    ] {
        let id = lab.sent(&email_to(address));
        assert_eq!(fates(&lab, &id), [fate], "{address}");
    }
}

#[test]
fn a_slow_address_takes_a_minute_longer() {
    let lab = slow_lab();
    let sent = lab.send(&email_to("slow@example.com"));
    assert_eq!(sent.header("retry-after"), Some("90"));
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    lab.pass(89);
    assert_eq!(lab.status(&id).json()["status"], "Running");
    lab.pass(1);
    assert_eq!(lab.status(&id).json()["status"], "Succeeded");
}

#[test]
fn a_mail_whose_recipients_are_all_suppressed_fails() {
    let lab = Lab::new();
    let id = lab.sent(&email_to("suppressed@example.com"));
    lab.pass(1);
    let error = lab.status(&id).json()["error"].clone();
    assert_eq!(error["code"], "EmailDroppedAllRecipientsSuppressed");
    let half = with(email_to("suppressed@example.com"), "/recipients/cc", json!([{"address": "user@example.com"}]));
    let id = lab.sent(&half);
    lab.pass(1);
    assert_eq!(lab.status(&id).json()["status"], "Succeeded");
    assert_eq!(fates(&lab, &id), [DeliveryStatus::Suppressed, DeliveryStatus::Delivered]);
}

#[test]
fn a_bounced_address_is_suppressed_for_longer_each_time() {
    let lab = Lab::new();
    let lease = |hours: u64| {
        lab.pass(1);
        let first = lab.store.suppressions().pop().unwrap();
        assert_eq!(first.until.duration_since(lab.now()).unwrap().as_secs(), hours * HOUR - 1);
    };
    lab.sent(&email_to("bounce@example.com"));
    lease(24);
    for hours in [48, 96, 7 * 24, 14 * 24, 14 * 24] {
        let id = lab.sent(&email_to("Bounce@Example.com"));
        assert_eq!(fates(&lab, &id), [DeliveryStatus::Suppressed]);
        lease(hours);
    }
    lab.pass(14 * 24 * HOUR);
    assert!(lab.store.suppressions().is_empty());
    let id = lab.sent(&email_to("bounce@example.com"));
    assert_eq!(fates(&lab, &id), [DeliveryStatus::Bounced]);
}

#[test]
fn the_suppression_list_can_be_seen_filled_and_emptied() {
    let lab = Lab::new();
    let address = json!({"address": "User@Example.com"});
    assert_eq!(lab.own_post("/api/suppressions", &address).status, 204);
    for (bad, part) in [(json!({"address": "user"}), "`address`"), (json!({"email": "user@example.com"}), "email")] {
        lab.own_post("/api/suppressions", &bad).refused(400, "BadRequest", part);
    }
    let listed = json!({"suppressions": [
        {"address": "user@example.com", "until": "2026-03-04T07:05:09.000Z", "strikes": 1},
    ]});
    assert_eq!(lab.own("GET", "/api/suppressions").json(), listed);
    let id = lab.sent(&email_to("user@example.com"));
    assert_eq!(fates(&lab, &id), [DeliveryStatus::Suppressed]);
    assert_eq!(lab.own("DELETE", "/api/suppressions").status, 204);
    assert_eq!(lab.own("GET", "/api/suppressions").json(), json!({"suppressions": []}));
    let id = lab.sent(&email_to("user@example.com"));
    assert_eq!(fates(&lab, &id), [DeliveryStatus::Delivered]);
}

#[test]
fn deliveries_and_timeline_show_only_what_has_happened() {
    let lab = slow_lab();
    let id = lab.sent(&email_about("Timeline"));
    let path = format!("/api/messages/{id}");
    let running = lab.own("GET", &path).json();
    assert_eq!(running["deliveries"], Value::Null);
    let start = json!({"at": "2026-03-03T07:05:09.000Z", "status": "Running"});
    assert_eq!(running["operation"]["timeline"], json!([start]));
    lab.pass(30);
    let done = lab.own("GET", &path).json();
    assert_eq!(done["deliveries"], json!([{"recipient": "user@example.com", "status": "Delivered"}]));
    let end = json!({"at": "2026-03-03T07:05:39.000Z", "status": "Succeeded"});
    assert_eq!(done["operation"]["timeline"], json!([start, end]));
}
