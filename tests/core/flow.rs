//! The gate through its public interface, natively, with a scripted host: exact answers, exact mails, exact audit
//! lines.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::*;
use http::{HeaderMap, Request, Response};
use postern::auth;
use postern::gate::{Allowance, Gate};
use postern::host::{BodyError, Clock as _, FetchError};
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

const ACKNOWLEDGEMENT: &str = "contact-acknowledge";

#[tokio::test]
async fn a_contact_form_becomes_two_approved_mails() {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, contact_request(&contact())).await;
    assert_eq!(response.status(), 200);
    let operations = host.operations();
    assert_eq!(
        body(&response),
        json!({"sent": 2, "mails": [
            {"mail": "contact-notify", "status": "accepted", "operation": operations[0]},
            {"mail": ACKNOWLEDGEMENT, "status": "accepted", "operation": operations[1]},
        ], "next": "https://www.contoso.example/thanks"})
    );
    let sent = host.sent();
    assert_eq!(sent[0]["senderAddress"], "forms@contoso.example");
    assert_eq!(sent[0]["recipients"], json!({"to": [{"address": "sales@contoso.example"}]}));
    assert_eq!(sent[0]["replyTo"], json!([{"address": "ada@customer.example", "displayName": "Ada"}]));
    assert_eq!(sent[0]["content"]["subject"], "Message from Ada");
    assert!(sent[0]["content"]["plainText"].as_str().unwrap().contains("Hello!"));
    assert_eq!(sent[0]["userEngagementTrackingDisabled"], true);
    assert_eq!(sent[1]["recipients"], json!({"to": [{"address": "ada@customer.example"}]}));
    assert_eq!(sent[1]["content"]["subject"], "We have received your message");
    assert_eq!(sent[1].get("replyTo"), None);
}

#[tokio::test]
async fn a_request_to_acs_is_complete_and_signed() {
    let host = ScriptedHost::new();
    call(&gate(&example()), &host, contact_request(&contact())).await;
    let requests = host.requests.borrow();
    let request = &requests[0];
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://contoso.communication.azure.com/emails:send?api-version=2025-09-01");
    let names: Vec<_> = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(
        names,
        [
            "accept",
            "x-ms-client-request-id",
            "traceparent",
            "content-type",
            "content-length",
            "operation-id",
            "x-ms-date",
            "x-ms-content-sha256",
            "authorization",
        ]
    );
    assert_eq!(request.headers()["content-length"], request.body().len().to_string().as_str());
    assert_eq!(request.headers()["x-ms-date"], "Tue, 03 Mar 2026 07:05:09 GMT");
    assert_eq!(request.headers()["x-ms-client-request-id"], "00000000-0000-0000-0000-000000000003");
}

#[tokio::test]
async fn an_html_form_is_sent_on_to_the_thanks_page() {
    let host = ScriptedHost::new();
    let form = "name=Ada+L&email=ada%40customer.example&message=Gr%C3%BC%C3%9Fe";
    let request = post("/contact", "application/x-www-form-urlencoded", form);
    let response = call(&gate(&example()), &host, request).await;
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "https://www.contoso.example/thanks");
    assert!(host.sent()[0]["content"]["plainText"].as_str().unwrap().contains("Grüße"));
    assert_eq!(host.line()["verdict"], "sent");
}

