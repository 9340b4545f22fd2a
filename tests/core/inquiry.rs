//! `GET /operations/ID`: who may ask for an operation's status, and what the answer says.

use bytes::Bytes;
use http::{Request, Response};
use postern::host::FetchError;
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

use crate::support::*;

const ID: &str = "8540c0de-899f-5cce-acb5-3ec493af3800";
const TOKEN: &str = "a-token-for-those-who-ask";
const BEARER: &str = "{ scheme = \"bearer\", secret = \"operations_token\" }";

/// The example policy with a table `[operations]`.
fn policy(auth: &str) -> Files {
    preceded(&format!("[operations]\nauth = {auth}\n"))
}

fn host(answer: Option<Answer>) -> ScriptedHost {
    ScriptedHost::answering(answer).set("operations_token", TOKEN)
}

fn question(id: &str) -> Request<Bytes> {
    let request = Request::get(format!("/operations/{id}")).header("authorization", format!("Bearer {TOKEN}"));
    request.body(Bytes::new()).unwrap()
}

async fn ask(host: &ScriptedHost, request: Request<Bytes>) -> Response<Bytes> {
    call(&gate(&policy(BEARER)), host, request).await
}

#[tokio::test]
async fn acs_s_words_become_four_and_its_text_stays_here() {
    for (word, code, told) in [
        ("NotStarted", None, json!({"id": ID, "status": "running", "terminal": false})),
        ("Running", None, json!({"id": ID, "status": "running", "terminal": false})),
        ("SomethingNew", None, json!({"id": ID, "status": "running", "terminal": false})),
        ("Succeeded", None, json!({"id": ID, "status": "succeeded", "terminal": true})),
        ("Canceled", None, json!({"id": ID, "status": "canceled", "terminal": true})),
        (
            "Failed",
            Some("EmailDropped"),
            json!({"id": ID, "status": "failed", "terminal": true, "error": "EmailDropped"}),
        ),
        ("Failed", Some("canary text"), json!({"id": ID, "status": "failed", "terminal": true})),
    ] {
        let host = host(Some(operation(ID, word, code)));
        let response = ask(&host, question(ID)).await;
        assert_eq!((response.status().as_u16(), body(&response)), (200, told), "{word}");
        let requests = host.requests.borrow();
        assert_eq!(requests.len(), 1, "asked once");
        let uri = format!("https://contoso.communication.azure.com/emails/operations/{ID}?api-version=2025-09-01");
        assert_eq!((requests[0].method().as_str(), requests[0].uri().to_string()), ("GET", uri));
        assert_eq!(host.line()["verdict"], "answered");
    }
}

#[tokio::test]
async fn nobody_may_ask_unless_the_policy_says_so() {
    let host = host(None);
    let response = call(&gate(&example()), &host, question(ID)).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (404, "unknown-path"));
    assert_eq!(host.requests.borrow().len(), 0);
}

#[tokio::test]
async fn whoever_asks_must_prove_itself_first() {
    for (name, value, reason) in [
        ("authorization", "Bearer another", "unauthenticated: wrong-secret"),
        ("authorization", "Basic eDp5", "unauthenticated: malformed-header:authorization"),
        ("x-token", TOKEN, "unauthenticated: missing-header:authorization"),
    ] {
        for id in [ID, "not-an-id"] {
            let host = host(None);
            let request = Request::get(format!("/operations/{id}")).header(name, value).body(Bytes::new()).unwrap();
            let response = ask(&host, request).await;
            assert_eq!((response.status().as_u16(), problem(&response).as_str()), (401, "unauthenticated"));
            assert_eq!(host.requests.borrow().len(), 0);
            let line = host.line();
            assert_eq!((&line["reason"], &line["verdict"]), (&json!(reason), &json!("refused")));
            assert_eq!(line["caller"], json!({"scheme": "bearer", "outcome": "refused"}));
        }
    }
}

