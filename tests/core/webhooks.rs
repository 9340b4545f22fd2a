//! Callers of event routes: Standard Webhooks with the official library as signer, GitHub with GitHub's own example.

use crate::support::*;
use bytes::Bytes;
use http::Request;
use postern::policy::Files;
use standardwebhooks::Webhook;

const NEXT_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"job":"backup","state":"failed"}"#;

fn jobs_policy(secrets: &str) -> Files {
    Files::from_iter([
        (
            "postern.toml".to_owned(),
            format!(
                r#"
                [senders.jobs]
                address = "jobs@contoso.example"
                owner = "team@contoso.example"
                [routes.jobs]
                path = "/hooks/jobs"
                kind = "event"
                auth = {{ scheme = "standard-webhooks", secret = {secrets} }}
                schema = "job"
                [[routes.jobs.mails]]
                template = "job"
                sender = "jobs"
                purpose = "alert"
                to = ["team@contoso.example"]
                "#
            ),
        ),
        ("schemas/job.json".to_owned(), r#"{"type": "object", "required": ["job"]}"#.to_owned()),
        ("templates/job/subject.txt.j2".to_owned(), "Job {{ job }}".to_owned()),
        ("templates/job/body.txt.j2".to_owned(), "{{ job }}".to_owned()),
        ("templates/job/sample.json".to_owned(), r#"{"job": "x"}"#.to_owned()),
    ])
}

fn request(id: &str, timestamp: &str, signature: &str) -> Request<Bytes> {
    Request::post("/hooks/jobs")
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(BODY.into())
        .unwrap()
}

/// Signed by the official library.
fn signature(secret: &str, id: &str, timestamp: u64) -> String {
    Webhook::new(secret).unwrap().sign(id, timestamp as i64, BODY.as_bytes()).unwrap()
}

fn signed(secret: &str, id: &str, timestamp: u64) -> Request<Bytes> {
    request(id, &timestamp.to_string(), &signature(secret, id, timestamp))
}

async fn outcome(secrets: &str, request: Request<Bytes>) -> (u16, String) {
    let host = ScriptedHost::new().set("next_secret", NEXT_SECRET);
    let response = call(&gate(&jobs_policy(secrets)), &host, request).await;
    let reason = host.line()["reason"].as_str().unwrap_or_default().replace("unauthenticated: ", "");
    (response.status().as_u16(), reason)
}

const ONE: &str = "\"jobs_secret\"";
const BOTH: &str = "[\"next_secret\", \"jobs_secret\"]";

#[tokio::test]
async fn what_the_official_library_signs_is_let_in() {
    assert_eq!(outcome(ONE, signed(STANDARD_SECRET, "msg_1", NOW)).await, (200, String::new()));
}

#[tokio::test]
async fn the_specification_s_own_example_is_verified() {
    // The libraries' test suites publish body, id, time and secret together: webhook.test.ts of the JavaScript library,
    // "sign function works" and "multi sig payload is valid".
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let other = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    for (signatures, status) in [
        // Let in, though the payload has no job.
        (good.to_owned(), 422),
        (format!("v1,{other} v2,{other} {good} v1,{other}"), 422),
        (format!("v1,{other} v2,{other}"), 401),
        ("v1,g0hM9".to_owned(), 401),
        ("v1,".to_owned(), 401),
    ] {
        let host = ScriptedHost::new();
        host.now.set(1_614_265_330);
        let mut request = request("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", &signatures);
        *request.body_mut() = r#"{"test": 2432232314}"#.into();
        let response = call(&gate(&jobs_policy(ONE)), &host, request).await;
        assert_eq!(response.status(), status, "{signatures}");
    }
}

#[tokio::test]
async fn a_timestamp_may_be_five_minutes_off_either_way_and_no_more() {
    for (timestamp, expected) in [
        (NOW - 300, (200, "")),
        (NOW + 300, (200, "")),
        (NOW - 301, (401, "timestamp-too-old")),
        (NOW + 301, (401, "timestamp-in-future")),
        (0, (401, "timestamp-too-old")),
    ] {
        let (status, reason) = outcome(ONE, signed(STANDARD_SECRET, "msg_1", timestamp)).await;
        assert_eq!((status, reason.as_str()), expected, "{timestamp}");
    }
}

#[tokio::test]
async fn extreme_timestamps_are_refused_without_a_panic() {
    for (text, reason) in [
        ("18446744073709551615", "timestamp-in-future"),
        ("18446744073709551616", "malformed-header:webhook-timestamp"),
        ("-9223372036854775808", "malformed-header:webhook-timestamp"),
        ("+1772521509", "malformed-header:webhook-timestamp"),
        ("1772521509.0", "malformed-header:webhook-timestamp"),
        ("", "malformed-header:webhook-timestamp"),
    ] {
        let (status, told) = outcome(ONE, request("msg_1", text, "v1,AAAA")).await;
        assert_eq!((status, told.as_str()), (401, reason), "{text}");
    }
}

#[tokio::test]
async fn one_good_signature_among_several_is_enough() {
    let good = signature(STANDARD_SECRET, "msg_1", NOW);
    let other = signature(NEXT_SECRET, "msg_1", NOW);
    for text in [format!("{other} {good}"), format!("v1a,AAAA {good}"), format!("v2,zzz ??? {good}")] {
        let (status, _) = outcome(ONE, request("msg_1", &NOW.to_string(), &text)).await;
        assert_eq!(status, 200, "{text}");
    }
}

#[tokio::test]
async fn signatures_beyond_the_eighth_are_not_tried() {
    let good = signature(STANDARD_SECRET, "msg_1", NOW);
    for (others, expected) in [(7, 200), (8, 401)] {
        let text = format!("{}{good}", "v1,AAAA ".repeat(others));
        assert_eq!(outcome(ONE, request("msg_1", &NOW.to_string(), &text)).await.0, expected);
    }
}

#[tokio::test]
async fn during_a_rotation_both_secrets_are_good() {
    assert_eq!(outcome(BOTH, signed(STANDARD_SECRET, "msg_1", NOW)).await.0, 200);
    assert_eq!(outcome(BOTH, signed(NEXT_SECRET, "msg_1", NOW)).await.0, 200);
    assert_eq!(outcome(ONE, signed(NEXT_SECRET, "msg_1", NOW)).await, (401, "wrong-signature".into()));
}

#[tokio::test]
async fn id_and_time_are_part_of_what_is_signed() {
    let good = signature(STANDARD_SECRET, "msg_1", NOW);
    let now = NOW.to_string();
    assert_eq!(outcome(ONE, request("msg_2", &now, &good)).await, (401, "wrong-signature".into()));
    let later = (NOW + 1).to_string();
    assert_eq!(outcome(ONE, request("msg_1", &later, &good)).await, (401, "wrong-signature".into()));
    let dotted = signature(STANDARD_SECRET, "msg.1", NOW);
    assert_eq!(
        outcome(ONE, request("msg.1", &now, &dotted)).await,
        (401, "malformed-header:webhook-id".into()),
        "a dot could move the boundary between id and time"
    );
}

#[tokio::test]
async fn an_id_that_no_sender_would_write_is_refused_though_it_is_signed() {
    let long = "m".repeat(257);
    for (id, expected) in
        [("m".repeat(256).as_str(), 200), ("msg 1", 401), ("msg\t1", 401), ("", 401), (long.as_str(), 401)]
    {
        let (status, reason) = outcome(ONE, signed(STANDARD_SECRET, id, NOW)).await;
        let told = if expected == 200 { "" } else { "malformed-header:webhook-id" };
        assert_eq!((status, reason.as_str()), (expected, told), "{id:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_base64_is_the_operator_s_fault() {
    let host = ScriptedHost::new().set("jobs_secret", "whsec_???");
    let response = call(&gate(&jobs_policy(ONE)), &host, signed(STANDARD_SECRET, "msg_1", NOW)).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
    assert_eq!(host.line()["reason"], "not-configured: jobs_secret is not a valid secret for the route's scheme");
}

#[tokio::test]
async fn github_s_published_example_is_verified() {
    // docs.github.com, "Testing the webhook payload validation": the body is not JSON, so it fails one step later.
    let request = |digit: &str| {
        Request::post("/hooks/github")
            .header("content-type", "application/json")
            .header("x-github-delivery", "1")
            .header(
                "x-hub-signature-256",
                format!("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1{digit}"),
            )
            .body("Hello, World!")
            .unwrap()
    };
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, request("7")).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (400, "malformed-body"));
    let host = ScriptedHost::new();
    assert_eq!(call(&gate(&example()), &host, request("8")).await.status(), 401);
}
