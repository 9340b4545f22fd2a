//! Envelopes, batches, handshakes and forms of systems, through the gate's public interface.

use bytes::Bytes;
use http::Request;
use postern::decode::MAX_EVENTS;
use postern::policy::Policy;
use serde_json::{Value, json};

use crate::contracts::{ailing, hook, host, request};
use crate::support::*;

const BEARER: &str = "auth = { scheme = \"bearer\", secret = \"hook_secret\" }";

fn enveloped(envelope: &str) -> postern::gate::Gate {
    gate(&hook(&format!("{BEARER}\n        envelope = \"{envelope}\"")))
}

/// The example of structured mode in the specification, with a text as its data.
fn cloudevent() -> Value {
    json!({
        "specversion": "1.0",
        "type": "com.example.someevent",
        "source": "/mycontext/4",
        "id": "B234-1234-1234",
        "time": "2018-04-05T17:31:00Z",
        "subject": "Zürich 100%",
        "comexampleextension1": "value",
        "datacontenttype": "application/json",
        "data": { "text": "hello" }
    })
}

fn of_type(content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = request(body);
    request.headers_mut().insert("content-type", content_type.parse().unwrap());
    request
}

fn structured(event: &Value) -> Request<Bytes> {
    of_type("application/cloudevents+json; charset=UTF-8", event.to_string())
}