#[tokio::test]
async fn a_script_that_posts_a_form_gets_json() {
    let host = ScriptedHost::new();
    let mut request = post("/contact", "application/x-www-form-urlencoded", "name=A&email=a@b.example&message=x");
    request.headers_mut().insert("accept", "application/json".parse().unwrap());
    let response = call(&gate(&example()), &host, request).await;
    assert_eq!((response.status().as_u16(), &body(&response)["sent"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_signed_github_event_becomes_an_alert() {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
    assert_eq!((response.status().as_u16(), &body(&response)["sent"]), (200, &json!(1)));
    let sent = host.sent();
    assert_eq!(sent[0]["senderAddress"], "alerts@contoso.example");
    assert_eq!(sent[0]["content"]["subject"], "[contoso/shop] #1347 Checkout fails with a 500 on empty baskets");
    let html = sent[0]["content"]["html"].as_str().unwrap();
    assert!(html.contains("Press &quot;Pay&quot;"), "HTML is escaped: {html}");
}

#[tokio::test]
async fn an_audit_line_says_who_what_and_to_which_domain() {
    let host = ScriptedHost::new();
    call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
    let mut line = host.line();
    let digest = line["mails"][0]["template_sha256"].take();
    assert_eq!(digest.as_str().unwrap().len(), 64);
    assert_eq!(
        line,
        json!({
            "time": "2026-03-03T07:05:09.000Z",
            "severity_text": "INFO",
            "trace_id": "00000000000000000000000000000001",
            "span_id": "0000000000000002",
            "trace_flags": "00",
            "service.name": "postern",
            "event.name": "postern.request",
            "policy_sha256": example().digest(),
            "http.request.method": "POST",
            "route": "github",
            "caller": {"scheme": "github", "outcome": "verified"},
            "event_id": auth::hash([issue().to_string().as_bytes()]),
            "delivery_id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "verdict": "sent",
            "http.response.status_code": 200,
            "mails": [{
                "mail": "issue-opened",
                "template": "issue-opened",
                "template_sha256": null,
                "sender": "alerts",
                "purpose": "alert",
                "recipient_domains": ["contoso.example"],
                "operation_id": host.operations()[0],
                "outcome": "accepted",
                "acs_status": 202,
                "acs_request_id": "00000000-0000-0000-0000-000000000003",
                "attempts": 1,
                "duration_ms": 7,
            }],
            "duration_ms": 7,
        })
    );
}

#[tokio::test]
async fn an_event_that_no_mail_is_for_is_accepted_and_ignored() {
    let mut closed = issue();
    closed["action"] = json!("closed");
    // What no mail is for need not match the schema, as GitHub's first message.
    let ping = json!({"zen": "Keep it logically awesome.", "hook_id": 1, "repository": {"id": 1}});
    for payload in [closed, ping, json!({"action": ["opened"]}), json!({})] {
        let host = ScriptedHost::new();
        let response = call(&gate(&example()), &host, github_request(&payload, GITHUB_SECRET)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(body(&response), json!({"sent": 0, "mails": []}));
        assert_eq!(host.line()["verdict"], "ignored");
        assert_eq!(host.sent().len(), 0);
    }
    let host = ScriptedHost::new();
    let wanted = github_request(&json!({"action": "opened"}), GITHUB_SECRET);
    assert_eq!(call(&gate(&example()), &host, wanted).await.status(), 422, "a mail is for it");
}

#[tokio::test]
async fn callers_that_do_not_prove_themselves_are_refused_without_a_reason() {
    let good = || github_request(&issue(), GITHUB_SECRET);
    let with = |name: &'static str, value: &str| {
        let mut request = good();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let without = |name: &str| {
        let mut request = good();
        request.headers_mut().remove(name);
        request
    };
    let mut tampered = good();
    *tampered.body_mut() = tampered.body().to_vec().iter().map(|byte| byte ^ 1).collect::<Vec<_>>().into();
    let mut doubled = good();
    doubled.headers_mut().append("x-hub-signature-256", "sha256=00".parse().unwrap());
    for (request, reason) in [
        (github_request(&issue(), "another secret"), "wrong-signature"),
        (tampered, "wrong-signature"),
        (with("x-hub-signature-256", &format!("sha256={}", "0".repeat(64))), "wrong-signature"),
        (with("x-hub-signature-256", "sha256=00"), "wrong-signature"),
        (without("x-hub-signature-256"), "missing-header:x-hub-signature-256"),
        (with("x-hub-signature-256", "sha1=00"), "malformed-header:x-hub-signature-256"),
        (with("x-hub-signature-256", "sha256=zz"), "malformed-header:x-hub-signature-256"),
        (doubled, "malformed-header:x-hub-signature-256"),
    ] {
        let host = ScriptedHost::new();
        let response = call(&gate(&example()), &host, request).await;
        assert_eq!(response.status(), 401, "{reason}");
        assert_eq!(
            body(&response),
            json!({
                "type": "urn:postern:problem:unauthenticated",
                "title": "The caller is not authenticated",
                "status": 401,
                "detail": "The request does not authenticate in the way that this route requires.",
            })
        );
        let line = host.line();
        assert_eq!(line["reason"], format!("unauthenticated: {reason}"));
        assert_eq!(line["caller"], json!({"scheme": "github", "outcome": "refused"}));
        assert_eq!(line.get("event_id"), None);
        assert_eq!(host.sent().len(), 0);
    }
}

#[tokio::test]
async fn violations_come_all_at_once_in_sentences_without_the_values() {
    let host = ScriptedHost::new();
    let payload = json!({
        "name": "", "email": "canary-value", "topic": "canary-value", "message": 5, "a/b": "canary-value"
    });
    let response = call(&gate(&example()), &host, contact_request(&payload)).await;
    assert_eq!(response.status(), 422);
    let mut errors = body(&response)["errors"].as_array().unwrap().clone();
    errors.sort_by_key(|error| error["pointer"].to_string());
    assert_eq!(
        errors,
        [
            ("/a~1b", "additionalProperties", "ADDITIONAL_PROPERTIES", "a/b", "This field is not expected."),
            ("/email", "format", "TYPE_EMAIL", "email", "This must be an email address."),
            ("/message", "type", "TYPE_TEXT", "message", "This must be text."),
            ("/name", "minLength", "REQUIRED_FIELD_EMPTY", "name", "This must not be empty."),
            ("/topic", "enum", "ENUM", "topic", "This must be one of [\"sales\",\"support\",\"press\"]."),
        ]
        .map(|(pointer, keyword, code, field, detail)| violation(pointer, keyword, code, field, detail))
    );
    assert_eq!(problem(&response), "invalid-payload");
    assert!(!String::from_utf8_lossy(response.body()).contains("canary"));
    let line = host.line();
    assert_eq!(line["reason"], "invalid-payload: additionalProperties, enum, format, minLength, type");
    assert_eq!(line["verdict"], "refused");
}

/// An error of a form, in the gate's format and in that of Formspree's library.
fn violation(pointer: &str, keyword: &str, code: &str, field: &str, detail: &str) -> Value {
    json!({
        "pointer": pointer, "keyword": keyword, "detail": detail, "code": code, "field": field, "message": detail
    })
}

#[tokio::test]
async fn a_missing_field_is_told_where_it_should_be() {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, contact_request(&json!({"name": "A", "message": "x"}))).await;
    assert_eq!(
        body(&response)["errors"],
        json!([violation("/email", "required", "REQUIRED_FIELD_MISSING", "email", "This field is required.")])
    );
}

#[tokio::test]
async fn an_address_that_the_schema_lets_through_but_mail_does_not_is_refused() {
    let host = ScriptedHost::new();
    let mut payload = contact();
    payload["email"] = json!("\"a b\"@customer.example");
    let response = call(&gate(&example()), &host, contact_request(&payload)).await;
    assert_eq!(response.status(), 422);
    assert_eq!(body(&response)["errors"][0]["pointer"], "/email");
    assert_eq!(host.sent().len(), 0);
}

#[tokio::test]
async fn header_injection_reaches_no_subject_name_or_address() {
    let attack = "x\r\nBcc: victim@evil.example\r\n\r\n<script>\u{202e}\u{0}";
    for field in ["name", "email", "topic", "message"] {
        let host = ScriptedHost::new();
        let mut payload = contact();
        payload[field] = json!(attack);
        let response = call(&gate(&example()), &host, contact_request(&payload)).await;
        let mails = host.sent();
        match field {
            "email" | "topic" => assert_eq!((response.status().as_u16(), mails.len()), (422, 0), "{field}"),
            _ => {
                assert_eq!((response.status().as_u16(), mails.len()), (200, 2), "{field}");
                for mail in &mails {
                    let subject = mail["content"]["subject"].as_str().unwrap();
                    let name = mail["replyTo"][0]["displayName"].as_str().unwrap_or("");
                    assert!(!subject.chars().chain(name.chars()).any(char::is_control), "{field}: {subject} {name}");
                    assert!(!format!("{subject}{name}").contains('\u{202e}'));
                    assert!(!mail["content"]["html"].as_str().unwrap().contains("<script>"));
                    assert_eq!(mail["recipients"]["to"].as_array().unwrap().len(), 1);
                    assert_eq!((&mail["recipients"]["bcc"], &mail["headers"]), (&Value::Null, &Value::Null));
                }
            }
        }
    }
    let host = ScriptedHost::new();
    let mut payload = contact();
    payload["name"] = json!("Eve\r\nBcc: victim@evil.example");
    call(&gate(&example()), &host, contact_request(&payload)).await;
    assert_eq!(host.sent()[0]["content"]["subject"], "Message from Eve Bcc: victim@evil.example");
    assert_eq!(host.sent()[0]["replyTo"][0]["displayName"], "Eve Bcc: victim@evil.example");
}

#[tokio::test]
async fn paths_methods_types_and_bodies_are_enforced() {
    let form = "application/x-www-form-urlencoded";
    let deep = format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33));
    let request = |method: &str, path: &str, kind: &str, body: &str| {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        request.header("origin", SITE).body(body.to_owned()).unwrap()
    };
    for (request, status, slug, allow) in [
        (request("POST", "/nowhere", form, ""), 404, "unknown-path", None),
        (request("POST", "/contact/", form, ""), 404, "unknown-path", None),
        (request("GET", "/contact", form, ""), 405, "method-not-allowed", Some("POST")),
        (request("PUT", "/contact", form, ""), 405, "method-not-allowed", Some("POST")),
        (request("POST", "/healthz", form, ""), 405, "method-not-allowed", Some("GET, HEAD")),
        (request("POST", "/contact", "text/plain", "x"), 415, "unsupported-media-type", None),
        (request("POST", "/contact", "multipart/form-data", "x"), 400, "malformed-body", None),
        (request("POST", "/contact", "application/json", "{"), 400, "malformed-body", None),
        (request("POST", "/contact", "application/json", "[]"), 400, "malformed-body", None),
        (request("POST", "/contact", "application/json", &deep), 400, "malformed-body", None),
        (request("POST", "/contact?x=1", "application/json", "{}"), 422, "invalid-payload", None),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let host = ScriptedHost::new();
        let response = call(&gate(&example()), &host, request).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (status, slug), "{what}");
        assert_eq!(response.headers().get("allow").map(|value| value.to_str().unwrap()), allow, "{what}");
        assert_eq!(host.sent().len(), 0);
    }
}

/// Found by the corpus in the component: a loop multiplied a payload until the instance had no memory left.
#[tokio::test]
async fn a_part_that_becomes_too_long_is_not_written_to_its_end() {
    let times = postern::policy::MAX_PART_BYTES / 5000;
    for (times, status) in [(times, 200), (times + 1, 500)] {
        let file = "templates/contact-notify/body.txt.j2";
        let body = format!("{{% for _ in range({times}) %}}{{{{ message }}}}{{% endfor %}}");
        let files = example();
        let text = |path: &str| if path == file { body.clone() } else { files.text(path).unwrap().to_owned() };
        let gate = gate(&files.paths().map(|path| (path.to_owned(), text(path))).collect());
        let host = ScriptedHost::new();
        let payload = json!({"name": "Ada", "email": "ada@customer.example", "message": "x".repeat(5000)});
        let response = call(&gate, &host, contact_request(&payload)).await;
        assert_eq!(response.status(), status);
        if status == 500 {
            let reason = "template-failed: contact-notify body.txt.j2 is longer than 2500000 bytes";
            assert_eq!((host.sent().len(), &host.line()["reason"]), (0, &json!(reason)));
        }
    }
}

#[tokio::test]
async fn a_body_that_did_not_arrive_is_told_from_one_that_is_too_large() {
    for (error, status, slug) in
        [(BodyError::TooLarge, 413, "body-too-large"), (BodyError::Interrupted, 400, "body-interrupted")]
    {
        let host = ScriptedHost::new();
        let request = Request::post("/contact").body(Err(error)).unwrap();
        let response = call_with(&gate(&example()), &host, request).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (status, slug));
        assert_eq!(host.line()["reason"], slug);
    }
}

