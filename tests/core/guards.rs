//! Guards against robots: each accepts people, and refuses, with its own name, what it guards against.

use std::time::Duration;

use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use postern::gate::Gate;
use postern::host::{Clock as _, FetchError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const KEY: &str = "canary-key-of-twenty-four-bytes";
const TOKEN: &str = "token = { key = \"form_key\", min_seconds = 3, max_seconds = 600 }";
const PROOF: &str = "proof_of_work = { key = \"form_key\", max_number = 300, max_seconds = 60 }";

fn host_at(seconds: i64) -> ScriptedHost {
    let host = ScriptedHost::new().set("form_key", KEY).set("captcha_secret", "canary-captcha-secret");
    host.now.set(NOW.checked_add_signed(seconds).unwrap());
    host
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(path).header("origin", SITE).body(Bytes::new()).unwrap()
}

async fn ask(gate: &Gate, path: &str) -> Value {
    let host = host_at(0);
    let response = call(gate, &host, get(path)).await;
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(header(&response, "access-control-allow-origin"), Some(SITE));
    assert!(host.lines.borrow().is_empty(), "asking has no audit line");
    body(&response)
}

fn script(form: &str) -> Request<Bytes> {
    set(browser(form), "accept", "application/json")
}

/// The result of a form: status, and the reason in the audit line.
async fn outcome(gate: &Gate, host: &ScriptedHost, form: &str) -> (u16, Value) {
    let response = call(gate, host, script(form)).await;
    let status = response.status().as_u16();
    assert_eq!(host.sent().len(), if status == 200 { 2 } else { 0 });
    (status, host.line()["reason"].clone())
}

#[tokio::test]
async fn a_form_token_is_good_for_its_time_its_route_and_its_key() {
    let gate_ = gate(&with(TOKEN));
    let issued = ask(&gate_, "/contact/token").await;
    assert_eq!(
        (&issued["field"], &issued["min_seconds"], &issued["max_seconds"]),
        (&json!("form_token"), &json!(3), &json!(600))
    );
    let token = issued["token"].as_str().unwrap();
    let form = |token: &str| format!("{GOOD}&form_token={token}");
    for (seconds, reason) in
        [(-1, Some("too-young")), (2, Some("too-young")), (3, None), (600, None), (601, Some("too-old"))]
    {
        let expected =
            reason.map_or((200, Value::Null), |reason| (403, json!(format!("unproven: form-token {reason}"))));
        assert_eq!(outcome(&gate_, &host_at(seconds), &form(token)).await, expected, "{seconds}");
    }
    let mut later = token.split('.').map(str::to_owned).collect::<Vec<_>>();
    later[0] = (NOW + 5).to_string();
    let shifted = format!("{}.{}", token.split_once('.').unwrap().0, &token[11..]).replacen('.', "", 1);
    for (token, reason) in [
        ("", "missing"),
        ("x", "forged"),
        (later.join(".").as_str(), "forged"),
        (shifted.as_str(), "forged"),
        (&token[..token.len() - 1], "forged"),
        (&format!("{token}.0"), "forged"),
    ] {
        let expected = (403, json!(format!("unproven: form-token {reason}")));
        assert_eq!(outcome(&gate_, &host_at(5), &form(token)).await, expected, "{token}");
    }
    assert_eq!(outcome(&gate_, &host_at(5), GOOD).await.1, "unproven: form-token missing");
    let other = host_at(5).set("form_key", "another-key-of-twenty-four-bytes");
    assert_eq!(outcome(&gate_, &other, &form(token)).await.1, "unproven: form-token forged");
    let files = with(TOKEN);
    let renamed = files
        .paths()
        .map(|path| (path.to_owned(), files.text(path).unwrap().replace("routes.contact", "routes.kontakt")));
    let renamed = gate(&renamed.collect());
    assert_eq!(outcome(&renamed, &host_at(5), &form(token)).await.1, "unproven: form-token forged");
}

#[tokio::test]
async fn the_page_of_errors_carries_a_fresh_token() {
    let gate = gate(&with(TOKEN));
    let token = ask(&gate, "/contact/token").await["token"].as_str().unwrap().to_owned();
    let host = host_at(5);
    let page = html(&call(&gate, &host, browser(&format!("name=&form_token={token}"))).await);
    let fresh = page.split_once("name=\"form_token\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    assert_ne!(fresh, token);
    assert_eq!(page.matches("form_token").count(), 1);
    assert_eq!(outcome(&gate, &host_at(10), &format!("{GOOD}&form_token={fresh}")).await.0, 200);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the widget does with a challenge, by the protocol's description.
fn solve(challenge: &Value) -> (u64, Value) {
    let salt = challenge["salt"].as_str().unwrap();
    let is_it = |number: &u64| challenge["challenge"] == hex(&Sha256::digest(format!("{salt}{number}")));
    let number = (0..=challenge["maxnumber"].as_u64().unwrap()).find(is_it).unwrap();
    let solution = json!({
        "algorithm": challenge["algorithm"],
        "challenge": challenge["challenge"],
        "number": number,
        "salt": salt,
        "signature": challenge["signature"],
        "took": 17,
    });
    (number, solution)
}

fn with_proof(solution: &Value) -> String {
    let encoded: String = form_urlencoded::byte_serialize(STANDARD.encode(solution.to_string()).as_bytes()).collect();
    format!("{GOOD}&altcha={encoded}")
}

#[tokio::test]
async fn a_proof_of_work_must_solve_a_challenge_of_this_gate_in_time() {
    let gate = gate(&with(PROOF));
    let challenge = ask(&gate, "/contact/challenge").await;
    assert_eq!((&challenge["algorithm"], &challenge["maxnumber"]), (&json!("SHA-256"), &json!(300)));
    let (number, solution) = solve(&challenge);
    for (seconds, expected) in
        [(0, (200, Value::Null)), (60, (200, Value::Null)), (61, (403, json!("unproven: proof-of-work too-old")))]
    {
        assert_eq!(outcome(&gate, &host_at(seconds), &with_proof(&solution)).await, expected, "{seconds}");
    }
    let changed = |name: &str, value: Value| {
        let mut solution = solution.clone();
        solution[name] = value;
        solution
    };
    let salt = challenge["salt"].as_str().unwrap();
    let own = hex(&Sha256::digest("salt?expires=9999999999&1"));
    let mut forged = changed("challenge", json!(own));
    (forged["salt"], forged["number"]) = (json!("salt?expires=9999999999&"), json!(1));
    for (solution, reason) in [
        (changed("number", json!(number + 1)), "wrong"),
        (changed("salt", json!(salt.replace("expires=1", "expires=2"))), "wrong"),
        (changed("algorithm", json!("SHA-1")), "malformed"),
        (changed("number", json!("1")), "malformed"),
        (changed("signature", json!("00")), "forged"),
        (forged, "forged"),
        (json!([]), "malformed"),
    ] {
        let expected = (403, json!(format!("unproven: proof-of-work {reason}")));
        assert_eq!(outcome(&gate, &host_at(0), &with_proof(&solution)).await, expected);
    }
    assert_eq!(outcome(&gate, &host_at(0), GOOD).await.1, "unproven: proof-of-work missing");
    let spliced = changed("salt", json!(format!("{salt}{number}")));
    assert_eq!(outcome(&gate, &host_at(0), &with_proof(&spliced)).await.0, 403);
}

#[tokio::test]
async fn challenges_differ_and_do_not_show_their_number() {
    let gate = gate(&with(PROOF));
    let host = host_at(0);
    let mut challenges = Vec::new();
    for _ in 0..5 {
        challenges.push(body(&call(&gate, &host, get("/contact/challenge")).await)["challenge"].to_string());
    }
    challenges.sort();
    challenges.dedup();
    assert_eq!(challenges.len(), 5);
}

fn captcha(lines: &str) -> Gate {
    gate(&with(&format!("captcha = {{ {lines} }}")))
}

fn verdict(value: Value) -> Answer {
    Ok(Response::builder().status(200).body(value.to_string().into()).unwrap())
}

#[tokio::test]
async fn a_captcha_is_checked_with_its_service() {
    let ok = json!({"success": true, "hostname": "www.contoso.example", "action": "contact", "score": 0.5});
    let with = |name: &str, value: Value| {
        let mut verdict = ok.clone();
        verdict[name] = value;
        verdict
    };
    for (service, field, address) in [
        ("turnstile", "cf-turnstile-response", "https://challenges.cloudflare.com/turnstile/v0/siteverify"),
        ("hcaptcha", "h-captcha-response", "https://api.hcaptcha.com/siteverify"),
        ("recaptcha-v2", "g-recaptcha-response", "https://www.google.com/recaptcha/api/siteverify"),
        ("recaptcha-v3", "g-recaptcha-response", "https://www.google.com/recaptcha/api/siteverify"),
    ] {
        let action = if matches!(service, "turnstile" | "recaptcha-v3") { ", action = \"contact\"" } else { "" };
        let gate = captcha(&format!("service = \"{service}\", secret = \"captcha_secret\"{action}"));
        let form = format!("{GOOD}&{field}=0.the_answer-A");
        let failed = |codes: Value| json!({"success": false, "error-codes": codes});
        for (answer, status, reason) in [
            (ok.clone(), 200, None),
            (with("hostname", json!("evil.example")), 403, Some("other-hostname")),
            (with("hostname", Value::Null), 403, Some("other-hostname")),
            (with("action", json!("login")), if action.is_empty() { 200 } else { 403 }, Some("other-action")),
            (with("score", json!(0.49)), if service == "recaptcha-v3" { 403 } else { 200 }, Some("low-score")),
            (with("score", Value::Null), if service == "recaptcha-v3" { 403 } else { 200 }, Some("low-score")),
            (failed(json!(["invalid-input-response"])), 403, Some("refused")),
            (failed(json!(["timeout-or-duplicate"])), 403, Some("refused")),
            (failed(json!(["invalid-input-secret"])), 503, Some("wrong-secret")),
            (failed(json!(["internal-error"])), 503, Some("unavailable")),
            (json!({}), 503, Some("not-judged")),
        ] {
            let host = host_at(0);
            host.answers.borrow_mut().push_back(verdict(answer.clone()));
            let slug = match (status, reason) {
                (503, Some("wrong-secret")) => "not-configured",
                (503, _) => "captcha-unavailable",
                _ => "unproven",
            };
            let (found, line) = outcome(&gate, &host, &form).await;
            assert_eq!(found, status, "{service} {answer}");
            let expected = reason.filter(|_| status != 200).map(|reason| format!("{slug}: captcha {reason}"));
            assert_eq!(line.as_str(), expected.as_deref(), "{service} {answer}");
            let request = &host.requests.borrow()[0];
            assert_eq!((request.uri().to_string().as_str(), request.method().as_str()), (address, "POST"));
            let sent: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
            assert_eq!(sent[0], ("secret".to_owned(), "canary-captcha-secret".to_owned()));
            assert_eq!(sent[1], ("response".to_owned(), "0.the_answer-A".to_owned()));
            assert_eq!(
                sent.get(2).map(|(name, _)| name.as_str()),
                (service == "turnstile").then_some("idempotency_key")
            );
        }
    }
}

#[tokio::test]
async fn a_captcha_is_the_last_to_be_asked_and_only_about_good_forms() {
    let gate = captcha("service = \"turnstile\", secret = \"captcha_secret\"");
    for (form, reason) in [
        (GOOD.to_owned(), "unproven: captcha missing"),
        (format!("{GOOD}&cf-turnstile-response="), "unproven: captcha missing"),
        (format!("{GOOD}&cf-turnstile-response={}", "x".repeat(8193)), "unproven: captcha refused"),
        ("name=A&cf-turnstile-response=x".to_owned(), "invalid-payload: required"),
    ] {
        let host = host_at(0);
        assert_eq!(outcome(&gate, &host, &form).await.1, reason);
        assert_eq!(host.requests.borrow().len(), 0, "nobody was asked");
    }
}

#[tokio::test]
async fn when_the_service_is_in_trouble_the_policy_decides_and_the_time_is_kept() {
    let form = format!("{GOOD}&cf-turnstile-response=x");
    let broken = || Ok(Response::builder().status(500).body(Bytes::new()).unwrap());
    for answer in [broken(), Err(FetchError::Unreachable), Err(FetchError::Timeout)] {
        for (policy, status) in [("", 503), (", on_failure = \"refuse\"", 503), (", on_failure = \"admit\"", 200)] {
            let gate = captcha(&format!("service = \"turnstile\", secret = \"captcha_secret\"{policy}"));
            let host = host_at(0);
            host.answers.borrow_mut().push_back(answer.clone());
            assert_eq!(outcome(&gate, &host, &form).await.0, status, "{policy}");
        }
    }
    let gate = captcha("service = \"turnstile\", secret = \"captcha_secret\", on_failure = \"admit\"");
    let host = host_at(0);
    host.latency.set(Duration::from_millis(4600));
    let start = host.monotonic();
    assert_eq!(call(&gate, &host, script(&form)).await.status(), 503, "half of nine seconds is the captcha's");
    let servers: Vec<_> = host.requests.borrow().iter().map(|asked| asked.uri().host().unwrap().to_owned()).collect();
    assert_eq!(servers[..2], ["challenges.cloudflare.com", "contoso.communication.azure.com"]);
    assert!(servers[2..].iter().all(|server| *server == servers[1]), "the first mail had what was left");
    assert!(host.monotonic() - start <= Duration::from_secs(9));
}

#[tokio::test]
async fn guards_without_their_keys_are_closed() {
    for (lines, name) in [
        (TOKEN, "form_key"),
        (PROOF, "form_key"),
        ("captcha = { service = \"turnstile\", secret = \"captcha_secret\" }", "captcha_secret"),
    ] {
        let gate = gate(&with(lines));
        let host = ScriptedHost::new();
        let expected = (503, json!(format!("not-configured: {name} is not set")));
        assert_eq!(outcome(&gate, &host, GOOD).await, expected);
        let ready = call(&gate, &host, get("/readyz")).await;
        assert_eq!(body(&ready)["missing"], json!([format!("{name} is not set")]));
    }
    let gate = gate(&with(TOKEN));
    let host = ScriptedHost::new().set("form_key", "twenty-three-characters");
    let expected = "not-configured: form_key is too short: a key needs at least 24 random characters";
    assert_eq!(outcome(&gate, &host, GOOD).await, (503, json!(expected)));
    assert_eq!(call(&gate, &host, get("/contact/token")).await.status(), 503);
}

#[tokio::test]
async fn a_dry_run_passes_the_guards_and_sends_nothing() {
    let gate = gate(&with(TOKEN));
    let token = ask(&gate, "/contact/token").await["token"].as_str().unwrap().to_owned();
    let dry = |form: String| {
        let mut request = script(&form);
        *request.uri_mut() = "/contact?_validate_only=1".parse().unwrap();
        request
    };
    let host = host_at(5);
    let response = call(&gate, &host, dry(format!("{GOOD}&form_token={token}"))).await;
    assert_eq!((response.status().as_u16(), body(&response)), (200, json!({"valid": true, "sent": 0})));
    assert_eq!((host.sent().len(), &host.line()["verdict"]), (0, &json!("validated")));
    for (form, status) in [(GOOD.to_owned(), 403), (format!("name=A&form_token={token}"), 422)] {
        assert_eq!(call(&gate, &host_at(5), dry(form)).await.status(), status);
    }
}

#[tokio::test]
async fn endpoints_are_there_for_forms_that_have_them() {
    let gate_ = gate(&with(TOKEN));
    let schema = ask(&gate_, "/contact/schema").await;
    assert_eq!(schema, serde_json::from_str::<Value>(example().text("schemas/contact.json").unwrap()).unwrap());
    for (path, status) in [
        ("/contact/challenge", 404),
        ("/contact/nothing", 404),
        ("/hooks/github/schema", 404),
        ("/contact/token/", 404),
    ] {
        assert_eq!(call(&gate_, &host_at(0), get(path)).await.status(), status, "{path}");
    }
    let response = call(&gate_, &host_at(0), post("/contact/token", URLENCODED, "")).await;
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("GET, HEAD")));
    let ask = Request::builder().method("OPTIONS").uri("/contact/token").header("origin", SITE).body("").unwrap();
    let response = call(&gate_, &host_at(0), ask).await;
    assert_eq!((response.status().as_u16(), header(&response, "access-control-allow-methods")), (204, Some("GET")));
    let foreign = set(get("/contact/token"), "origin", "https://evil.example");
    let response = call(&gate_, &host_at(0), foreign).await;
    assert_eq!(header(&response, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn the_script_is_small_and_everybodys() {
    let response = call(&gate(&example()), &host_at(0), get("/postern.js")).await;
    assert_eq!(header(&response, "content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(header(&response, "cross-origin-resource-policy"), Some("cross-origin"));
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    for word in ["eval(", "innerHTML", ".style", "document.write", "new Function"] {
        assert!(!text.contains(word), "a strict content security policy forbids {word}");
    }
    assert_eq!(call(&gate(&example()), &host_at(0), post("/postern.js", URLENCODED, "")).await.status(), 405);
}

#[test]
fn what_is_wrong_with_a_guard_is_a_finding() {
    for (lines, finding) in [
        (
            "token = { key = \"Form-Key\" }",
            "This is not a setting name: use lowercase letters, digits and single underscores, and start with a letter.",
        ),
        (
            "token = { key = \"k\", min_seconds = 60, max_seconds = 60 }",
            "`min_seconds` is not below `max_seconds`, so no form token would be valid.",
        ),
        ("token = { key = \"k\", max_seconds = 100000 }", "`max_seconds` must be between 1 and 86400."),
        ("proof_of_work = { key = \"k\", max_number = 0 }", "`max_number` must be between 1 and 10000000."),
        ("captcha = { service = \"captcha\", secret = \"k\" }", "There is no captcha service `captcha`."),
        ("captcha = { service = \"hcaptcha\", secret = \"k\", action = \"a\" }", "hcaptcha does not report actions."),
        ("captcha = { service = \"turnstile\", secret = \"k\", min_score = 0.5 }", "This `min_score` cannot be used."),
        (
            "captcha = { service = \"recaptcha-v3\", secret = \"k\", min_score = 1.5 }",
            "This `min_score` cannot be used.",
        ),
        (
            "captcha = { service = \"turnstile\", secret = \"k\", hostnames = [] }",
            "No captcha would be accepted, because its sites are unknown.",
        ),
    ] {
        let found = refused(&with(lines));
        assert_eq!(found, [finding]);
    }
}
