//! What a captcha's service answers when it has problems, and what the gate sends it: a stranger must not be able to
//! get a form admitted, nor to send the service anything but a solution.

use bytes::Bytes;
use http::Response;
use postern::host::FetchError;

use crate::support::*;

/// Status and reason of a form with this solution, when the service answers `verdict`.
async fn outcome(on_failure: &str, verdict: Option<Answer>, answer: &str) -> (u16, String) {
    let table = format!("service = \"hcaptcha\", secret = \"captcha_secret\", on_failure = \"{on_failure}\"");
    let host = ScriptedHost::new().set("captcha_secret", "canary-captcha-secret");
    let asked = verdict.is_some();
    host.answers.borrow_mut().extend(verdict);
    let answer: String = form_urlencoded::byte_serialize(answer.as_bytes()).collect();
    let form = set(browser(&format!("{GOOD}&h-captcha-response={answer}")), "accept", "application/json");
    let response = call(&gate(&with(&format!("captcha = {{ {table} }}"))), &host, form).await;
    let sends = host.sends().len();
    assert_eq!(host.requests.borrow().len(), sends + usize::from(asked));
    assert_eq!(sends, if response.status() == 200 { 2 } else { 0 });
    (response.status().as_u16(), host.line()["reason"].as_str().unwrap_or_default().to_owned())
}

fn verdict(status: u16, body: &'static str) -> Answer {
    Ok(Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
}

const ANSWER: &str = "P1_eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJwYXNza2V5Ijoi.fQ-_";

#[tokio::test]
async fn only_an_outage_admits() {
    let unavailable = "captcha-unavailable: captcha unavailable";
    let not_judged = "captcha-unavailable: captcha not-judged";
    let refused = "unproven: captcha refused";
    for (answer, status, reason, admitted) in [
        (Err(FetchError::Timeout), 503, unavailable, true),
        (Err(FetchError::Unreachable), 503, unavailable, true),
        (verdict(500, "<html>"), 503, unavailable, true),
        (verdict(503, ""), 503, unavailable, true),
        (verdict(200, "{\"success\": false, \"error-codes\": [\"internal-error\"]}"), 503, unavailable, true),
        // A firewall in front of the service rejects what the visitor wrote.
        (verdict(403, "<html>"), 403, refused, false),
        (verdict(413, ""), 403, refused, false),
        (verdict(414, ""), 403, refused, false),
        (verdict(400, "<html>"), 403, refused, false),
        (verdict(404, ""), 403, refused, false),
        // Anyone who sends many forms can cause this.
        (verdict(429, ""), 503, not_judged, false),
        (verdict(200, "<html>"), 503, not_judged, false),
        (verdict(302, ""), 503, not_judged, false),
        (Err(FetchError::Garbled), 503, not_judged, false),
        // A misconfiguration must not switch the captcha off.
        (Err(FetchError::Denied), 503, not_judged, false),
    ] {
        let what = format!("{answer:?}");
        assert_eq!(outcome("refuse", Some(answer.clone()), ANSWER).await, (status, reason.to_owned()), "{what}");
        let expected = if admitted { (200, String::new()) } else { (status, reason.to_owned()) };
        assert_eq!(outcome("admit", Some(answer), ANSWER).await, expected, "{what}");
    }
}

#[tokio::test]
async fn the_service_is_asked_about_answers_alone() {
    let yes = "{\"success\": true, \"hostname\": \"www.contoso.example\"}";
    let longest = "x".repeat(8192);
    // As Turnstile, hCaptcha and reCAPTCHA write them, and the documented ones of their test keys.
    for answer in [
        ANSWER,
        "0.Ab_c-9.d0eF",
        "XXXX.DUMMY.TOKEN.XXXX",
        "10000000-aaaa-bbbb-cccc-000000000001",
        "03AFcWeA7_-x",
        &longest,
    ] {
        assert_eq!(outcome("refuse", Some(verdict(200, yes)), answer).await.0, 200, "{answer}");
    }
    let too_long = "x".repeat(8193);
    for answer in ["<script>alert(1)</script>", "../../etc/passwd", "a b", "a\r\nb", "a&b", "a%00", "é", &too_long] {
        let refused = (403, "unproven: captcha refused".to_owned());
        assert_eq!(outcome("admit", None, answer).await, refused, "{answer}");
    }
}