#[test]
fn a_body_may_take_what_its_route_says() {
    let gate = gate(&example());
    let time = Duration::from_secs(9);
    let headers = HeaderMap::new();
    assert_eq!(gate.allowance("/contact", &headers), Allowance { bytes: 256 * 1024, time });
    assert_eq!(gate.allowance("/nowhere", &headers), Allowance { bytes: 0, time });
}

#[tokio::test]
async fn a_slow_body_uses_up_the_time_for_sending() {
    let host = ScriptedHost::new();
    let arrived = host.monotonic();
    host.sleep(Duration::from_secs(10)).await;
    let body = json!({"name": "Ada", "email": "ada@customer.example", "message": "x"}).to_string();
    let request = post("/contact", "application/json", body).map(Ok);
    let response = gate(&example()).handle(&host, request, arrived).await;
    assert_eq!(response.status(), 503);
    assert_eq!(host.line()["mails"][0]["outcome"], "not-attempted");
    assert_eq!(host.requests.borrow().len(), 0);
}

#[tokio::test]
async fn a_page_on_a_foreign_site_cannot_use_the_form() {
    for (origin, status) in [("https://www.contoso.example", 200), ("https://evil.example", 403), ("null", 403)] {
        let host = ScriptedHost::new();
        let mut request = contact_request(&contact());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let response = call(&gate(&example()), &host, request).await;
        assert_eq!(response.status(), status, "{origin}");
        assert_eq!(host.sent().len(), if status == 200 { 2 } else { 0 });
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(body.into()).unwrap())
}