#[tokio::test]
async fn names_with_passwords_and_tokens_of_entra_do_too() {
    let basic = policy("{ scheme = \"basic\", secret = \"operations_token\" }");
    let host = ScriptedHost::answering([operation(ID, "Running", None)]).set("operations_token", "desk:s3cret");
    let request = set(question(ID), "authorization", "Basic ZGVzazpzM2NyZXQ=");
    assert_eq!(call(&gate(&basic), &host, request).await.status(), 200);
    assert_eq!(host.line()["caller"], json!({"scheme": "basic", "outcome": "verified"}));

    let fixture: Value = serde_json::from_str(include_str!("../fixtures/entra-tokens.json")).unwrap();
    let [tenant, audience, app] = ["tenant", "audience", "app"].map(|name| &fixture[name]);
    let auth = format!("{{ scheme = \"entra\", tenant = {tenant}, audience = {audience}, apps = [{app}] }}");
    for token in fixture["tokens"].as_array().unwrap() {
        let keys = Ok(Response::new(fixture["jwks"].to_string().into()));
        let host = ScriptedHost::answering([keys]);
        let request = set(question(ID), "authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
        let status = call(&gate(&policy(&auth)), &host, request).await.status();
        // ACS does not know an operation that it has not accepted.
        assert_eq!(status, if token["reason"].is_null() { 404 } else { 401 }, "{}", token["name"]);
    }
}

#[tokio::test]
async fn what_is_no_id_and_no_question_never_reaches_acs() {
    for id in ["", "not-an-id", "8540c0de899f5cceacb53ec493af3800", "%7B8540c0de-899f-5cce-acb5-3ec493af3800%7D"] {
        let host = host(None);
        let response = ask(&host, question(id)).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (400, "malformed-operation-id"), "{id}");
        assert_eq!(host.requests.borrow().len(), 0);
    }
    let host = host(None);
    let request = Request::delete(format!("/operations/{ID}")).body(Bytes::new()).unwrap();
    let response = ask(&host, request).await;
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("GET")));
    assert_eq!(host.requests.borrow().len(), 0);
}

#[tokio::test]
async fn what_acs_does_not_tell_has_a_problem_of_its_own() {
    let other = "00000000-0000-0000-0000-000000000000";
    let later = |wait: &'static str| {
        refusal(429, "TooManyRequests").map(|mut answer| {
            answer.headers_mut().insert("retry-after", wait.parse().unwrap());
            answer
        })
    };
    for (answer, status, kind, retry_after, outcome) in [
        (refusal(404, "NotFound"), 404, "unknown-operation", None, "unknown"),
        (later("7"), 503, "status-unavailable", Some("7"), "throttled"),
        (refusal(429, "TooManyRequests"), 503, "status-unavailable", Some("30"), "throttled"),
        (refusal(500, "InternalServerError"), 503, "status-unavailable", Some("30"), "unavailable"),
        (Err(FetchError::Timeout), 503, "status-unavailable", Some("30"), "timeout"),
        (Err(FetchError::Unreachable), 503, "status-unavailable", Some("30"), "unreachable"),
        (operation(other, "Succeeded", None), 503, "status-unavailable", Some("30"), "garbled"),
        (Ok(Response::new("<html>".into())), 503, "status-unavailable", Some("30"), "garbled"),
        (refusal(401, "Denied"), 502, "status-refused", None, "unauthorized"),
        (Err(FetchError::Denied), 502, "status-refused", None, "denied"),
    ] {
        let host = host(Some(answer));
        let response = ask(&host, question(ID)).await;
        let told = (response.status().as_u16(), problem(&response), header(&response, "retry-after"));
        assert_eq!(told, (status, kind.to_owned(), retry_after), "{outcome}");
        let line = host.line();
        assert_eq!(line["inquiry"]["outcome"], outcome);
        assert_eq!(line["inquiry"]["advice"].is_null(), status != 502, "{outcome}");
        let verdict = if status == 404 { "answered" } else { "failed" };
        assert_eq!(line["verdict"], verdict, "{outcome}");
        let reason = if status == 404 { kind.to_owned() } else { format!("{kind}: {outcome}") };
        assert_eq!(line["reason"], reason);
    }
}

