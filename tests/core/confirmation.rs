//! The confirmation link: the gate sends nothing else before somebody follows it, and nobody but the gate can create
//! one.

use std::collections::BTreeMap;

use crate::support::*;
use bytes::Bytes;
use http::{Request, Response};
use postern::gate::Gate;
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

const KEY: &str = "canary-key-of-twenty-four-bytes";
const DAY: u64 = 86_400;

const POLICY: &str = r#"
[senders.web]
address = "website@notify.contoso.example"
owner = "web@contoso.example"

[routes.news]
path = "/news"
kind = "form"
schema = "news"
origins = ["https://www.contoso.example"]

[routes.news.form]
confirmation = { key = "form_key", thanks = "https://www.contoso.example/welcome" }

[[routes.news.mails]]
template = "ask"
sender = "web"
purpose = "verification"
to = { field = "/email" }

[[routes.news.mails]]
template = "entry"
sender = "web"
purpose = "notification"
to = ["sales@contoso.example"]
reply_to = { field = "/email" }
"#;

const SCHEMA: &str = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
    "properties": {"email": {"type": "string", "format": "email", "maxLength": 254, "title": "E-mail"},
        "wish": {"type": "string", "maxLength": 9000}},
    "required": ["email"], "additionalProperties": false}"#;

fn files() -> BTreeMap<String, String> {
    let files = [
        ("postern.toml", POLICY),
        ("schemas/news.json", SCHEMA),
        ("templates/ask/subject.txt.j2", "Please confirm"),
        ("templates/ask/body.txt.j2", "Follow {{ confirmation_link }}"),
        ("templates/ask/sample.json", r#"{"email": "ada@customer.example"}"#),
        ("templates/entry/subject.txt.j2", "New subscriber"),
        ("templates/entry/body.txt.j2", "{% for field in fields %}{{ field.label }}={{ field.value }};{% endfor %}"),
        ("templates/entry/sample.json", r#"{"email": "ada@customer.example"}"#),
    ];
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

fn news() -> Gate {
    gate(&files().into_iter().collect())
}

fn host_at(seconds: u64) -> ScriptedHost {
    let host = ScriptedHost::new().set("form_key", KEY).set("public_url", "https://mail.contoso.example/");
    host.now.set(NOW + seconds);
    host
}

fn form(body: &str) -> Request<Bytes> {
    let mut request = browser(body);
    *request.uri_mut() = "/news".parse().unwrap();
    request
}

fn follow(link: &str) -> Request<Bytes> {
    let target = link.strip_prefix("https://mail.contoso.example").unwrap();
    Request::get(target).header("accept", "text/html").body(Bytes::new()).unwrap()
}

/// Sends a form; returns the link in the only mail that is sent.
async fn asked(gate: &Gate, host: &ScriptedHost, body: &str) -> String {
    let response = call(gate, host, form(body)).await;
    assert_eq!(response.status(), 200, "{response:?}");
    let sent = host.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["recipients"], json!({"to": [{"address": "ada@customer.example"}]}));
    sent[0]["content"]["plainText"].as_str().unwrap().strip_prefix("Follow ").unwrap().to_owned()
}

/// The result of following a link: the answer, and the audit line.
async fn followed(gate: &Gate, host: &ScriptedHost, link: &str) -> (Response<Bytes>, Value) {
    let response = call(gate, host, follow(link)).await;
    (response, host.line())
}

const BODY: &str = "wish=Letters&email=ada%40customer.example";

#[tokio::test]
async fn the_mails_wait_for_the_link_and_the_fields_keep_their_order() {
    let gate = news();
    let host = host_at(0);
    let response = call(&gate, &host, form(BODY)).await;
    let page = html(&response);
    assert!(page.contains("<h1>Please check your email</h1>"), "{page}");
    assert_eq!(
        (host.line()["verdict"].as_str(), host.line()["mails"][0]["mail"].as_str()),
        (Some("sent"), Some("ask"))
    );
    let link = asked(&gate, &host_at(0), BODY).await;

    let host = host_at(60);
    let (response, line) = followed(&gate, &host, &link).await;
    assert_eq!(response.status(), 303);
    assert_eq!(header(&response, "location"), Some("https://www.contoso.example/welcome"));
    let sent = host.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["content"]["plainText"], "wish=Letters;E-mail=ada@customer.example;");
    assert_eq!(sent[0]["replyTo"], json!([{"address": "ada@customer.example"}]));
    assert_eq!((line["verdict"].as_str(), line["http.request.method"].as_str()), (Some("sent"), Some("GET")));
    assert!(!line.to_string().contains("token"), "the link holds what the visitor wrote: {line}");

    let again = host_at(90);
    followed(&gate, &again, &link).await;
    assert_eq!(again.operations(), host.operations(), "following it twice sends one mail");
}

#[tokio::test]
async fn scripts_are_told_that_something_is_to_come() {
    let host = host_at(0);
    let response = call(&news(), &host, set(form(BODY), "accept", "application/json")).await;
    assert_eq!((&body(&response)["sent"], &body(&response)["confirmation"]), (&json!(1), &json!("pending")));
}

#[tokio::test]
async fn the_same_form_asks_once_in_a_period_and_anew_in_the_next() {
    let gate = news();
    let start = DAY - NOW % DAY;
    let (first, again, next) = (host_at(start), host_at(start + DAY - 1), host_at(start + DAY));
    let link = asked(&gate, &first, BODY).await;
    assert_eq!(asked(&gate, &again, BODY).await, link);
    assert_eq!(again.operations(), first.operations());
    assert_ne!(asked(&gate, &next, BODY).await, link);
    assert_ne!(next.operations(), first.operations());
}

#[tokio::test]
async fn a_link_is_good_for_two_periods_its_route_and_its_key() {
    let gate = news();
    let start = DAY - NOW % DAY;
    let link = asked(&gate, &host_at(start), BODY).await;
    let (address, token) = link.split_once("?token=").unwrap();
    let (claims, signature) = token.split_once('.').unwrap();
    let outcome = async |gate: &Gate, host: ScriptedHost, link: &str| {
        let (response, line) = followed(gate, &host, link).await;
        assert_eq!(host.sent().len(), usize::from(response.status() == 303));
        (response.status().as_u16(), line["reason"].clone())
    };
    assert_eq!(outcome(&gate, host_at(start + 2 * DAY - 1), &link).await, (303, Value::Null));
    let old = outcome(&gate, host_at(start + 2 * DAY), &link).await;
    assert_eq!(old, (403, json!("unproven: confirmation too-old")));
    let forged = (403, json!("unproven: confirmation forged"));
    let other = format!("{}.{signature}", claims.replacen('a', "b", 1));
    let long = "a".repeat(6001);
    for token in ["", "x", ".", claims, other.as_str(), &format!("{claims}.{}", &signature[1..]), &long] {
        assert_eq!(outcome(&gate, host_at(start), &format!("{address}?token={token}")).await, forged, "{token}");
    }
    assert_eq!(outcome(&gate, host_at(start), address).await, forged);
    let other_key = host_at(start).set("form_key", "another-key-of-twenty-four-bytes");
    assert_eq!(outcome(&gate, other_key, &link).await, forged);
    let mut renamed = files();
    let policy = renamed.get_mut("postern.toml").unwrap();
    *policy = policy.replace("routes.news", "routes.letters");
    assert_eq!(outcome(&super::support::gate(&renamed.into_iter().collect()), host_at(start), &link).await, forged);
}

#[tokio::test]
async fn a_dead_link_has_a_page_in_the_visitors_language() {
    let mut request = follow("https://mail.contoso.example/news/confirm?token=x");
    request.headers_mut().insert("accept-language", "de".parse().unwrap());
    let page = html(&call(&news(), &host_at(0), request).await);
    assert!(page.contains("Dieser Link ist zu alt oder nicht vollständig."), "{page}");
    assert!(!page.contains("<form"), "{page}");
}

#[tokio::test]
async fn only_reading_the_page_confirms() {
    let gate = news();
    let link = asked(&gate, &host_at(0), BODY).await;
    for method in ["HEAD", "POST", "PUT"] {
        let host = host_at(0);
        let mut request = follow(&link);
        *request.method_mut() = method.parse().unwrap();
        let response = call(&gate, &host, request).await;
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("GET")), "{method}");
        assert!(host.sent().is_empty());
    }
}