#[tokio::test]
async fn every_failure_of_acs_is_told_apart_and_nothing_claims_to_be_sent() {
    let other = "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"status\":\"Running\",\"error\":null}";
    let wait = &[("retry-after", "30")];
    for (answer, outcome, status, retry_after) in [
        (refusal(400, "BadRequest"), "rejected", 502, None),
        (refusal(401, "Denied"), "unauthorized", 502, None),
        (refusal(403, "Forbidden"), "unauthorized", 502, None),
        (refusal(404, "NotFound"), "not-found", 502, None),
        (refusal(413, "RequestBodyTooLarge"), "too-large", 502, None),
        (refusal(429, "TooManyRequests"), "throttled", 503, None),
        (answer(409, &[], ""), "rejected", 502, None),
        (refusal(400, "InvalidSenderUserName"), "unknown-sender", 502, None),
        (refusal(404, "DomainNotLinked"), "unlinked-domain", 502, None),
        (answer(429, wait, ""), "throttled", 503, Some("30")),
        (refusal(408, "Timeout"), "unavailable", 503, None),
        (refusal(500, "InternalServerError"), "unavailable", 503, None),
        (answer(503, wait, ""), "unavailable", 503, Some("30")),
        (answer(202, &[], "<html>canary-acs-text"), "garbled", 503, None),
        (answer(202, &[], "{}"), "garbled", 503, None),
        (answer(202, &[], other), "garbled", 503, None),
        (answer(200, &[], "ok"), "garbled", 503, None),
        (answer(302, &[("location", "https://evil.example")], ""), "garbled", 503, None),
        (Err(FetchError::Timeout), "timeout", 503, None),
        (Err(FetchError::Unreachable), "unreachable", 503, None),
        (Err(FetchError::Denied), "denied", 502, None),
        (Err(FetchError::Garbled), "garbled", 503, None),
    ] {
        let (host, refused) = match answer {
            // A message only counts as refused once ACS does not know the operation.
            Ok(answer) if matches!(answer.status().as_u16(), 400 | 409) => {
                (ScriptedHost::answering([Ok(answer)]), true)
            }
            answer => (ScriptedHost::ailing(answer), false),
        };
        let response = call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
        assert_eq!(response.status(), status, "{outcome}");
        assert_eq!(
            response.headers().get("retry-after").map(|value| value.to_str().unwrap()),
            retry_after,
            "{outcome}"
        );
        let body = body(&response);
        assert_eq!(body["sent"], 0, "{outcome}");
        assert_eq!(body["mails"][0]["status"], outcome);
        let line = host.line();
        assert_eq!((&line["verdict"], &line["mails"][0]["outcome"]), (&json!("failed"), &json!(outcome)));
        let permanent = status == 502;
        let calls = host.requests.borrow().len();
        let expected = if refused { calls == 2 } else { (calls == 1) == (permanent || retry_after.is_some()) };
        assert!(expected, "{outcome}: {calls} calls");
    }
}

