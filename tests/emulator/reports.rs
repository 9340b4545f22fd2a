//! Delivery reports, pushed as Event Grid pushes them.

use std::thread;
use std::time::Duration;

use postern_emulator::{EventSchema, RETRY_AFTER, Report, ReportState, Webhook};
use serde_json::{Value, json};

use crate::lab::{ID, Lab, email, email_to, with};
use crate::webhook::{Asked, Hook, agree, status};

/// Shortens waits between attempts to nothing; the log has their real length.
fn lab(hook: &Hook, schema: EventSchema) -> Lab {
    let url = hook.url().parse().unwrap();
    Lab::with(|config| {
        let mut webhook = Webhook { schema, speed: u32::MAX, ..Webhook::new(url) };
        webhook.headers.insert("x-secret", "s3cret".parse().unwrap());
        config.reports = Some(webhook);
    })
}

/// Sends a mail, lets its operation end, and waits until its reports are delivered or dropped.
fn reported(lab: &Lab, email: &Value) -> Vec<Report> {
    let recipients = ["to", "cc", "bcc"].map(|list| email["recipients"][list].as_array().map_or(0, Vec::len));
    assert_eq!(lab.post(email).header("operation-id", ID).go().status, 202);
    lab.pass(1);
    loop {
        let reports = lab.store.reports_of(ID.parse().unwrap());
        let done = reports.iter().all(|report| report.state != ReportState::Waiting);
        if done && reports.len() == recipients.iter().sum::<usize>() {
            return reports;
        }
        thread::yield_now();
    }
}

fn statuses(report: &Report) -> Vec<Option<u16>> {
    report.pushes.iter().map(|push| push.status).collect()
}

