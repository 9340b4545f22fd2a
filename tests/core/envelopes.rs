//! Envelopes, batches, handshakes and forms of systems, through the gate's public interface.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use postern::decode::{MAX_EVENTS, MAX_VALUES, OBJECT_VALUES};
use postern::policy::{Files, MAX_DEPTH, Policy};
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
        (binary(("ce-note", "%FF")), "The event's attributes cannot be read from the headers."),
    ] {
        let host = host([]);
        let response = call(&gate, &host, request).await;
        assert_eq!((response.status().as_u16(), body(&response)["detail"].as_str().unwrap()), (400, detail));
        assert_eq!(host.sent().len(), 0);
    }
}

/// Prints every event whole, and refuses attributes that are not text.
fn printing(auth: &str) -> Files {
    let files = hook(&format!("{auth}\n        envelope = \"cloudevents\""));
    let text = |path: &str| match path {
        "schemas/any.json" => {
            r#"{"type":"object","additionalProperties":{"type":["string","integer"]},"properties":{"data":{}}}"#
                .to_owned()
        }
        "templates/note/body.txt.j2" => {
            "{{ data if data is defined else 'no data' }} {{ data_base64 or '' }}".to_owned()
        }
        other => files.text(other).unwrap().to_owned(),
    };
    files.paths().map(|path| (path.to_owned(), text(path))).collect()
}

/// What the mails of a request say, or the status and the sentence of its refusal.
async fn printed(request: Request<Bytes>) -> Result<Vec<String>, (u16, String)> {
    let host = host([]);
    let response = call(&gate(&printing(BEARER)), &host, request).await;
    let text = |mail: &Value| mail["content"]["plainText"].as_str().unwrap().trim_end().to_owned();
    match response.status().as_u16() {
        // Sending begins with any of them.
        200 => Ok(host.sent().iter().map(text).collect::<std::collections::BTreeSet<_>>().into_iter().collect()),
        status => Err((status, body(&response)["detail"].as_str().unwrap().to_owned())),
    }
}

fn batch(events: &Value) -> Request<Bytes> {
    of_type("application/cloudevents-batch+json", events.to_string())
}