#[tokio::test]
async fn a_failed_operation_in_a_202_is_a_rejection() {
    let host = ScriptedHost::new();
    call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
    let failed = json!({"id": host.operations()[0], "status": "Failed", "error": {"code": "EmailDropped"}}).to_string();
    let host = ScriptedHost::answering([Ok(Response::builder().status(202).body(failed.into()).unwrap())]);
    let response = call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
    assert_eq!((response.status().as_u16(), &body(&response)["mails"][0]["status"]), (502, &json!("rejected")));
}

#[tokio::test]
async fn when_the_second_mail_fails_the_first_is_told_as_accepted_and_a_repeat_keeps_the_ids() {
    let gate = gate(&example());
    let first = ScriptedHost::new();
    call(&gate, &first, contact_request(&contact())).await;
    let ids = first.operations();

    let host = ScriptedHost::answering([accepted(&ids[0])]);
    host.ailing.replace(Some(refusal(503, "ServiceUnavailable")));
    let response = call(&gate, &host, contact_request(&contact())).await;
    assert_eq!(response.status(), 503);
    let problem = body(&response);
    assert_eq!(problem["sent"], 1);
    assert_eq!(
        problem["mails"],
        json!([
            {"mail": "contact-notify", "status": "accepted", "operation": ids[0]},
            {"mail": ACKNOWLEDGEMENT, "status": "unavailable", "operation": ids[1]},
        ])
    );
    let line = host.line();
    assert_eq!((&line["verdict"], &line["reason"]), (&json!("partial"), &json!("try-later")));
    assert_eq!(line["mails"][0]["outcome"], "accepted");

    let again = ScriptedHost::new();
    call(&gate, &again, contact_request(&contact())).await;
    assert_eq!(again.operations(), ids);
    let bodies = |host: &ScriptedHost| host.sends().into_iter().map(Request::into_body).collect::<BTreeSet<_>>();
    assert_eq!(bodies(&again), bodies(&host), "byte-identical bodies");
}