#[tokio::test]
async fn the_line_says_who_asked_for_which_operation_and_what_came_of_it() {
    let host = host(Some(operation(ID, "Failed", Some("EmailDropped"))));
    ask(&host, question(ID)).await;
    let mut line = host.line();
    for name in ["time", "trace_id", "span_id", "trace_flags", "policy_sha256", "service.name", "event.name"] {
        assert!(line.as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    assert_eq!(
        line,
        json!({
            "severity_text": "INFO",
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "caller": {"scheme": "bearer", "outcome": "verified"},
            "verdict": "answered",
            "mails": [],
            "inquiry": {
                "operation_id": ID,
                "outcome": "failed",
                "acs_status": 200,
                "acs_error": "EmailDropped",
                "acs_request_id": host.requests.borrow()[0].headers()["x-ms-client-request-id"].to_str().unwrap(),
                "duration_ms": 7,
            },
            "duration_ms": 7,
        })
    );
}

#[tokio::test]
async fn a_secret_that_is_not_set_is_told_by_the_probe_and_lets_nobody_in() {
    let host = ScriptedHost::new();
    let gate = gate(&policy(BEARER));
    let response = call(&gate, &host, question(ID)).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
    assert_eq!(host.line()["reason"], "not-configured: operations_token is not set");
    let response = call(&gate, &host, Request::get("/readyz").body("").unwrap()).await;
    assert_eq!(body(&response)["missing"], json!(["operations_token is not set"]));
}

#[test]
fn the_table_is_made_valid_like_any_other() {
    let other = "[routes.other]\npath = \"/operations\"\nkind = \"event\"\nschema = \"contact\"\n\
                 auth = { scheme = \"bearer\", secret = \"a\" }\n[[routes.other.mails]]\ntemplate = \"contact-notify\"\n\
                 sender = \"website\"\npurpose = \"notification\"\nto = [\"a@contoso.example\"]\n";
    let signed = "is for events, not for status requests.";
    for (lines, line, message) in [
        ("[operations]", 1, "missing field `auth`.".to_owned()),
        ("[operations]\nauth = { scheme = \"github\", secret = \"a\" }", 2, format!("The scheme `github` {signed}")),
        ("[operations]\nauth = { scheme = \"gitlab\", secret = \"a\" }", 2, format!("The scheme `gitlab` {signed}")),
        ("[operations]\nauth = { scheme = \"magic\", secret = \"a\" }", 2, "There is no scheme `magic`.".to_owned()),
        ("[operations]\nauth = { scheme = \"bearer\" }", 2, "The scheme `bearer` needs a secret.".to_owned()),
        (other, 2, "The path `/operations` is reserved for the gate.".to_owned()),
        (
            &other.replace("/operations", "/operations/x"),
            2,
            "The path `/operations/x` is reserved for the gate.".to_owned(),
        ),
    ] {
        let files = preceded(lines);
        let findings = Policy::load(&files).unwrap_err();
        let told: Vec<_> = findings.iter().map(|finding| (finding.line(&files), finding.message.clone())).collect();
        assert_eq!(told, [(line, message)], "{lines}");
    }
}

#[test]
fn its_secret_is_one_of_the_policy_s_and_it_is_approved() {
    let names: Vec<_> = Policy::load(&policy(BEARER)).unwrap().secrets().into_iter().map(ToString::to_string).collect();
    assert_eq!(names, ["github_webhook_secret", "operations_token"]);
    let open = |files: &Files| {
        let open = postern_lint::approval::unapproved(files).unwrap();
        open.into_iter().map(|open| open.name).collect::<Vec<_>>()
    };
    assert_eq!(open(&policy(BEARER)), ["operations"]);
    assert_eq!(open(&example()), Vec::<String>::new());
}
