//! Answers by caller, time budgets and event ids: by contract, through the gate's public interface.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use postern::contract::CONTRACTS;
use postern::host::{Clock as _, FetchError};
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

use crate::support::*;

pub fn hook(lines: &str) -> Files {
    let policy = format!(
        r#"
        [senders.web]
        address = "web@contoso.example"
        owner = "team@contoso.example"
        [routes.hook]
        path = "/hook"
        kind = "event"
        schema = "any"
        {lines}
        [[routes.hook.mails]]
        template = "note"
        sender = "web"
        purpose = "alert"
        to = ["team@contoso.example"]
        when = {{ not = {{ properties = {{ quiet = {{ const = true }} }}, required = ["quiet"] }} }}
        "#
    );
    Files::from_iter([
        ("postern.toml", policy.as_str()),
        ("schemas/any.json", r#"{"type": "object", "properties": {"bad": false}}"#),
        ("templates/note/subject.txt.j2", "Event {{ subject or '' }}"),
        ("templates/note/body.txt.j2", "{{ data.text if data else '' }}"),
        ("templates/note/sample.json", "{}"),
    ])
}

fn with(contract: &str) -> Files {
    hook(&format!("auth = {{ scheme = \"bearer\", secret = \"hook_secret\" }}\ncontract = \"{contract}\""))
}

pub fn request(body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = post("/hook", "application/json", body);
    request.headers_mut().insert("authorization", "Bearer s3cret".parse().unwrap());
    request
}

pub fn host(answers: impl IntoIterator<Item = Answer>) -> ScriptedHost {
    ScriptedHost::answering(answers).set("hook_secret", "s3cret")
}

/// ACS gives this answer to everything, so another attempt within the budget does not help.
pub fn ailing(answer: Answer) -> ScriptedHost {
    ScriptedHost::ailing(answer).set("hook_secret", "s3cret")
}

async fn status(contract: &str, answers: Option<Answer>, request: Request<Bytes>) -> (u16, Response<Bytes>) {
    let response = call(&gate(&with(contract)), &host(answers), request).await;
    (response.status().as_u16(), response)
}

#[tokio::test]
async fn each_caller_gets_the_status_that_makes_it_do_what_it_should() {
    let mut seen = 0;
    for (names, forged, schema, malformed, media_type, mail, key, quota) in [
        (vec!["plain"], 401, 422, 400, 415, 502, 502, 503),
        (vec!["github"], 401, 422, 400, 415, 502, 502, 503),
        (vec!["event-grid"], 401, 400, 400, 400, 400, 503, 503),
        (vec!["slack"], 401, 400, 400, 400, 400, 503, 503),
        (vec!["shopify"], 401, 200, 200, 200, 200, 503, 503),
        (
            vec![
                "alertmanager",
                "azure-monitor",
                "cloudevents",
                "gitlab",
                "grafana",
                "hookdeck",
                "paddle",
                "sendgrid",
                "standard-webhooks",
                "stripe",
                "svix",
                "twilio",
            ],
            401,
            422,
            400,
            415,
            422,
            503,
            503,
        ),
    ] {
        for name in names {
            seen += 1;
            let mut forger = request("{}");
            forger.headers_mut().insert("authorization", "Bearer other".parse().unwrap());
            assert_eq!(status(name, None, forger).await.0, forged, "{name}");
            let (told, response) = status(name, None, request(r#"{"bad": 1}"#)).await;
            assert_eq!((told, problem(&response).as_str()), (schema, "invalid-payload"), "{name}");
            assert_eq!(response.headers().contains_key("x-slack-no-retry"), name == "slack", "{name}");
            assert_eq!(status(name, None, request("{")).await.0, malformed, "{name}");
            let mut text = request("{}");
            text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
            assert_eq!(status(name, None, text).await.0, media_type, "{name}");
            let (told, response) = status(name, Some(refusal(400, "BadRequest")), request("{}")).await;
            assert_eq!((told, body(&response)["sent"].as_u64()), (mail, Some(0)), "{name}");
            let (told, response) = status(name, Some(refusal(401, "Denied")), request("{}")).await;
            assert_eq!((told, problem(&response).as_str()), (key, "not-accepted"), "{name}");
            assert!(!response.headers().contains_key("x-slack-no-retry"), "{name}");
            for answer in [refusal(429, "TooManyRequests"), refusal(500, "E"), Err(FetchError::Timeout)] {
                let response = call(&gate(&with(name)), &ailing(answer), request("{}")).await;
                assert_eq!(response.status(), quota, "{name}");
            }
        }
    }
    assert_eq!(seen, CONTRACTS.len());
}

#[tokio::test]
async fn no_event_is_ever_answered_with_410_or_a_redirection() {
    for contract in CONTRACTS {
        let statuses = [contract.unusable, Some(contract.refused), contract.later];
        for status in statuses.into_iter().flatten() {
            assert!(status != 410 && !status.is_redirection(), "{}", contract.name);
        }
    }
}

#[tokio::test]
async fn a_caller_that_never_comes_again_is_told_in_the_audit_line() {
    for (contract, redelivery) in [("github", json!("by hand")), ("plain", Value::Null)] {
        let host = ailing(refusal(503, "E"));
        call(&gate(&with(contract)), &host, request("{}")).await;
        assert_eq!(host.line()["redelivery"], redelivery, "{contract}");
    }
    let host = host([]);
    call(&gate(&with("github")), &host, request("{}")).await;
    assert_eq!(host.line().get("redelivery"), None, "nothing was lost");
}

#[tokio::test]
async fn a_second_before_the_caller_hangs_up_the_answer_is_ready() {
    for contract in CONTRACTS {
        let host = host([]);
        let began = host.monotonic();
        host.latency.set(Duration::MAX / 2);
        let response = call(&gate(&with(contract.name)), &host, request("{}")).await;
        assert_eq!(response.status(), 503, "{}", contract.name);
        assert!(host.monotonic() - began <= contract.time_budget(), "{}", contract.name);
    }
    let budget = |name| postern::contract::find(name).unwrap().time_budget().as_secs();
    assert_eq!(["slack", "shopify", "github", "event-grid"].map(budget), [2, 4, 9, 29]);
}

#[test]
fn a_budget_beyond_the_caller_s_patience_and_unknown_contracts_are_refused() {
    let bearer = "auth = { scheme = \"bearer\", secret = \"s\" }\n        ";
    for (lines, expected) in [
        (
            format!("{bearer}contract = \"slack\"\n        time_budget = 3"),
            vec![(11, "`time_budget` must be between 1 and 2 seconds.")],
        ),
        (format!("{bearer}contract = \"slak\""), vec![(10, "There is no contract `slak`.")]),
    ] {
        let files = hook(&lines);
        let findings = Policy::load(&files).unwrap_err();
        let told: Vec<_> = findings.iter().map(|finding| (finding.line(&files), finding.message.as_str())).collect();
        assert_eq!(told, expected);
    }
}

/// The event id in the audit line.
async fn event_id(contract: &str, headers: &[(&'static str, &str)], payload: &Value) -> String {
    let mut request = request(payload.to_string());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let host = host([]);
    call(&gate(&with(contract)), &host, request).await;
    host.line()["event_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_s_id_is_where_its_caller_puts_it() {
    let essentials = json!({"data": {"essentials": {"alertId": "/sub/1", "monitorCondition": "Fired"}}});
    for (contract, headers, payload, expected) in [
        ("github", vec![("x-github-delivery", "72d3162e")], json!({}), "72d3162e"),
        ("standard-webhooks", vec![("webhook-id", "msg_1")], json!({}), "msg_1"),
        ("svix", vec![("svix-id", "msg_1")], json!({}), "msg_1"),
        ("shopify", vec![("x-shopify-webhook-id", "98880550")], json!({}), "98880550"),
        ("hookdeck", vec![("x-hookdeck-eventid", "evt_1")], json!({}), "evt_1"),
        ("twilio", vec![("i-twilio-idempotency-token", "f4a4")], json!({}), "f4a4"),
        ("stripe", vec![], json!({"id": "evt_1"}), "evt_1"),
        ("slack", vec![], json!({"event_id": "Ev08"}), "Ev08"),
        ("paddle", vec![], json!({"event_id": "evt_01"}), "evt_01"),
        ("event-grid", vec![], json!({"id": "9aeb"}), "9aeb"),
        ("cloudevents", vec![], json!({"id": "A-1", "source": "/s"}), "/s A-1"),
        // The eight bytes of its length, and `{"alertId":"/sub/1","monitorCondition":"Fired"}`.
        (
            "azure-monitor",
            vec![],
            essentials,
            "sha256:dda7995269ea9956ff278ce46395ec655ce67665cd9c26f03cd06a74b6470cda",
        ),
        ("sendgrid", vec![], json!({"sg_event_id": "ZHJv"}), "ZHJv"),
        ("plain", vec![("idempotency-key", "key-1")], json!({}), "key-1"),
        ("gitlab", vec![("idempotency-key", "key-1")], json!({}), "key-1"),
        ("stripe", vec![("idempotency-key", "key-1")], json!({"id": ""}), "key-1"),
        ("github", vec![("idempotency-key", "key-1"), ("x-github-delivery", "")], json!({}), "key-1"),
        // printf '\0\0\0\0\0\0\0\x02{}' | sha256sum
        ("plain", vec![], json!({}), "sha256:7cf4b3ea3b7fb829169af19d641905eb04c1a23d6057cbe10a975ba5bcfaa21e"),
    ] {
        assert_eq!(event_id(contract, &headers, &payload).await, expected, "{contract}");
    }
    let long = "x".repeat(257);
    assert!(event_id("github", &[("x-github-delivery", &long)], &json!({})).await.starts_with("sha256:"));
    assert!(event_id("stripe", &[], &json!({"id": "evt\n1"})).await.starts_with("sha256:"));
}

#[tokio::test]
async fn a_group_of_alerts_is_another_event_when_an_alert_changes_and_the_same_when_it_is_told_again() {
    let group = |status: &str, alerts: Value| json!({"groupKey": "{}:{job=\"a\"}", "status": status, "alerts": alerts});
    let alert = |fingerprint: &str, status: &str, starts: &str, ends: &str| json!({"fingerprint": fingerprint, "status": status, "startsAt": starts, "endsAt": ends});
    let one = alert("a", "firing", "2026-03-03T07:00:00Z", "");
    let two = alert("b", "firing", "2026-03-03T07:01:00Z", "");
    let first = event_id("alertmanager", &[], &group("firing", json!([one, two]))).await;
    assert!(first.starts_with("sha256:") && first.len() == 71, "{first}");
    let later = alert("a", "firing", "2026-03-03T07:00:00Z", "later");
    assert_eq!(event_id("grafana", &[], &group("firing", json!([two, later]))).await, first, "a reminder");
    for other in [
        group("resolved", json!([one, two])),
        group("firing", json!([one])),
        group("firing", json!([alert("a", "resolved", "2026-03-03T07:00:00Z", ""), two])),
        group("firing", json!([alert("a", "firing", "2026-03-03T09:00:00Z", ""), two])),
        json!({"groupKey": "{}:{job=\"b\"}", "status": "firing", "alerts": [one, two]}),
    ] {
        assert_ne!(event_id("alertmanager", &[], &other).await, first, "{other}");
    }
}
