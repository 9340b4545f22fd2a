//! W3C Trace Context: accepted, passed on, logged.

use serde_json::json;

use crate::support::*;

/// The example of the standard (Trace Context, 3.2.4).
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The trace of the audit line and the `traceparent` that ACS got, for a request with these headers.
async fn traced(headers: &[&str]) -> (String, String) {
    let host = ScriptedHost::new();
    let mut request = github_request(&issue(), GITHUB_SECRET);
    for header in headers {
        request.headers_mut().append("traceparent", header.parse().unwrap());
    }
    call(&gate(&example()), &host, request).await;
    let line = host.line();
    let passed_on = host.sends()[0].headers()["traceparent"].to_str().unwrap().to_owned();
    let noted = ["trace_id", "span_id", "trace_flags"].map(|name| line[name].as_str().unwrap().to_owned()).join("-");
    assert_eq!(format!("00-{noted}"), passed_on);
    assert_eq!(host.sends()[0].headers().get("tracestate"), None);
    (line["trace_id"].as_str().unwrap().to_owned(), passed_on)
}

#[tokio::test]
async fn a_caller_s_trace_is_continued_with_a_span_of_our_own() {
    let (trace, passed_on) = traced(&[PARENT]).await;
    assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(passed_on, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000002-01");
    let later_version = format!("cc{}-what-the-future-brings", &PARENT[2..]);
    assert_eq!(traced(&[&later_version]).await.0, trace);
}

#[tokio::test]
async fn a_header_that_is_none_begins_a_new_trace() {
    let own = "00000000000000000000000000000001";
    let upper = PARENT.to_uppercase();
    for headers in [
        &[][..],
        &[PARENT, PARENT],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"],
        &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
        &["00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1"],
        &["canary"],
        &[&upper],
    ] {
        assert_eq!(traced(headers).await.0, own, "{headers:?}");
    }
}

#[tokio::test]
async fn severities_are_those_of_the_log_data_model() {
    for (answer, severity) in
        [(None, "INFO"), (Some(refusal(401, "Denied")), "ERROR"), (Some(refusal(404, "DomainNotLinked")), "ERROR")]
    {
        let host = ScriptedHost::answering(answer);
        call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
        assert_eq!(host.line()["severity_text"], severity);
    }
    let host = ScriptedHost::new();
    call(&gate(&example()), &host, github_request(&issue(), "another secret")).await;
    assert_eq!((&host.line()["severity_text"], &host.line()["trace_flags"]), (&json!("WARN"), &json!("00")));
}

#[tokio::test]
async fn errors_that_an_operator_must_mend_are_problems_of_their_own() {
    for (answer, slug) in [
        (refusal(400, "EmailDroppedAllRecipientsSuppressed"), "recipients-suppressed"),
        (refusal(400, "InvalidSenderUserName"), "unknown-sender"),
        (refusal(404, "DomainNotLinked"), "unlinked-domain"),
        (refusal(403, "DomainNotLinked"), "unlinked-domain"),
        (refusal(400, "BadRequest"), "not-accepted"),
    ] {
        let host = ScriptedHost::answering([answer]);
        let response = call(&gate(&example()), &host, github_request(&issue(), GITHUB_SECRET)).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (502, slug));
        assert_eq!(host.line()["reason"], slug);
        assert_eq!(host.line()["mails"][0].get("advice").is_some(), slug != "not-accepted");
    }
}