#[tokio::test]
async fn trouble_that_concerns_all_mails_stops_the_rest() {
    for (answer, second, status) in [
        (refusal(429, "TooManyRequests"), "not-attempted", 503),
        (refusal(401, "Denied"), "not-attempted", 502),
        (Err(FetchError::Timeout), "not-attempted", 503),
        (refusal(400, "BadRequest"), "accepted", 502),
    ] {
        let host = match status {
            502 => ScriptedHost::answering([answer]),
            _ => ScriptedHost::ailing(answer),
        };
        let response = call(&gate(&example()), &host, contact_request(&contact())).await;
        assert_eq!((response.status().as_u16(), &body(&response)["mails"][1]["status"]), (status, &json!(second)));
    }
}

#[tokio::test]
async fn the_time_budget_covers_all_mails_of_a_request() {
    let host = ScriptedHost::new();
    host.latency.set(Duration::from_millis(4_500));
    let response = call(&gate(&example()), &host, contact_request(&contact())).await;
    let mails = &body(&response)["mails"];
    assert_eq!((&mails[0]["status"], &mails[1]["status"]), (&json!("accepted"), &json!("timeout")));
    assert_eq!(response.status(), 503);
    assert_eq!(host.line()["duration_ms"], 9000);
}

#[tokio::test]
async fn different_submissions_events_and_keys_have_different_operations() {
    let gate = gate(&example());
    let ids = |request| {
        let (gate, host) = (&gate, ScriptedHost::new());
        async move {
            call(gate, &host, request).await;
            host.operations()
        }
    };
    let with_key = |payload: &Value, key: &'static str| {
        let mut request = contact_request(payload);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        request
    };
    let mut other = contact();
    other["message"] = json!("Another");
    let keyed = |key| with_key(&contact(), key);
    let all = [
        ids(contact_request(&contact())).await,
        ids(contact_request(&other)).await,
        ids(keyed("a")).await,
        ids(keyed("b")).await,
        // A stranger's key must not make one form pass for another.
        ids(with_key(&other, "a")).await,
    ]
    .concat();
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), 10);
    assert_eq!(ids(keyed("a")).await, all[4..6]);
}

#[tokio::test]
async fn no_payload_secret_or_address_reaches_the_audit_log() {
    let payload = json!({
        "name": "canary-name", "email": "canary-local@customer.example", "message": "canary-message"
    });
    let requests = || {
        let mut injected = contact_request(&payload);
        injected.headers_mut().insert("idempotency-key", "canary-key".parse().unwrap());
        injected.headers_mut().insert("user-agent", "canary-agent".parse().unwrap());
        let broken = json!({"canary-field": "canary-value"});
        [
            injected,
            contact_request(&broken),
            post("/contact?canary-query", "application/json", "canary-body"),
            post("/canary-path", "application/json", "{}"),
            github_request(&json!({"canary-field": 1}), "canary-secret"),
            github_request(&json!({"canary-field": 1}), GITHUB_SECRET),
            Request::builder().method("CANARY").uri("/contact").body("".into()).unwrap(),
        ]
    };
    for (index, request) in requests().into_iter().enumerate() {
        let host = ScriptedHost::new();
        call(&gate(&example()), &host, request).await;
        let line = host.line().to_string();
        assert!(!line.to_lowercase().contains("canary"), "request {index}: {line}");
    }
    for answer in [refusal(400, "canary code"), answer(429, &[("x-ms-error-code", "canary-code")], "canary")] {
        let host = ScriptedHost::answering([answer]);
        call(&gate(&example()), &host, contact_request(&payload)).await;
        assert!(!host.line().to_string().contains("canary"));
    }
}