fn binary(headers: &[(&'static str, &str)], body: &str) -> Request<Bytes> {
    let mut request = of_type("application/json", body.to_owned());
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

const BINARY: [(&str, &str); 5] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-source", "/mycontext/4"),
    ("ce-id", "B234-1234-1234"),
    ("ce-subject", "Z%C3%BCrich 100%25"),
];

#[tokio::test]
async fn all_forms_of_a_cloudevent_become_the_same_mail() {
    let gate = enveloped("cloudevents");
    let batch = of_type("application/cloudevents-batch+json", json!([cloudevent()]).to_string());
    let mut sent = Vec::new();
    for request in [structured(&cloudevent()), binary(&BINARY, r#"{"text": "hello"}"#), batch] {
        let host = host([]);
        assert_eq!(call(&gate, &host, request).await.status(), 200);
        let line = host.line();
        assert_eq!(line["event_id"], "/mycontext/4 B234-1234-1234");
        sent.push((host.operations(), host.sent()));
    }
    assert_eq!(sent[0].1[0]["content"]["subject"], "Event Zürich 100%");
    assert_eq!(sent[0].1[0]["content"]["plainText"], "hello");
    assert!(sent.iter().all(|other| *other == sent[0]));
}

#[tokio::test]
async fn a_binary_event_without_data_needs_no_body() {
    let host = host([]);
    let mut request = binary(&BINARY, "");
    request.headers_mut().remove("content-type");
    assert_eq!(call(&enveloped("cloudevents"), &host, request).await.status(), 200);
    assert_eq!(host.sent()[0]["content"]["plainText"], "");
}

#[tokio::test]
async fn what_is_no_cloudevent_is_refused() {
    let gate = enveloped("cloudevents");
    let without = |name: &str| {
        let mut event = cloudevent();
        event.as_object_mut().unwrap().remove(name);
        structured(&event)
    };
    let with = |name: &str, value: Value| {
        let mut event = cloudevent();
        event[name] = value;
        structured(&event)
    };
    let binary = |extra: (&'static str, &str)| binary(&[&BINARY[..], &[extra]].concat(), "{}");
    for (request, detail) in [
        (without("id"), "An event has no valid `id`."),
        (without("source"), "An event has no valid `source`."),
        (without("type"), "An event has no valid `type`."),
        (with("specversion", json!("0.3")), "An event has no valid `specversion`."),
        (with("id", json!("")), "An event has no valid `id`."),
        (with("id", json!(7)), "An event has no valid `id`."),
        (of_type("application/json", "{}"), "An event has no valid `specversion`."),
        (of_type("application/cloudevents+json", "[]"), "The body must be a JSON object."),
        (of_type("application/cloudevents-batch+json", "{}"), "The body must be a JSON list of events."),
        (of_type("application/cloudevents-batch+json", "[1]"), "The body must be a JSON object."),
        (binary(("ce-id", "again")), "The event's attributes cannot be read from the headers."),
        (binary(("ce-data", "{}")), "The event's attributes cannot be read from the headers."),
        (binary(("ce-a-b", "x")), "The event's attributes cannot be read from the headers."),
        (binary(("ce-note", "%FF")), "The body is not UTF-8 text."),
    ] {
        let host = host([]);
        let response = call(&gate, &host, request).await;
        assert_eq!((response.status().as_u16(), body(&response)["detail"].as_str().unwrap()), (400, detail));
        assert_eq!(host.sent().len(), 0);
    }
}

fn grid(id: usize) -> Value {
    json!({
        "id": format!("e-{id}"),
        "topic": "/subscriptions/1",
        "subject": format!("number {id}"),
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-03-03T07:05:09Z",
        "dataVersion": "1",
        "metadataVersion": "1",
        "data": { "text": "hello" }
    })
}

#[tokio::test]
async fn a_batch_is_handled_event_by_event() {
    let host = host([]);
    let mut quiet = grid(2);
    quiet["quiet"] = json!(true);
    let response = call(&enveloped("event-grid"), &host, request(json!([grid(1), quiet, grid(3)]).to_string())).await;
    assert_eq!((response.status().as_u16(), body(&response)["sent"].as_u64()), (200, Some(2)));
    let lines = host.lines.borrow();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["event_id"].as_str().unwrap(), &line["batch"], line["verdict"].as_str().unwrap()))
        .collect();
    let place = |event| json!({"event": event, "of": 3});
    assert_eq!(told, [("e-1", &place(1), "sent"), ("e-2", &place(2), "ignored"), ("e-3", &place(3), "sent")]);
    let subjects: Vec<_> = host.sent().iter().map(|mail| mail["content"]["subject"].clone()).collect();
    assert_eq!(subjects, ["Event number 1", "Event number 3"]);
}

#[tokio::test]
async fn an_event_that_will_never_do_does_not_hold_up_the_others() {
    let host = host([]);
    let mut bad = grid(1);
    bad["bad"] = json!("canary-value");
    let response = call(&enveloped("event-grid"), &host, request(json!([bad, grid(2)]).to_string())).await;
    let problem = body(&response);
    assert_eq!((response.status().as_u16(), &problem["sent"]), (400, &json!(1)));
    assert_eq!(
        problem["refused"],
        json!([{
            "event": 1,
            "type": "urn:postern:problem:invalid-payload",
            "detail": "One field is invalid.",
            "errors": [{"pointer": "/bad", "keyword": "falseSchema", "detail": "This must not be present."}],
        }])
    );
    assert!(!problem.to_string().contains("canary"));
    let lines = host.lines.borrow();
    assert_eq!(lines.iter().map(|line| line["verdict"].as_str().unwrap()).collect::<Vec<_>>(), ["refused", "sent"]);
}

#[tokio::test]
async fn trouble_brings_the_whole_batch_back_and_what_was_accepted_keeps_its_operation() {
    let gate = enveloped("event-grid");
    let all = || request(json!([grid(1), grid(2), grid(3)]).to_string());
    let calm = host([]);
    call(&gate, &calm, all()).await;
    let ids = calm.operations();
    let troubled = ailing(refusal(429, "TooManyRequests"));
    troubled.answers.borrow_mut().push_back(accepted(&ids[0]));
    let response = call(&gate, &troubled, all()).await;
    let problem = body(&response);
    assert_eq!((response.status().as_u16(), &problem["sent"]), (503, &json!(1)));
    let outcomes: Vec<_> = problem["mails"].as_array().unwrap().iter().map(|mail| mail["status"].clone()).collect();
    assert_eq!(outcomes, ["accepted", "throttled", "not-attempted"]);
    let again = host([]);
    assert_eq!(call(&gate, &again, all()).await.status(), 200);
    assert_eq!(again.operations(), ids);
    // A problem that time will fix takes precedence over an event that can never succeed.
    let mut bad = grid(9);
    bad["bad"] = json!(1);
    let troubled = ailing(refusal(503, "E"));
    let response = call(&gate, &troubled, request(json!([bad, grid(1)]).to_string())).await;
    assert_eq!(response.status(), 503);
}

#[tokio::test]
async fn the_number_of_events_is_limited_exactly_and_none_is_fine() {
    let gate = enveloped("list");
    for (count, status, lines) in [(0, 200, 1), (MAX_EVENTS, 200, MAX_EVENTS), (MAX_EVENTS + 1, 400, 1)] {
        let host = host([]);
        let events: Vec<_> = (0..count).map(|_| json!({"quiet": true})).collect();
        let response = call(&gate, &host, request(json!(events).to_string())).await;
        assert_eq!((response.status().as_u16(), host.lines.borrow().len()), (status, lines), "{count}");
    }
}

#[tokio::test]
async fn events_of_a_list_without_ids_are_told_apart_by_their_place() {
    let host = host([]);
    let mut request = request(json!([{}, {}]).to_string());
    request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
    call(&enveloped("list"), &host, request).await;
    let ids: Vec<_> = host.lines.borrow().iter().map(|line| line["event_id"].clone()).collect();
    assert_eq!(ids, ["k#0", "k#1"]);
    assert_ne!(host.operations()[0], host.operations()[1]);
}

fn validation() -> Value {
    // learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
    json!([{
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        "subject": "",
        "data": {
            "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
            "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/x/validate?id=1&t=2&apiVersion=2018-05-01-preview&token=A"
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2018-01-25T22:12:19.4556811Z",
        "metadataVersion": "1",
        "dataVersion": "1"
    }])
}

fn asking(subscription: &str) -> Request<Bytes> {
    let mut request = request(validation().to_string());
    request.headers_mut().insert("aeg-event-type", "SubscriptionValidation".parse().unwrap());
    request.headers_mut().insert("aeg-subscription-name", subscription.parse().unwrap());
    request
}

const GRID: &str = "envelope = \"event-grid\"\n        handshake = ";

#[tokio::test]
async fn event_grid_s_question_is_answered_where_the_route_says_so() {
    let code = json!({"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"});
    let named = "{ protocol = \"event-grid\", subscription = \"mail-alerts\" }";
    let mut forged = asking("MAIL-ALERTS");
    forged.headers_mut().insert("authorization", "Bearer other".parse().unwrap());
    let mut unmarked = asking("MAIL-ALERTS");
    unmarked.headers_mut().remove("aeg-event-type");
    for (handshake, request, expected) in [
        ("\"event-grid\"", asking("ANY"), Ok(&code)),
        (named, asking("MAIL-ALERTS"), Ok(&code)),
        (named, asking("OTHER"), Err((403, "handshake-refused: unexpected-subscription"))),
        (named, unmarked, Err((403, "handshake-refused: malformed-handshake"))),
        (named, forged, Err((401, "unauthenticated: wrong-secret"))),
    ] {
        let host = host([]);
        let gate = gate(&hook(&format!("{BEARER}\n        {GRID}{handshake}")));
        let response = call(&gate, &host, request).await;
        match expected {
            Ok(answer) => {
                assert_eq!((response.status().as_u16(), &body(&response)), (200, answer));
                assert_eq!(host.line()["verdict"], "handshake");
            }
            Err((status, reason)) => {
                assert_eq!(response.status(), status);
                assert_eq!(host.line()["reason"], reason);
            }
        }
        assert_eq!(host.requests.borrow().len(), 0);
    }
    // Without `handshake`, it is an ordinary event, and becomes a mail here.
    let host = host([]);
    let response = call(&enveloped("event-grid"), &host, asking("ANY")).await;
    assert_eq!(body(&response).get("validationResponse"), None);
}

fn options(origin: Option<&str>) -> Request<Bytes> {
    let request = Request::options("/hook").header("webhook-request-callback", "https://evil.example/");
    let request = request.header("webhook-request-rate", "120");
    let request = origin
        .map_or(request.method("OPTIONS"), |origin| Request::options("/hook").header("webhook-request-origin", origin));
    request.body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn cloudevents_question_by_options_is_answered_where_the_route_says_so() {
    let cloudevents = "envelope = \"cloudevents\"";
    let other = "handshake = { protocol = \"cloudevents\", origin = \"events.contoso.example\" }";
    for (handshake, origin, expected) in [
        ("handshake = \"cloudevents\"", Some("eventgrid.azure.net"), Ok("eventgrid.azure.net")),
        (other, Some("events.contoso.example"), Ok("events.contoso.example")),
        (other, Some("eventgrid.azure.net"), Err((403, "handshake-refused: unexpected-origin"))),
        ("handshake = \"cloudevents\"", None, Err((403, "handshake-refused: malformed-handshake"))),
        ("", Some("eventgrid.azure.net"), Err((405, "method-not-allowed"))),
    ] {
        let host = host([]);
        let gate = gate(&hook(&format!("{BEARER}\n        {cloudevents}\n        {handshake}")));
        let response = call(&gate, &host, options(origin)).await;
        match expected {
            Ok(origin) => {
                assert_eq!(response.status(), 200);
                let header = |name: &str| response.headers()[name].to_str().unwrap();
                assert_eq!(header("webhook-allowed-origin"), origin);
                assert_eq!((header("webhook-allowed-rate"), header("allow")), ("*", "POST"));
            }
            Err((status, reason)) => {
                assert_eq!(response.status(), status);
                assert_eq!(host.line()["reason"], reason);
            }
        }
        assert_eq!(host.requests.borrow().len(), 0, "no callback");
    }
}

const SLACK: &str = "auth = { scheme = \"slack\", secret = \"hook_secret\" }\n        handshake = \"slack\"";

fn slack(content_type: &str, body: &str) -> Request<Bytes> {
    let policy = Policy::load(&hook(SLACK)).unwrap();
    let proof = &policy.route("/hook").unwrap().auth.as_ref().unwrap().scheme;
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW);
    let made = postern::auth::sign(proof, "s3cret", "1", now, false, body.as_bytes()).unwrap();
    let mut request = post("/hook", content_type, body.to_owned());
    for (name, value) in made.headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn slack_s_challenge_is_given_back() {
    let challenge = r#"{"token": "Jhj5", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"}"#;
    let host = host([]);
    let response = call(&gate(&hook(SLACK)), &host, slack("application/json", challenge)).await;
    assert_eq!(body(&response), json!({"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}));
    assert_eq!(host.line()["verdict"], "handshake");
    let host = self::host([]);
    let mut forged = slack("application/json", challenge);
    *forged.body_mut() = challenge.replace("Jhj5", "Jhj6").into();
    assert_eq!(call(&gate(&hook(SLACK)), &host, forged).await.status(), 401);
}

#[tokio::test]
async fn forms_of_systems_are_decoded_after_their_signature_is_checked() {
    let form = "application/x-www-form-urlencoded";
    for (text, subject) in [
        ("subject=A+b%26c&team_id=T1", "Event A b&c"),
        ("payload=%7B%22subject%22%3A%22from+JSON%22%7D", "Event from JSON"),
        ("payload=plain&subject=x", "Event x"),
    ] {
        let host = host([]);
        let response = call(&gate(&hook(SLACK)), &host, slack(form, text)).await;
        assert_eq!(response.status(), 200, "{}", body(&response));
        assert_eq!(host.sent()[0]["content"]["subject"], subject);
    }
    let host = host([]);
    let response = call(&gate(&hook(SLACK)), &host, slack(form, "payload=%7B")).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (400, "malformed-body"));
    // For a caller that does not send forms, the gate decodes none.
    let host = self::host([]);
    let mut request = request("a=b");
    request.headers_mut().insert("content-type", form.parse().unwrap());
    assert_eq!(call(&gate(&hook(BEARER)), &host, request).await.status(), 415);
}

#[test]
fn envelopes_and_handshakes_that_make_no_sense_are_told_with_their_line() {
    for (lines, expected) in [
        (
            "envelope = \"cloudevent\"",
            "unknown variant `cloudevent`, expected one of `cloudevents`, `event-grid`, `list`.",
        ),
        ("handshake = \"slack\"", "This handshake does not fit the route."),
        ("handshake = \"event-grid\"", "This handshake does not fit the route."),
        ("handshake = \"grid\"", "unknown variant `grid`, expected one of `event-grid`, `cloudevents`, `slack`."),
        ("envelope = \"event-grid\"\nhandshake = \"cloudevents\"", "This handshake does not fit the route."),
        (
            "envelope = \"event-grid\"\nhandshake = { protocol = \"event-grid\", origin = \"a\" }",
            "`origin` is for the handshake `cloudevents`.",
        ),
        (
            "envelope = \"cloudevents\"\nhandshake = { protocol = \"cloudevents\", subscription = \"a\" }",
            "`subscription` is for the handshake `event-grid`.",
        ),
        (
            "envelope = \"cloudevents\"\nhandshake = { protocol = \"cloudevents\", origin = \"a b\" }",
            "`a b` is not the origin of a sender.",
        ),
    ] {
        let files = hook(&format!("{BEARER}\n{lines}"));
        let findings = Policy::load(&files).unwrap_err();
        let told: Vec<_> = findings.iter().map(|finding| (finding.line(&files), finding.message.as_str())).collect();
        let line = 9 + lines.lines().count();
        assert_eq!(told, [(line, expected)], "{lines}");
    }
    let text = example().text("postern.toml").unwrap().to_owned();
    for (key, value, expected) in [
        ("envelope", "cloudevents", vec!["A form route cannot have an `envelope`."]),
        ("handshake", "slack", vec!["A form route cannot have a `handshake`."]),
        ("contract", "slack", vec!["A form route cannot have a `contract`."]),
    ] {
        let changed = text.replacen("kind = \"form\"", &format!("kind = \"form\"\n{key} = \"{value}\""), 1);
        let example = example();
        let files = example.paths().map(|path| (path, example.text(path).unwrap()));
        let files =
            files.filter(|(path, _)| *path != "postern.toml").chain([("postern.toml", changed.as_str())]).collect();
        let findings = Policy::load(&files).unwrap_err();
        assert_eq!(findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), expected);
    }
}
