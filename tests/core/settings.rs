//! Settings with something around them that nobody meant as part of the value, as `docker run --env-file`, `echo` and
//! Windows programs leave it: named by `/readyz`, and never used.

use http::Request;
use serde_json::{Value, json};

use crate::support::*;

/// A connection string of nobody's.
const CONNECTION: &str = "endpoint=https://contoso.communication.azure.com/;accesskey=a2V5IWtleSFrZXkha2V5IQ==";

async fn missing(files: &postern::policy::Files, host: &ScriptedHost) -> (u16, Value) {
    let response = call(&gate(files), host, Request::get("/readyz").body("").unwrap()).await;
    (response.status().as_u16(), body(&response)["missing"].clone())
}

fn connected(connection: &str) -> ScriptedHost {
    let mut host = ScriptedHost::new().set("acs_connection_string", connection);
    host.settings.remove("acs_endpoint");
    host.settings.remove("acs_access_key");
    host
}

const QUOTED: &str = "is in quotation marks, which count as part of the value: remove them";
const LINE_BREAK: &str = "starts or ends with a line break: remove it";
const SPACE: &str = "starts or ends with a space: remove it";
const INVISIBLE: &str = "starts or ends with an invisible character, such as a byte order mark: save it without one";

/// Each way in which people have put something around a value: docs.docker.com/compose/how-tos/environment-variables
/// ("quotation marks are part of the value" in docker/docs issue 123), `echo secret | kubectl create secret
/// --from-file`, and Windows PowerShell's `Out-File`.
const WAYS: [(&str, &str, &str); 8] = [
    ("\"", "\"", QUOTED),
    ("'", "'", QUOTED),
    ("\u{201C}", "\u{201D}", QUOTED),
    ("", "\n", LINE_BREAK),
    ("", "\r\n", LINE_BREAK),
    (" ", "", SPACE),
    ("", "\u{A0}", SPACE),
    ("\u{FEFF}", "", INVISIBLE),
];

#[tokio::test]
async fn settings_of_acs_are_named_with_what_is_around_them() {
    for (before, after, fault) in WAYS {
        let wrapped = |value: &str| format!("{before}{value}{after}");
        let host = connected(&wrapped(CONNECTION));
        assert_eq!(missing(&example(), &host).await, (503, json!([format!("acs_connection_string {fault}")])));
        let host = ScriptedHost::new()
            .set("acs_endpoint", &wrapped("https://contoso.communication.azure.com"))
            .set("acs_access_key", &wrapped("a2V5IWtleSFrZXkha2V5IQ=="))
            .set("redirect_all_to", &wrapped("staging@contoso.example"));
        let expected = ["acs_endpoint", "acs_access_key", "redirect_all_to"].map(|name| format!("{name} {fault}"));
        assert_eq!(missing(&example(), &host).await, (503, json!(expected)));
        // Nothing is sent with any of them.
        let response = call(&gate(&example()), &host, contact_request(&contact())).await;
        assert_eq!((response.status().as_u16(), host.requests.borrow().len()), (503, 0));
    }
    assert_eq!(missing(&example(), &connected(CONNECTION)).await, (200, Value::Null));
}

#[tokio::test]
async fn a_secret_with_something_around_it_checks_nobody() {
    for (before, after, fault) in WAYS {
        let host = ScriptedHost::new().set("github_webhook_secret", &format!("{before}{GITHUB_SECRET}{after}"));
        let expected = format!("github_webhook_secret {fault}");
        assert_eq!(missing(&example(), &host).await, (503, json!([expected])));
        // Neither the sender's signature nor one by the secret as it stands there is let in.
        for secret in [GITHUB_SECRET, &format!("{before}{GITHUB_SECRET}{after}")] {
            let host = ScriptedHost::new().set("github_webhook_secret", &format!("{before}{GITHUB_SECRET}{after}"));
            let response = call(&gate(&example()), &host, github_request(&issue(), secret)).await;
            assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
            assert_eq!(host.line()["reason"], format!("not-configured: {expected}"));
        }
    }
}

#[tokio::test]
async fn so_are_keys_of_guards_the_public_address_and_identities() {
    let files = with("token = { key = \"form_key\" }");
    for (before, after, fault) in WAYS {
        let wrapped = |value: &str| format!("{before}{value}{after}");
        let host = ScriptedHost::new()
            .set("form_key", &wrapped("a-key-with-many-random-characters"))
            .set("public_url", &wrapped("https://mail.contoso.example"));
        let expected = ["public_url", "form_key"].map(|name| format!("{name} {fault}"));
        assert_eq!(missing(&files, &host).await, (503, json!(expected)));

        let host = ScriptedHost::new()
            .set("acs_identity", "client-secret")
            .set("azure_tenant_id", &wrapped("72f988bf-86f1-41af-91ab-2d7cd011db47"))
            .set("azure_client_id", "00000000-0000-0000-0000-000000000001")
            .set("azure_client_secret", &wrapped("a-secret-of-the-app"));
        let expected = ["azure_tenant_id", "azure_client_secret"].map(|name| format!("{name} {fault}"));
        assert_eq!(missing(&example(), &host).await, (503, json!(expected)));
    }
    let host = ScriptedHost::new().set("public_url", "mail.contoso.example");
    let expected = "public_url must be an https address without a path (http only for localhost)";
    assert_eq!(missing(&example(), &host).await, (503, json!([expected])));
}
