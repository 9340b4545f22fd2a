//! Third-party captchas: the only guard that makes a network call, and therefore the last.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::host::{Fetch, FetchError};
use crate::policy::{CaptchaGuard, Service};

/// The longest solution that the gate forwards; Turnstile's have 2048 characters at most, reCAPTCHA's and hCaptcha's a
/// few thousand.
const MAX_BYTES: usize = 8192;

/// Why the gate does not accept a captcha's solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// It is missing.
    #[error("missing")]
    Missing,
    /// The service does not accept it.
    #[error("refused")]
    Refused,
    /// It was solved on another site.
    #[error("other-hostname")]
    Hostname,
    /// It was solved for another action.
    #[error("other-action")]
    Action,
    /// The service considers the visitor a robot.
    #[error("low-score")]
    Score,
    /// The service does not accept the gate's secret.
    #[error("wrong-secret")]
    Secret,
    /// The service is down: it did not answer in time, could not be reached, or failed (5xx).
    #[error("unavailable")]
    Unavailable,
    /// The service is not down but gave no verdict: it received too many questions (429), its answer cannot be read, or
    /// the host does not let the gate ask. A stranger or a misconfiguration can cause this, so it never admits a form.
    #[error("not-judged")]
    NotJudged,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    hostname: Option<String>,
    action: Option<String>,
    score: Option<f64>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

/// Asks the service. If the service is down, the policy may admit the form.
pub(super) async fn check(
    host: &impl Fetch,
    guard: &CaptchaGuard,
    secret: &str,
    answer: Option<&str>,
    event: Uuid,
    timeout: Duration,
) -> Result<(), CaptchaError> {
    let answer = answer.filter(|answer| !answer.is_empty()).ok_or(CaptchaError::Missing)?;
    if answer.len() > MAX_BYTES || !answer.bytes().all(is_of_answers) {
        return Err(CaptchaError::Refused);
    }
    let verdict = ask(host, guard.service, secret, answer, event, timeout).await;
    match verdict.and_then(|verdict| judge(guard, &verdict)) {
        Err(CaptchaError::Unavailable) if guard.admit_on_failure => Ok(()),
        judged => judged,
    }
}

/// All services' solutions are parts in URL-safe base64 or hexadecimal digits, with dots between them. Anything else is
/// a stranger's own text, which might confuse the service.
const fn is_of_answers(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

async fn ask(
    host: &impl Fetch,
    service: &Service,
    secret: &str,
    answer: &str,
    event: Uuid,
    timeout: Duration,
) -> Result<Verdict, CaptchaError> {
    let form = question(service, secret, answer, event);
    let request = Request::post(service.address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(CONTENT_LENGTH, form.len())
        .header(ACCEPT, "application/json")
        .body(Bytes::from(form))
        .map_err(|_| CaptchaError::NotJudged)?;
    let answer = host.fetch(request, timeout).await.map_err(|error| match error {
        FetchError::Timeout | FetchError::Unreachable => CaptchaError::Unavailable,
        FetchError::Denied | FetchError::Garbled => CaptchaError::NotJudged,
    })?;
    let verdict = || serde_json::from_slice(answer.body()).ok();
    match answer.status() {
        StatusCode::OK => verdict().ok_or(CaptchaError::NotJudged),
        // hCaptcha and Turnstile report a wrong secret with a status of 400 and the same body.
        StatusCode::BAD_REQUEST => verdict().ok_or(CaptchaError::Refused),
        StatusCode::TOO_MANY_REQUESTS => Err(CaptchaError::NotJudged),
        // For example, a firewall's answer to what this visitor sent.
        status if status.is_client_error() => Err(CaptchaError::Refused),
        status if status.is_server_error() => Err(CaptchaError::Unavailable),
        _ => Err(CaptchaError::NotJudged),
    }
}

/// The body that all four services accept.
fn question(service: &Service, secret: &str, answer: &str, event: Uuid) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("secret", secret).append_pair("response", answer);
    if service.takes_event_id {
        // A solution counts once. This id recognises a visitor who sends the form again after ACS failed.
        form.append_pair("idempotency_key", &event.to_string());
    }
    form.finish()
}

fn judge(guard: &CaptchaGuard, verdict: &Verdict) -> Result<(), CaptchaError> {
    let has_code = |codes: &[&str]| verdict.error_codes.iter().any(|code| codes.contains(&code.as_str()));
    if !verdict.success {
        return Err(if has_code(&["invalid-input-secret", "missing-input-secret", "sitekey-secret-mismatch"]) {
            CaptchaError::Secret
        } else if has_code(&["internal-error"]) {
            CaptchaError::Unavailable
        } else {
            CaptchaError::Refused
        });
    }
    let hostname = verdict.hostname.as_deref().unwrap_or_default();
    if !guard.hostnames.iter().any(|known| known == hostname) {
        return Err(CaptchaError::Hostname);
    }
    if guard.action.is_some() && guard.action != verdict.action {
        return Err(CaptchaError::Action);
    }
    match (guard.service.has_score, verdict.score) {
        (true, Some(score)) if score >= guard.min_score => Ok(()),
        (true, _) => Err(CaptchaError::Score),
        (false, _) => Ok(()),
    }
}