#[tokio::test]
async fn a_form_that_fits_no_link_is_refused_as_too_large() {
    let host = host_at(0);
    let body = format!("email=ada%40customer.example&wish={}", "x".repeat(5000));
    let response = call(&news(), &host, set(form(&body), "accept", "application/json")).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (413, "body-too-large"));
    assert_eq!(host.line()["reason"], "body-too-large: confirmation too-long");
    assert!(host.sent().is_empty());
}

#[tokio::test]
async fn what_the_schema_no_longer_takes_is_not_sent() {
    let link = asked(&news(), &host_at(0), BODY).await;
    let mut changed = files();
    changed.insert("schemas/news.json".to_owned(), SCHEMA.replace("9000", "3"));
    let host = host_at(60);
    let (response, line) = followed(&gate(&changed.into_iter().collect()), &host, &link).await;
    assert_eq!((response.status().as_u16(), line["reason"].clone()), (422, json!("invalid-payload: maxLength")));
    assert!(html(&response).contains("This link has expired or is incomplete."));
    assert!(host.sent().is_empty());
}

#[tokio::test]
async fn the_gates_own_address_is_a_setting_and_no_header() {
    for (value, reason) in [
        (None, "public_url is not set"),
        (Some("mail.contoso.example"), "public_url must be an https address without a path (http only for localhost)"),
        (
            Some("http://mail.contoso.example"),
            "public_url must be an https address without a path (http only for localhost)",
        ),
    ] {
        let mut host = host_at(0);
        host.settings.remove("public_url");
        host.settings.extend(value.map(|value| ("public_url".to_owned(), value.to_owned())));
        let response = call(&news(), &host, set(form(BODY), "host", "evil.example")).await;
        assert_eq!(
            (response.status().as_u16(), host.line()["reason"].clone()),
            (503, json!(format!("not-configured: {reason}")))
        );
        let ready = call(&news(), &host, Request::get("/readyz").body(Bytes::new()).unwrap()).await;
        assert_eq!(body(&ready)["missing"], json!([reason]));
    }
}

