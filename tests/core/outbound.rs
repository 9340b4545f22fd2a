//! The gate's own check of where its requests go.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use postern::guard;
use postern::host::{Fetch as _, FetchError};
use postern::outbound::Outbound;
use postern::policy::Policy;

use crate::support::*;

async fn fetched(host: &ScriptedHost, url: &str) -> Result<u16, FetchError> {
    fetched_for(host, None, url).await
}

async fn fetched_for(host: &ScriptedHost, verifier: Option<Uri>, url: &str) -> Result<u16, FetchError> {
    let request = Request::post(url).header("operation-id", "x").body(Bytes::new()).unwrap();
    let answer = Outbound::new(host, verifier, None).fetch(request, Duration::from_secs(1)).await;
    answer.map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn requests_go_to_the_acs_resource_alone() {
    let host = ScriptedHost::new();
    for (url, answer) in [
        ("https://contoso.communication.azure.com/emails:send", Ok(202)),
        ("https://CONTOSO.communication.azure.com:443/x", Ok(202)),
        ("http://contoso.communication.azure.com/", Err(FetchError::Denied)),
        ("https://contoso.communication.azure.com:8443/", Err(FetchError::Denied)),
        ("https://user@contoso.communication.azure.com/", Err(FetchError::Denied)),
        ("https://contoso.communication.azure.com.evil.example/", Err(FetchError::Denied)),
        ("https://evil.example/contoso.communication.azure.com", Err(FetchError::Denied)),
        ("http://127.0.0.1/", Err(FetchError::Denied)),
        ("/emails:send", Err(FetchError::Denied)),
    ] {
        assert_eq!(fetched(&host, url).await, answer, "{url}");
    }
    assert_eq!(host.requests.borrow().len(), 2, "a denied request never reaches the host");
}

#[tokio::test]
async fn without_a_resource_there_is_nobody_to_talk_to() {
    let mut host = ScriptedHost::new();
    host.settings.clear();
    assert_eq!(fetched(&host, "https://contoso.communication.azure.com/").await, Err(FetchError::Denied));
    let connection = "endpoint=https://other.communication.azure.com/;accesskey=a2V5IQ==";
    host.settings.insert("acs_connection_string".into(), connection.into());
    assert_eq!(fetched(&host, "https://contoso.communication.azure.com/").await, Err(FetchError::Denied));
    assert_eq!(fetched(&host, "https://other.communication.azure.com/").await, Ok(202));
}

#[tokio::test]
async fn an_identity_adds_the_server_of_its_tokens() {
    let mut host = ScriptedHost::new();
    host.settings = [
        ("acs_endpoint", "https://contoso.communication.azure.com"),
        ("acs_identity", "client-secret"),
        ("azure_tenant_id", "contoso.example"),
        ("azure_client_id", "gate"),
        ("azure_client_secret", "secret"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for url in ["https://contoso.communication.azure.com/", "https://login.microsoftonline.com/x"] {
        assert!(fetched(&host, url).await.is_ok(), "{url}");
    }
    assert_eq!(fetched(&host, "https://login.evil.example/").await, Err(FetchError::Denied));
}

#[tokio::test]
async fn a_captcha_adds_its_service_to_its_form_alone() {
    let policy = Policy::load(&with("captcha = { service = \"turnstile\", secret = \"captcha_secret\" }")).unwrap();
    assert_eq!(policy.servers(), ["https://challenges.cloudflare.com"]);
    let host = ScriptedHost::new();
    let verifier = |path| guard::verifier(policy.route(path).unwrap());
    for (path, url, answer) in [
        ("/contact", "https://challenges.cloudflare.com/turnstile/v0/siteverify", Ok(202)),
        ("/contact", "https://contoso.communication.azure.com/", Ok(202)),
        ("/contact", "https://api.hcaptcha.com/siteverify", Err(FetchError::Denied)),
        ("/hooks/github", "https://challenges.cloudflare.com/turnstile/v0/siteverify", Err(FetchError::Denied)),
    ] {
        assert_eq!(fetched_for(&host, verifier(path), url).await, answer, "{path} {url}");
    }
    assert_eq!(Policy::load(&example()).unwrap().servers(), Vec::<String>::new());
}