/// github.com/cloudevents/spec, v1.0.2, cloudevents/formats/json-format.md, 3.2 and 4.3; where it has "... base64 encoded
/// string ..." and "...raw binary bytes...", a message of Thrift.
#[tokio::test]
async fn the_specification_s_own_examples_become_mails() {
    let thrift = STANDARD.encode(b"\x82\x21\x01\x04ping\xFF\x00");
    let example = |letter: &str, source: &str, rest: Value| {
        let mut event = json!({
            "specversion": "1.0",
            "type": "com.example.someevent",
            "source": source,
            "id": format!("{letter}234-1234-1234"),
            "time": "2018-04-05T17:31:00Z",
            "comexampleextension1": "value",
            "comexampleothervalue": 5,
        });
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let app = json!({"appinfoA": "abc", "appinfoB": 123, "appinfoC": true});
    let app_printed = "{'appinfoA': 'abc', 'appinfoB': 123, 'appinfoC': True}";
    let with_bytes = json!({"datacontenttype": "application/vnd.apache.thrift.binary", "data_base64": thrift});
    let with_json = json!({"datacontenttype": "application/json", "data": app});
    let opaque = format!("no data {thrift}");
    for (event, expected) in [
        (example("A", "/mycontext", with_bytes.clone()), opaque.as_str()),
        (
            example(
                "B",
                "/mycontext",
                json!({"unsetextension": null, "datacontenttype": "application/xml", "data": "<much wow=\"xml\"/>"}),
            ),
            r#"<much wow="xml"/>"#,
        ),
        (
            example("C", "/mycontext", json!({"subject": null, "datacontenttype": "application/json", "data": app})),
            app_printed,
        ),
        (example("D", "/mycontext", json!({"subject": null, "data": "I'm just a string"})), "I'm just a string"),
    ] {
        assert_eq!(printed(structured(&event)).await, Ok(vec![expected.to_owned()]), "{event}");
    }
    let both = json!([example("B", "/mycontext/4", with_bytes), example("C", "/mycontext/9", with_json)]);
    assert_eq!(printed(batch(&both)).await, Ok(vec![opaque, app_printed.to_owned()]));
    assert_eq!(printed(batch(&json!([]))).await, Ok(Vec::new()));
    let placeholder = example("A", "/mycontext", json!({"data_base64": "... base64 encoded string ..."}));
    let refused = "The `data_base64` of an event is not valid base64.";
    assert_eq!(printed(structured(&placeholder)).await, Err((400, refused.to_owned())));
}

fn with_data(data_base64: &Value, content_type: Option<&str>) -> Value {
    let mut event = cloudevent();
    let members = event.as_object_mut().unwrap();
    members.remove("data");
    members.insert("data_base64".to_owned(), data_base64.clone());
    match content_type {
        Some(content_type) => members.insert("datacontenttype".to_owned(), content_type.into()),
        None => members.remove("datacontenttype"),
    };
    event
}

#[tokio::test]
async fn binary_data_is_read_as_its_type_says() {
    for (content_type, bytes, expected) in [
        (None, r#"{"text":"hello"}"#.as_bytes(), "{'text': 'hello'}"),
        (None, b"-9.5", "-9.5"),
        (None, b"\xEF\xBB\xBF[1,2]", "[1, 2]"),
        (Some("application/json"), br#""\ud83d""#, "\u{FFFD}"),
        (Some("application/json; charset=iso-8859-1"), b"\"K\xF6ln\"", "Köln"),
        (Some("application/vnd.contoso+json"), b"[1,2]", "[1, 2]"),
        (Some("text/json"), b"[1,2]", "[1, 2]"),
        (Some("text/plain"), b"ON", "ON"),
        (Some("text/plain"), b"[1,2]", "[1,2]"),
        (Some("text/plain; charset=windows-1252"), b"5 \x80", "5 €"),
        (Some("application/octet-stream"), "23.5 °C".as_bytes(), "23.5 °C"),
        (Some("application/xml"), b"", "no data"),
        (None, b"", "no data"),
        (Some("image/png"), b"\x89PNG", "no data iVBORw=="),
    ] {
        let event = with_data(&STANDARD.encode(bytes).into(), content_type);
        assert_eq!(printed(structured(&event)).await, Ok(vec![expected.to_owned()]), "{event}");
        assert_eq!(printed(batch(&json!([event]))).await, Ok(vec![expected.to_owned()]), "{event}");
    }
}

#[tokio::test]
async fn binary_data_that_cannot_be_read_is_refused_with_the_reason() {
    let not_base64 = "The `data_base64` of an event is not valid base64.";
    let encoded = |bytes: &[u8]| json!(STANDARD.encode(bytes));
    let not_json = |place: &str| {
        format!("The `data_base64` of an event is not JSON ({place}), and its `datacontenttype` names no other type.")
    };
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for (data, content_type, detail) in [
        (json!("ey J9"), None, not_base64.to_owned()),
        (json!("e30"), None, not_base64.to_owned()),
        (json!({"text": "hello"}), None, not_base64.to_owned()),
        (encoded(b"ON"), None, not_json("line 1, column 1")),
        (encoded(b"{\n1}"), Some("application/json"), not_json("line 2, column 1")),
        (
            encoded(b"\"\xFF\""),
            None,
            "The `data_base64` of an event is not UTF-8, and its `datacontenttype` names no other charset.".to_owned(),
        ),
        (
            encoded(b"1"),
            Some("application/json; charset=x"),
            "The charset in the content type is not supported: send UTF-8, as `; charset=utf-8`.".to_owned(),
        ),
        // Inside its event it is a level deeper.
        (encoded(nested(MAX_DEPTH).as_bytes()), None, format!("The body is nested more than {MAX_DEPTH} levels deep.")),
    ] {
        let event = with_data(&data, content_type);
        let (status, found) = printed(structured(&event)).await.unwrap_err();
        assert_eq!(found, detail, "{event}");
        assert!(matches!(status, 400 | 415), "{status}");
        assert_eq!(printed(batch(&json!([cloudevent(), event]))).await.unwrap_err().1, detail, "{event}");
    }
    assert!(printed(structured(&with_data(&encoded(nested(MAX_DEPTH - 1).as_bytes()), None))).await.is_ok());
    let mut twice = with_data(&encoded(b"1"), None);
    twice["data"] = json!(1);
    let detail = "An event has both `data` and `data_base64`.";
    assert_eq!(printed(structured(&twice)).await, Err((400, detail.to_owned())));
    twice["data"] = Value::Null;
    assert_eq!(printed(structured(&twice)).await, Ok(vec!["1".to_owned()]));
}

#[tokio::test]
async fn the_values_of_all_binary_data_count_together() {
    let list = |values: usize| STANDARD.encode(format!("[{}]", vec!["1"; values - 1].join(",")));
    let files = hook(&format!("{BEARER}\n        envelope = \"cloudevents\"\n        body_limit = 1000000"));
    // No mail shows them.
    let quiet = |data: String| {
        let mut event = with_data(&data.into(), None);
        event["quiet"] = json!(true);
        event
    };
    let own = quiet(String::new()).as_object().unwrap().len() + OBJECT_VALUES;
    for (extra, expected) in [(0, None), (1, Some(json!("The body has more than 250000 values.")))] {
        let half = MAX_VALUES / 2;
        let events = json!([quiet(list(half)), quiet(list(half - 2 * own - 1 + extra))]);
        let host = host([]);
        let response = call(&gate(&files), &host, batch(&events)).await;
        assert_eq!(body(&response).get("detail"), expected.as_ref(), "{extra}");
    }
}

/// MicrosoftDocs/azure-docs, articles/event-grid/mqtt-routing-event-schema.md: MQTT 3.1.1, and 5 with a format indicator.
#[tokio::test]
async fn a_device_s_alert_through_event_grid_s_broker_is_the_same_mail_however_it_was_packed() {
    let policy = r#"
        [senders.alerts]
        address = "alerts@contoso.example"
        owner = "facilities@contoso.example"
        [routes.devices]
        path = "/hooks/devices"
        kind = "event"
        auth = { scheme = "event-grid", header = "x-postern-secret", secret = "devices_secret" }
        envelope = "cloudevents"
        handshake = "cloudevents"
        schema = "devices"
        [[routes.devices.mails]]
        template = "devices"
        sender = "alerts"
        purpose = "alert"
        to = ["facilities@contoso.example"]
    "#;
    let schema = json!({"type": "object", "required": ["data"], "properties": {"data": {
        "type": "object", "required": ["device", "alert", "value", "unit", "since"],
    }}});
    let files = Files::from_iter([
        ("postern.toml", policy.to_owned()),
        ("schemas/devices.json", schema.to_string()),
        ("templates/devices/subject.txt.j2", "{{ data.device }}: {{ data.alert }}".to_owned()),
        ("templates/devices/body.txt.j2", "{{ data.value }} {{ data.unit }} since {{ data.since }}".to_owned()),
        ("templates/devices/sample.json", "{}".to_owned()),
    ]);
    let data = json!({
        "device": "freezer-07", "state": "raised", "severity": "critical", "alert": "Temperature too high", "value": -9.5,
        "unit": "°C", "since": "2026-03-02T03:14:15Z",
    });
    let event = |rest: Value| {
        let mut event = json!({
            "specversion": "1.0", "id": "9aeb0fdf-c01e-0131-0922-9eb54906e209", "time": "2026-03-02T03:14:16.4589254Z",
            "type": "MQTT.EventPublished", "source": "contoso-iot", "subject": "plants/bern/freezer-07/alert",
        });
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let packed = STANDARD.encode(data.to_string());
    let v3 = event(json!({"data_base64": packed}));
    let v3_typed = event(json!({"data_base64": packed, "datacontenttype": "application/json"}));
    let v5 = event(json!({"data": data, "datacontenttype": "application/json; charset=utf-8"}));
    let mut sent = Vec::new();
    for (body, content_type) in [
        (&v5, "application/cloudevents+json; charset=utf-8"),
        (&v3, "application/cloudevents+json; charset=utf-8"),
        (&json!([v3_typed]), "application/cloudevents-batch+json; charset=utf-8"),
    ] {
        let host = ScriptedHost::new().set("devices_secret", "s3cret");
        let request = set(post("/hooks/devices", content_type, body.to_string()), "x-postern-secret", "s3cret");
        assert_eq!(call(&gate(&files), &host, request).await.status(), 200);
        sent.push((host.operations(), host.sent()));
    }
    let content = &sent[0].1[0]["content"];
    assert_eq!(content["subject"], "freezer-07: Temperature too high");
    assert_eq!(content["plainText"], "-9.5 °C since 2026-03-02T03:14:15Z");
    assert!(sent.iter().all(|other| *other == sent[0]));
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
