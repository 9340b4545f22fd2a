//! `postern status`: asks ACS with the gate's settings, and reports an operation's status.

use std::time::{Duration, SystemTime};

use postern::acs::{AccessKey, sign};
use postern_emulator::{Config, DEVELOPMENT_KEY, Effect, Emulator, Fault};
use serde_json::{Value, json};

use crate::tool::{Said, postern, root, said};

const ID: &str = "8540c0de-899f-5cce-acb5-3ec493af3800";

/// An emulator that answers until the test ends.
fn emulator() -> (tokio::runtime::Runtime, String, postern_emulator::Store) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { running_for: Duration::ZERO, ..Config::default() };
    let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
    let (endpoint, store) = (emulator.endpoint(), emulator.store());
    runtime.spawn(emulator.serve(std::future::pending()));
    (runtime, endpoint, store)
}

/// Makes the emulator accept a mail to this address under the operation's id.
fn send(endpoint: &str, to: &str) {
    let body = json!({
        "senderAddress": "forms@contoso.example",
        "content": {"subject": "A test", "plainText": "x"},
        "recipients": {"to": [{"address": to}]},
    });
    let (body, path) = (body.to_string(), "/emails:send?api-version=2025-09-01");
    let (key, host) = (AccessKey::parse(DEVELOPMENT_KEY).unwrap(), endpoint.strip_prefix("http://").unwrap());
    let signature = sign(&key, &http::Method::POST, host, path, body.as_bytes(), SystemTime::now());
    let request = ureq::post(format!("{endpoint}{path}"))
        .header("content-type", "application/json")
        .header("operation-id", ID)
        .header("x-ms-date", signature.date)
        .header("x-ms-content-sha256", signature.content_sha256)
        .header("authorization", signature.authorization);
    assert_eq!(request.send(body).unwrap().status(), 202);
}

#[test]
fn a_mail_that_was_taken_is_told_in_a_word_or_as_json() {
    let succeeded = "succeeded: handed over for delivery; ACS's delivery reports say whether it arrived";
    let dropped = "failed EmailDroppedAllRecipientsSuppressed: ACS gave up";
    for (suppressed, text, told) in [
        (false, succeeded, json!({"id": ID, "status": "succeeded", "terminal": true})),
        (
            true,
            dropped,
            json!({"id": ID, "status": "failed", "terminal": true, "error": "EmailDroppedAllRecipientsSuppressed"}),
        ),
    ] {
        let (_runtime, endpoint, _) = emulator();
        if suppressed {
            ureq::post(format!("{endpoint}/api/suppressions"))
                .send_json(json!({"address": "ada@example.com"}))
                .unwrap();
        }
        send(&endpoint, "ada@example.com");
        let run = |format: &str| {
            let mut command = postern(root());
            command.env("ACS_CONNECTION_STRING", format!("endpoint={endpoint}/;accesskey={DEVELOPMENT_KEY}"));
            said(command.args(["status", ID, "--format", format]).output().unwrap())
        };
        let status = i32::from(suppressed);
        assert_eq!(run("text"), Said { status, stdout: format!("{text}\n"), stderr: String::new() });
        let json = run("json");
        assert_eq!((json.status, json.stderr.as_str()), (status, ""));
        assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap(), told);
    }
}

#[test]
fn what_acs_does_not_know_or_tell_has_an_exit_status_of_its_own() {
    let (_runtime, endpoint, store) = emulator();
    let status = |key: &str, format: &str| {
        let mut command = postern(root());
        command.env("ACS_ENDPOINT", &endpoint).env("ACS_ACCESS_KEY", key);
        said(command.args(["status", ID, "--format", format]).output().unwrap())
    };
    let told = |status, text: &str| Said { status, stdout: format!("{text}\n"), stderr: String::new() };
    let unknown = "unknown NotFound: it was never accepted, or too long ago; if it is new, ask again in a moment";
    assert_eq!(status(DEVELOPMENT_KEY, "text"), told(1, unknown));
    store.fault(Fault::next(Effect::status(503)).on_status());
    assert_eq!(status(DEVELOPMENT_KEY, "text").status, 3);
    let advice = "unauthorized Denied: check the key or the identity's role, the endpoint, the clock and the sender";
    assert_eq!(status("d3Jvbmc=", "text"), told(3, advice));
    let json = format!(r#"{{"id":"{ID}","status":"unauthorized","terminal":false}}"#);
    assert_eq!(status("d3Jvbmc=", "json"), told(3, &json));
    let sentence = "error: Missing or invalid settings (environment variables, upper case): acs_access_key is not \
                    valid base64, which an access key must be.\n";
    assert_eq!(status("???", "text"), Said { status: 1, stdout: String::new(), stderr: sentence.to_owned() });
}