#[test]
fn a_policy_asks_for_what_it_can_keep() {
    let one = "A form with `confirmation` needs one mail with the purpose `verification` and without `when`.";
    for (from, to, message) in [
        ("purpose = \"verification\"", "purpose = \"acknowledgement\"", one),
        (
            "purpose = \"notification\"\nto = [\"sales@contoso.example\"]",
            "purpose = \"verification\"\nto = { field = \"/email\" }",
            one,
        ),
        ("template = \"ask\"", "template = \"ask\"\nwhen = { required = [\"wish\"] }", one),
        (
            "[routes.news.form]",
            "[routes.news.form]\nattachments = { types = [\"pdf\"] }",
            "A form with `attachments` cannot have `confirmation`.",
        ),
        ("key = \"form_key\"", "key = \"form_key\", max_seconds = 59", "`max_seconds` must be between 60 and 604800."),
    ] {
        let mut files = files();
        let policy = files.get_mut("postern.toml").unwrap();
        assert!(policy.contains(from));
        *policy = policy.replacen(from, to, 1);
        assert_eq!(refused(&files.into_iter().collect::<Files>()), [message], "{to}");
    }
    let mut alone = files();
    let policy = alone.get_mut("postern.toml").unwrap();
    let second = policy.rfind("[[routes.news.mails]]").unwrap();
    policy.truncate(second);
    alone.retain(|path, _| !path.starts_with("templates/entry"));
    assert_eq!(refused(&alone.into_iter().collect()), ["Nothing would be sent after the confirmation."]);
    let mut named = files();
    named.insert("schemas/news.json".to_owned(), SCHEMA.replace("\"wish\"", "\"confirmation_link\""));
    assert_eq!(
        refused(&named.into_iter().collect()),
        ["The schema of a form with `confirmation` cannot have a property `confirmation_link`."]
    );
}

#[test]
fn the_mail_that_asks_shows_the_link_in_every_part() {
    let findings = |files: BTreeMap<String, String>| {
        let found = postern_lint::check(&files.into_iter().collect());
        let about = found.into_iter().filter(|finding| finding.file.starts_with("templates/"));
        about.map(|finding| format!("{}: {}", finding.file, finding.message)).collect::<Vec<_>>()
    };
    assert!(Policy::load(&files().into_iter().collect()).is_ok());
    assert_eq!(findings(files()), [] as [&str; 0]);
    let mut without = files();
    without.insert("templates/ask/body.txt.j2".to_owned(), "Hello".to_owned());
    without.insert("templates/ask/body.html.j2".to_owned(), "<p>Hello</p>".to_owned());
    let message = "The mail `ask` asks for a confirmation but does not contain the link.";
    assert_eq!(
        findings(without),
        [format!("templates/ask/body.html.j2: {message}"), format!("templates/ask/body.txt.j2: {message}")]
    );
    let mut elsewhere = files();
    elsewhere.insert("templates/entry/body.txt.j2".to_owned(), "{{ confirmation_link }}".to_owned());
    assert_eq!(findings(elsewhere).len(), 1, "other mails have no link");
}