#[tokio::test]
async fn probes_say_whether_the_gate_lives_and_what_it_lacks_by_name() {
    let get = |path: &str| Request::get(path).body("").unwrap();
    let gate_ = gate(&example());
    let host = ScriptedHost::new();
    assert_eq!(body(&call(&gate_, &host, get("/healthz")).await), json!({"status": "alive"}));
    let ready = call(&gate_, &host, get("/readyz")).await;
    let digest = example().digest().to_string();
    let expected = json!({"status": "ready", "policy_sha256": digest, "identity": "access-key"});
    assert_eq!((ready.status().as_u16(), body(&ready)), (200, expected));
    assert!(host.lines.borrow().is_empty(), "probes have no audit line");

    let mut bare = ScriptedHost::new();
    bare.settings.clear();
    let response = call(&gate_, &bare, get("/readyz")).await;
    assert_eq!((response.status().as_u16(), body(&response)["policy_sha256"].as_str()), (503, Some(digest.as_str())));
    assert_eq!(
        body(&response)["missing"],
        json!(["acs_endpoint is not set", "acs_access_key is not set", "github_webhook_secret is not set"])
    );
    let wrong = ScriptedHost::new().set("acs_endpoint", "http://evil.example").set("acs_access_key", "not base64!");
    assert_eq!(
        body(&call(&gate_, &wrong, get("/readyz")).await)["missing"],
        json!([
            "acs_endpoint must be an https address without a path (http only for localhost)",
            "acs_access_key is not valid base64, which an access key must be"
        ])
    );
    let both = ScriptedHost::new().set("acs_connection_string", "endpoint=https://a.example;accesskey=a2V5");
    assert_eq!(
        body(&call(&gate_, &both, get("/readyz")).await)["missing"],
        json!(["acs_connection_string is set together with acs_endpoint or acs_access_key; set only one of them"])
    );
}

#[tokio::test]
async fn without_settings_nothing_is_sent_and_the_line_says_which_are_missing() {
    let mut host = ScriptedHost::new();
    host.settings.remove("acs_access_key");
    let response = call(&gate(&example()), &host, contact_request(&contact())).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
    assert_eq!(host.line()["reason"], "not-configured: acs_access_key is not set");
    assert_eq!(host.line()["verdict"], "failed");

    let mut host = ScriptedHost::new();
    host.settings.remove("github_webhook_secret");
    let response = call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(host.line()["reason"], "not-configured: github_webhook_secret is not set");
}

#[tokio::test]
async fn a_connection_string_does_as_well_as_endpoint_and_key() {
    let mut host = ScriptedHost::new().set("acs_connection_string", "endpoint=https://other.example/;accesskey=a2V5");
    host.settings.remove("acs_endpoint");
    host.settings.remove("acs_access_key");
    call(&gate(&example()), &host, contact_request(&contact())).await;
    assert_eq!(host.requests.borrow()[0].uri().host(), Some("other.example"));
}

#[tokio::test]
async fn without_a_policy_the_gate_lives_but_is_not_ready() {
    let gate = Gate::new(Policy::load(&Files::default()));
    let host = ScriptedHost::new();
    assert_eq!(call(&gate, &host, Request::get("/healthz").body("").unwrap()).await.status(), 200);
    let response = call(&gate, &host, Request::get("/readyz").body("").unwrap()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        body(&response)["missing"],
        json!([
            "postern.toml: There is no postern.toml here. Pass the directory that contains it, or create a policy with `postern init`."
        ])
    );
    assert_eq!(body(&response).get("policy_sha256"), None);
    let response = call(&gate, &host, contact_request(&contact())).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
    assert_eq!(host.line().get("policy_sha256"), None);
}

#[tokio::test]
async fn every_line_carries_the_policy_refused_requests_too() {
    let digest = example().digest().to_string();
    for request in [
        contact_request(&contact()),
        github_request(&issue(), "another"),
        Request::get("/nowhere").body("".into()).unwrap(),
    ] {
        let host = ScriptedHost::new();
        call(&gate(&example()), &host, request).await;
        assert_eq!(host.line()["policy_sha256"], digest);
    }
}
