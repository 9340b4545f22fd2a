//! One mail's way to ACS: waits, repeats and results, with scripted answers and a clock that the test moves.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Response;
use postern::host::FetchError;
use serde_json::{Value, json};

use crate::support::*;

/// Sends the example's one-mail event, and returns the status, the mail's outcome and its entry in the audit line.
async fn event(host: &ScriptedHost) -> (u16, String, Value) {
    let response = call(&gate(&example()), host, github_request(&issue(), GITHUB_SECRET)).await;
    let outcome = body(&response)["mails"][0]["status"].as_str().unwrap().to_owned();
    (response.status().as_u16(), outcome, host.line()["mails"][0].clone())
}

/// `POST` and `GET`, in order.
fn calls(host: &ScriptedHost) -> Vec<String> {
    host.requests.borrow().iter().map(|request| request.method().to_string()).collect()
}

async fn operation_id() -> String {
    let host = ScriptedHost::new();
    event(&host).await;
    host.operations().remove(0)
}

#[tokio::test]
async fn a_repeat_has_the_same_body_and_id_and_a_new_signature() {
    let host = ScriptedHost::answering([refusal(429, "TooManyRequests"), refusal(429, "TooManyRequests")]);
    host.ticking.set(true);
    let (status, outcome, mail) = event(&host).await;
    assert_eq!((status, outcome.as_str(), &mail["attempts"]), (200, "accepted", &json!(3)));
    let sends = host.sends();
    let distinct =
        |value: &dyn Fn(&http::Request<bytes::Bytes>) -> String| sends.iter().map(value).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(&|request| format!("{:?}", request.body())), 1);
    for same in ["operation-id", "x-ms-client-request-id", "x-ms-content-sha256"] {
        assert_eq!(distinct(&|request| request.headers()[same].to_str().unwrap().to_owned()), 1, "{same}");
    }
    for new in ["x-ms-date", "authorization"] {
        assert_eq!(distinct(&|request| request.headers()[new].to_str().unwrap().to_owned()), 3, "{new}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_and_not_sent_again() {
    let id = operation_id().await;
    for lost in [
        Err(FetchError::Timeout),
        Err(FetchError::Unreachable),
        Err(FetchError::Garbled),
        refusal(500, "InternalServerError"),
        refusal(408, "Timeout"),
        Ok(Response::builder().status(202).body("{\"id\":\"8540".into()).unwrap()),
    ] {
        let host = ScriptedHost::answering([lost, operation(&id, "Running", None)]);
        let (status, outcome, mail) = event(&host).await;
        assert_eq!((status, outcome.as_str(), calls(&host)), (200, "accepted", vec!["POST".into(), "GET".into()]));
        assert_eq!(
            (&mail["attempts"], &mail["status_reads"], &mail["acs_status"]),
            (&json!(1), &json!(1), &json!(200))
        );
    }
}

#[tokio::test]
async fn a_status_read_is_signed_and_bare() {
    let host = ScriptedHost::answering([Err(FetchError::Timeout)]);
    event(&host).await;
    let requests = host.requests.borrow();
    let (id, read) = (requests[0].headers()["operation-id"].to_str().unwrap(), &requests[1]);
    let address = format!("https://contoso.communication.azure.com/emails/operations/{id}?api-version=2025-09-01");
    assert_eq!((read.method().as_str(), read.uri().to_string(), read.body().len()), ("GET", address, 0));
    let names: Vec<_> = read.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(
        names,
        ["accept", "x-ms-client-request-id", "traceparent", "x-ms-date", "x-ms-content-sha256", "authorization"]
    );
    assert_eq!(read.headers()["x-ms-content-sha256"], "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[tokio::test]
async fn an_early_404_is_unknown_and_the_same_is_sent_again() {
    let unknown = || refusal(404, "NotFound");
    let host = ScriptedHost::answering([Err(FetchError::Timeout), unknown(), unknown()]);
    let (status, outcome, _) = event(&host).await;
    assert_eq!((status, outcome.as_str()), (200, "accepted"));
    assert_eq!(calls(&host), ["POST", "GET", "GET", "POST"]);
    assert_eq!(host.operations().iter().collect::<BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn a_repeat_that_acs_refuses_is_decided_by_the_operation() {
    let id = operation_id().await;
    let unknown = || refusal(404, "NotFound");
    for answer in [refusal(400, "BadRequest"), refusal(409, "Conflict"), refusal(401, "Denied")] {
        let lost = [Err(FetchError::Timeout), unknown(), unknown(), answer.clone(), unknown()];
        let host = ScriptedHost::answering(lost.clone().into_iter().chain([operation(&id, "Running", None)]));
        let (status, outcome, _) = event(&host).await;
        assert_eq!((status, outcome.as_str()), (200, "accepted"), "{answer:?}");
        assert_eq!(calls(&host), ["POST", "GET", "GET", "POST", "GET", "GET"]);

        let host = ScriptedHost::answering(lost);
        host.ailing.replace(Some(unknown()));
        let (status, outcome, _) = event(&host).await;
        assert_eq!((status, outcome.as_str()), (503, "timeout"), "in doubt nothing is called refused: {answer:?}");
    }
}

#[tokio::test]
async fn a_first_400_may_be_the_repeat_of_an_earlier_request() {
    let id = operation_id().await;
    for (answer, decides, expected) in [
        (refusal(400, "BadRequest"), operation(&id, "Succeeded", None), (200, "duplicate")),
        (refusal(409, "Conflict"), operation(&id, "Running", None), (200, "duplicate")),
        (refusal(400, "BadRequest"), refusal(404, "NotFound"), (502, "rejected")),
    ] {
        let host = ScriptedHost::answering([answer, refusal(500, "InternalServerError"), decides]);
        let (status, outcome, _) = event(&host).await;
        assert_eq!((status, outcome.as_str(), calls(&host).join(" ")), (expected.0, expected.1, "POST GET GET".into()));
    }
}

#[tokio::test]
async fn an_operation_that_failed_is_told_with_acs_s_reason() {
    let id = operation_id().await;
    for (code, outcome) in [
        ("EmailDroppedAllRecipientsSuppressed", "suppressed"),
        ("InvalidEmailAddress", "invalid-address"),
        ("InvalidSenderUserName", "unknown-sender"),
        ("DomainNotLinked", "unlinked-domain"),
        ("EmailDropped", "rejected"),
    ] {
        let host = ScriptedHost::answering([Err(FetchError::Timeout), operation(&id, "Failed", Some(code))]);
        let (status, told, mail) = event(&host).await;
        assert_eq!((status, told.as_str(), &mail["acs_error"]), (502, outcome, &json!(code)));
        assert_eq!(mail.get("advice").is_some(), outcome != "rejected", "{outcome}");
    }
}

#[tokio::test]
async fn a_wait_that_acs_asks_for_is_kept_where_the_budget_has_room() {
    let wait =
        |seconds: &str| Ok(Response::builder().status(429).header("retry-after", seconds).body("".into()).unwrap());
    let host = ScriptedHost::answering([wait("5")]);
    let (status, outcome, mail) = event(&host).await;
    assert_eq!((status, outcome.as_str(), &mail["attempts"]), (200, "accepted", &json!(2)));
    assert_eq!(host.waits.borrow().as_slice(), [Duration::from_secs(5)]);

    let host = ScriptedHost::answering([wait("9")]);
    let (status, outcome, mail) = event(&host).await;
    assert_eq!((status, outcome.as_str(), &mail["attempts"]), (503, "throttled", &json!(1)));
    assert!(host.waits.borrow().is_empty(), "no time is spent on a wait that leads nowhere");
}

#[tokio::test]
async fn waits_are_random_below_doubling_bounds_and_calls_are_bounded() {
    let host = ScriptedHost::ailing(refusal(429, "TooManyRequests"));
    host.randomness.set(Some(u128::MAX));
    event(&host).await;
    let waits: Vec<_> = host.waits.borrow().iter().map(Duration::as_millis).collect();
    assert_eq!(waits, [200, 400, 800, 1600, 3200], "the next would not fit into nine seconds");

    let host = ScriptedHost::ailing(refusal(429, "TooManyRequests"));
    host.randomness.set(Some(0));
    let (_, _, mail) = event(&host).await;
    assert_eq!(mail["attempts"], postern::acs::MAX_CALLS);
}

#[tokio::test]
async fn a_call_that_hangs_leaves_time_for_the_next() {
    let host = ScriptedHost::ailing(Err(FetchError::Timeout));
    host.latency.set(Duration::from_secs(60));
    host.randomness.set(Some(0));
    let (status, outcome, mail) = event(&host).await;
    assert_eq!((status, outcome.as_str()), (503, "timeout"));
    assert_eq!((&mail["attempts"], &mail["status_reads"], &mail["duration_ms"]), (&json!(1), &json!(2), &json!(8750)));
}