#[test]
fn the_webhook_is_asked_first_and_then_told() {
    let hook = Hook::new(agree, &[]);
    let lab = lab(&hook, EventSchema::EventGrid);
    let reports = reported(&lab, &email());
    assert_eq!(reports[0].state, ReportState::Taken);
    let [handshake, event] = &hook.asked()[..] else { panic!("two requests") };

    assert_eq!(handshake.line, "POST /events?code=secret HTTP/1.1");
    assert_eq!(handshake.header("aeg-event-type"), Some("SubscriptionValidation"));
    let asked = &handshake.body[0];
    assert_eq!(asked["eventType"], "Microsoft.EventGrid.SubscriptionValidationEvent");
    let confirmation = format!("http://{}/api/reports/validate?code=", lab.address);
    assert!(asked["data"]["validationUrl"].as_str().unwrap().starts_with(&confirmation));

    assert_eq!(event.header("aeg-event-type"), Some("Notification"));
    assert_eq!(event.header("aeg-subscription-name"), Some("EMULATOR"));
    assert_eq!(event.header("aeg-delivery-count"), Some("0"));
    assert_eq!(event.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(event.header("x-secret"), Some("s3cret"));
    let message_id = lab.store.messages()[0].internet_message_id.clone();
    let topic = asked["topic"].clone();
    assert_eq!(
        event.body,
        json!([{
            "id": reports[0].id, "topic": topic,
            "subject": format!("sender/forms@contoso.example/message/{ID}"),
            "eventType": "Microsoft.Communication.EmailDeliveryReportReceived",
            "eventTime": "2026-03-03T07:05:10.0000000Z", "dataVersion": "1.0", "metadataVersion": "1",
            "data": {
                "sender": "forms@contoso.example", "recipient": "user@example.com", "messageId": ID,
                "internetMessageId": message_id, "status": "Delivered",
                "deliveryStatusDetails": {"statusMessage": "", "recipientMailServerHostName": "mx.example.com"},
                "deliveryAttemptTimestamp": "2026-03-03T07:05:10.0000000+00:00",
            },
        }])
    );
}

#[test]
fn cloud_events_have_their_own_handshake_and_form() {
    fn allow(asked: &Asked) -> String {
        assert_eq!(asked.header("webhook-request-origin"), Some("eventgrid.azure.net"));
        "HTTP/1.1 200 OK\r\nallow: GET, POST\r\nwebhook-allowed-origin: eventgrid.azure.net\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
            .to_owned()
    }
    let hook = Hook::new(allow, &[]);
    let lab = lab(&hook, EventSchema::CloudEvents);
    let reports = reported(&lab, &email_to("bounce@example.com"));
    let [handshake, event] = &hook.asked()[..] else { panic!("two requests") };
    assert_eq!(handshake.line, "OPTIONS /events?code=secret HTTP/1.1");
    assert_eq!(event.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    assert_eq!(event.body["specversion"], "1.0");
    assert_eq!(event.body["id"], json!(reports[0].id));
    assert_eq!(event.body["type"], "Microsoft.Communication.EmailDeliveryReportReceived");
    assert_eq!(event.body["time"], "2026-03-03T07:05:10.0000000Z");
    assert_eq!(event.body["data"]["status"], "Bounced");
    assert!(event.body["source"].as_str().unwrap().ends_with("/communicationServices/emulator"));
}

#[test]
fn each_recipient_has_a_report() {
    let hook = Hook::new(agree, &[]);
    let lab = lab(&hook, EventSchema::EventGrid);
    let recipients = json!({
        "to": [{"address": "user@example.com"}],
        "cc": [{"address": "quarantine@example.com"}],
        "bcc": [{"address": "spam@example.com"}],
    });
    let reports = reported(&lab, &with(email(), "/recipients", recipients));
    let mut told: Vec<_> =
        reports.iter().map(|report| (report.recipient.as_str(), format!("{:?}", report.status))).collect();
    told.sort();
    let expected = [
        ("quarantine@example.com", "Quarantined"),
        ("spam@example.com", "FilteredSpam"),
        ("user@example.com", "Delivered"),
    ];
    assert_eq!(told, expected.map(|(address, status)| (address, status.to_owned())));
    assert_eq!(hook.asked().len(), 4);
}

#[test]
fn an_event_is_pushed_again_by_the_schedule_until_it_is_taken() {
    let hook = Hook::new(agree, &[500, 404, 503, 204]);
    let lab = lab(&hook, EventSchema::EventGrid);
    let reports = reported(&lab, &email());
    assert_eq!(statuses(&reports[0]), [Some(500), Some(404), Some(503), Some(204)]);
    assert_eq!(reports[0].state, ReportState::Taken);
    let after: Vec<_> = reports[0].pushes.iter().map(|push| push.after.as_secs()).collect();
    assert_eq!(after, [0, 10, 40, 100]);
    let events: Vec<_> = hook.asked().into_iter().skip(1).collect();
    let counts: Vec<_> = events.iter().map(|event| event.header("aeg-delivery-count").unwrap()).collect();
    assert_eq!(counts, ["0", "1", "2", "3"]);
    assert!(events.iter().all(|event| event.body == events[0].body));
}

#[test]
fn some_answers_drop_an_event_at_once() {
    for refusal in [400, 401, 403, 413] {
        let hook = Hook::new(agree, &[refusal]);
        let lab = lab(&hook, EventSchema::EventGrid);
        let reports = reported(&lab, &email());
        assert_eq!((statuses(&reports[0]), reports[0].state), (vec![Some(refusal)], ReportState::Dropped));
    }
}

#[test]
fn after_a_day_an_event_is_dropped() {
    let hook = Hook::new(agree, &[500; 40]);
    let lab = lab(&hook, EventSchema::EventGrid);
    let reports = reported(&lab, &email());
    assert_eq!(reports[0].state, ReportState::Dropped);
    // Ten waits of the schedule add up to 22.8 hours; another twelve would be more than a day.
    assert_eq!(reports[0].pushes.len(), RETRY_AFTER.len() + 1);
    assert_eq!(reports[0].pushes.last().unwrap().after, RETRY_AFTER.iter().sum::<Duration>());
}

#[test]
fn nothing_is_pushed_before_the_handshake_succeeds() {
    fn wrong(_: &Asked) -> String {
        status(202)
    }
    let hook = Hook::new(wrong, &[]);
    let lab = lab(&hook, EventSchema::EventGrid);
    assert_eq!(lab.send(&email()).status, 202);
    lab.pass(1);
    while lab.store.webhook_complaints().len() < 3 {
        thread::yield_now();
    }
    let told = lab.own("GET", "/api/reports").json();
    assert_eq!(told["validated"], false);
    assert_eq!(told["reports"], json!([]));
    assert_eq!(told["complaints"][0], "the handshake returned status 202, not 200");

    // By hand, as Event Grid allows: whoever got the code opens the address that came with it.
    let asked = hook.asked();
    let url = asked[0].body[0]["data"]["validationUrl"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", lab.address)).unwrap();
    let other = "/api/reports/validate?code=8540c0de-899f-5cce-acb5-3ec493af3800";
    lab.own("GET", other).refused(404, "NotFound", "nothing at this address");
    assert_eq!(lab.own("GET", path).text, "The webhook is validated.");
    while lab.store.reports().first().is_none_or(|report| report.state == ReportState::Waiting) {
        thread::yield_now();
    }
    assert_eq!(lab.store.reports()[0].state, ReportState::Taken);
}

#[test]
fn a_report_waits_for_the_end_of_its_operation() {
    let hook = Hook::new(agree, &[]);
    let lab = lab(&hook, EventSchema::EventGrid);
    assert_eq!(lab.send(&email()).status, 202);
    while !lab.store.is_validated() {
        thread::yield_now();
    }
    assert!(lab.store.reports().is_empty());
    lab.pass(1);
    while lab.store.reports().is_empty() {
        thread::yield_now();
    }
}
