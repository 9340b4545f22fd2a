//! The gate uses only what is signed: nothing outside a scheme's proof decides what an event says or which event it is.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use postern::auth;
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

use crate::contracts::hook;
use crate::schemes::{auth_of, host, policy, request, shows_a_token, vectors};
use crate::support::*;

/// Every header in which a sender puts the id of an event or a delivery.
const NAMES: [&str; 7] = [
    "idempotency-key",
    "x-github-delivery",
    "x-shopify-webhook-id",
    "x-hookdeck-eventid",
    "i-twilio-idempotency-token",
    "ce-id",
    "x-request-id",
];

fn named(request: &Request<Bytes>, id: &str) -> Request<Bytes> {
    NAMES.iter().fold(request.clone(), |request, name| set(request, name, id))
}

fn is_event(vector: &Value) -> bool {
    vector["content_type"] != "application/json" || vector["body"].as_str().unwrap().starts_with('{')
}

#[tokio::test]
async fn a_recorded_request_is_the_same_operation_whatever_its_unsigned_headers_say() {
    let mut seen = BTreeSet::new();
    for vector in vectors().iter().filter(|vector| is_event(vector)) {
        let gate = gate(&policy(&auth_of(vector)));
        let mut operations = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for id in ["replay-1", "replay-2"] {
            let host = host(vector);
            assert_eq!(call(&gate, &host, named(&request(vector), id)).await.status(), 200, "{}", vector["name"]);
            operations.extend(host.operations());
            let line = host.line();
            ids.insert(line["event_id"].as_str().unwrap().to_owned());
            // The sender's id is still in the audit line.
            let signs_ids = ["svix", "standard-webhooks"].contains(&vector["scheme"].as_str().unwrap());
            let label = (!shows_a_token(vector) && !signs_ids).then_some(id);
            assert_eq!(line.get("delivery_id").and_then(Value::as_str), label, "{}", vector["name"]);
        }
        // The gate trusts everything from a caller that shows a secret.
        let expected = if shows_a_token(vector) { 2 } else { 1 };
        assert_eq!((operations.len(), ids.len()), (expected, expected), "{}", vector["name"]);
        seen.insert(vector["scheme"].as_str().unwrap().to_owned());
    }
    let all: BTreeSet<_> = vectors().iter().map(|vector| vector["scheme"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, all);
}

const TIMED: &str = r#"{ scheme = "hmac", secret = "hook_secret", rule = { header = "x-sig", signed = "{timestamp}.{body}", timestamp = "x-time", tolerance = 300 } }"#;
const NAMED: &str =
    r#"{ scheme = "hmac", secret = "hook_secret", rule = { header = "x-sig", signed = "{id}.{body}", id = "x-id" } }"#;
const BODY: &str = r#"{ scheme = "hmac", secret = "hook_secret", rule = { header = "x-sig" } }"#;

/// A request that its sender signed, with its own id if the rule has one.
fn signed(files: &Files, id: &str, content_type: &str, body: &str) -> Request<Bytes> {
    let policy = Policy::load(files).unwrap();
    let scheme = &policy.route("/hook").unwrap().auth.as_ref().unwrap().scheme;
    let made = auth::sign(scheme, "s3cret", id, UNIX_EPOCH + Duration::from_secs(NOW), false, body.as_bytes()).unwrap();
    let mut request = post("/hook", content_type, body.to_owned());
    for (name, value) in made.headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

fn signing_host() -> ScriptedHost {
    ScriptedHost::new().set("hook_secret", "s3cret")
}

async fn event_id(files: &Files, request: Request<Bytes>) -> String {
    let host = signing_host();
    assert_eq!(call(&gate(files), &host, request).await.status(), 200);
    host.line()["event_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rule_s_event_is_known_by_its_signed_id_else_by_its_body() {
    let body = r#"{"text":"one order"}"#;
    for auth in [TIMED, BODY] {
        let files = policy(auth);
        let first = event_id(&files, signed(&files, "", "application/json", body)).await;
        // printf '\0\0\0\0\0\0\0\x14{"text":"one order"}' | sha256sum
        assert_eq!(first, "sha256:0cbc47be79967b41e36c062d4e88ba41f875ae33b89e4271947348507495090f", "{auth}");
        let again = set(signed(&files, "", "application/json", body), "idempotency-key", "another");
        assert_eq!(event_id(&files, again).await, first, "{auth}");
        let other = signed(&files, "", "application/json", r#"{"text":"another order"}"#);
        assert_ne!(event_id(&files, other).await, first, "{auth}");
    }
    let files = policy(NAMED);
    for id in ["e-1", "e-2"] {
        let request = set(signed(&files, id, "application/json", body), "idempotency-key", "another");
        assert_eq!(event_id(&files, request).await, id);
    }
}

const ATTRIBUTES: [(&str, &str); 5] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "evil-1"),
    ("ce-source", "/bank"),
    ("ce-type", "pay.now"),
    ("ce-subject", "Pay the new account"),
];

fn with_attributes(request: Request<Bytes>) -> Request<Bytes> {
    ATTRIBUTES.iter().fold(request, |request, (name, value)| set(request, name, value))
}

#[tokio::test]
async fn an_event_s_attributes_are_headers_only_where_the_proof_covers_headers() {
    for vector in vectors() {
        let text = policy(&auth_of(&vector)).text("postern.toml").unwrap().to_owned();
        let text = text.replace("schema = \"any\"", "schema = \"any\"\nenvelope = \"cloudevents\"");
        let files = policy("");
        let other = files.paths().filter(|path| *path != "postern.toml").map(|path| (path, files.text(path).unwrap()));
        let gate = gate(&other.chain([("postern.toml", text.as_str())]).collect());
        let host = host(&vector);
        call(&gate, &host, with_attributes(request(&vector))).await;
        let refused = json!("unsupported-media-type");
        let expected = if shows_a_token(&vector) { (None, 1) } else { (Some(&refused), 0) };
        assert_eq!((host.line().get("reason"), host.sent().len()), expected, "{}", vector["name"]);
    }
}

#[tokio::test]
async fn a_signed_cloudevent_is_taken_in_the_modes_that_are_signed_whole() {
    let files = hook(&format!("auth = {BODY}\n        envelope = \"cloudevents\""));
    let event = json!({
        "specversion": "1.0", "id": "evt-1", "source": "/erp", "type": "invoice.paid", "subject": "A-17",
        "data": { "text": "paid" }
    });
    let (one, many) = (event.to_string(), json!([event]).to_string());
    for (content_type, body) in
        [("application/cloudevents+json", &one), ("application/cloudevents-batch+json; charset=utf-8", &many)]
    {
        let host = signing_host();
        let request = with_attributes(signed(&files, "", content_type, body));
        assert_eq!(call(&gate(&files), &host, request).await.status(), 200);
        assert_eq!(host.line()["event_id"], "/erp evt-1");
        assert_eq!(host.sent()[0]["content"]["subject"], "Event A-17");
    }
    // The same bytes, sent again as the data of another event.
    let detail = "The signature covers the body alone, so the content type must be application/cloudevents+json or \
                  application/cloudevents-batch+json.";
    let mut bare = with_attributes(signed(&files, "", "application/json", ""));
    bare.headers_mut().remove("content-type");
    for request in [with_attributes(signed(&files, "", "application/json", &one)), bare] {
        let host = signing_host();
        let response = call(&gate(&files), &host, request).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (415, "unsupported-media-type"));
        assert_eq!(body(&response)["detail"], detail);
        assert_eq!(host.sent().len(), 0);
    }
}

const TWILIO: &str = r#"{ scheme = "twilio", secret = "hook_secret", url = "https://mail.contoso.example/hook" }"#;

/// A form signed as Twilio does, sent with these bytes.
fn twilio(fields: &str, content_type: &str, body: &str) -> Request<Bytes> {
    let policy = Policy::load(&policy(TWILIO)).unwrap();
    let scheme = &policy.route("/hook").unwrap().auth.as_ref().unwrap().scheme;
    let made = auth::sign(scheme, "s3cret", "", UNIX_EPOCH, true, fields.as_bytes()).unwrap();
    let (name, value) = made.headers.first().unwrap();
    let mut request = post("/hook", content_type, body.to_owned());
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn a_form_that_twilio_signed_is_read_as_a_form_alone() {
    // The writer chooses the text of a short message: here, fields that together are JSON that somebody would like to
    // send.
    let fields = r#"AccountSid=AC1&Body="}{"Body":"Your account is closed","x":"&From=%2B1555"#;
    let body = r#"{"Body":"Your account is closed","x":"From%2B1555&AccountSidAC1Body"}"#;
    for content_type in ["application/x-www-form-urlencoded+json", "application/json"] {
        let host = signing_host();
        let response = call(&gate(&policy(TWILIO)), &host, twilio(fields, content_type, body)).await;
        assert_eq!((response.status().as_u16(), host.sent().len()), (401, 0), "{content_type}");
        assert_eq!(host.line()["reason"], "unauthenticated: missing-query-parameter");
    }
    for content_type in [URLENCODED, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        let host = signing_host();
        let response = call(&gate(&policy(TWILIO)), &host, twilio("Body=hello", content_type, "Body=hello")).await;
        assert_eq!((response.status().as_u16(), host.sent().len()), (200, 1), "{content_type}");
    }
}

#[tokio::test]
async fn fields_that_are_cut_or_written_otherwise_under_one_twilio_signature_are_one_event() {
    let fields = "Body=hello&From=%2B1555";
    let mut ids = BTreeSet::new();
    for body in [fields, "From=%2B1555&Body=hello", "Body=%68ello&From=%2B1555", "Body=helloFrom%2B1555"] {
        let host = signing_host();
        assert_eq!(call(&gate(&policy(TWILIO)), &host, twilio(fields, URLENCODED, body)).await.status(), 200, "{body}");
        ids.extend(host.operations());
    }
    assert_eq!(ids.len(), 1);
    // Nor does a field identify the event, although the contract would read it.
    let files = hook(&format!("auth = {TWILIO}\n        contract = \"slack\""));
    let mut ids = BTreeSet::new();
    for body in ["event_id=1&more=2", "event_id=1more2"] {
        ids.insert(event_id(&files, twilio("event_id=1&more=2", URLENCODED, body)).await);
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn signed_json_is_not_read_as_a_form() {
    // Somebody's text in a signed event: read as a form, it would be fields of their choice.
    let text = r#"{"type":"message","text":"&subject=Pay+the+new+account&x="}"#;
    for (auth, contract) in [(BODY, "slack"), (BODY, "github")] {
        let files = hook(&format!("auth = {auth}\n        contract = \"{contract}\""));
        for (content_type, reason) in [("application/json", None), (URLENCODED, Some("unsupported-media-type"))] {
            for body in [text.to_owned(), format!("\n {text}")] {
                let host = signing_host();
                call(&gate(&files), &host, signed(&files, "", content_type, &body)).await;
                assert_eq!(host.line().get("reason").and_then(Value::as_str), reason, "{contract} {content_type}");
                assert!(host.sent().iter().all(|mail| mail["content"]["subject"] == "Event"));
            }
        }
    }
}

#[tokio::test]
async fn an_address_in_an_id_does_not_reach_the_audit_line() {
    let bearer = hook("auth = { scheme = \"bearer\", secret = \"hook_secret\" }");
    for id in ["canary@customer.example", "canary%40customer.example", "order of <canary>", "\"canary\""] {
        let named = set(post("/hook", "application/json", "{}"), "idempotency-key", id);
        let shown = set(named.clone(), "authorization", "Bearer s3cret");
        let files = policy(BODY);
        let unsigned = set(signed(&files, "", "application/json", "{}"), "idempotency-key", id);
        for (files, request, member) in [(&bearer, shown, "event_id"), (&files, unsigned, "delivery_id")] {
            let host = signing_host();
            assert_eq!(call(&gate(files), &host, request).await.status(), 200);
            let line = host.line();
            assert!(!line.to_string().contains("canary"), "{line}");
            assert!(line[member].as_str().unwrap().starts_with("sha256:"), "{line}");
        }
    }
    // In the payload, it is just as harmless.
    let stripe = hook("auth = { scheme = \"bearer\", secret = \"hook_secret\" }\n        contract = \"stripe\"");
    let request = post("/hook", "application/json", r#"{"id":"canary@customer.example"}"#);
    assert!(event_id(&stripe, set(request, "authorization", "Bearer s3cret")).await.starts_with("sha256:"));
}

#[tokio::test]
async fn a_public_key_is_no_secret_that_somebody_signs_with() {
    let public = "whpk_Ik65HvEIHABh4ZJUjrXHfN7T4ZC8FD3UHNcvBvzUVA8=";
    for auth in [BODY, "{ scheme = \"github\", secret = \"hook_secret\" }"] {
        let host = ScriptedHost::new().set("hook_secret", public);
        let response = call(&gate(&policy(auth)), &host, post("/hook", "application/json", "{}")).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"), "{auth}");
    }
}

#[tokio::test]
async fn a_form_s_fields_in_another_order_are_another_event_where_a_mail_shows_their_order() {
    let files = example();
    let shows = "templates/contact-notify/body.txt.j2";
    let table = "{% for field in fields %}{{ field.label }}: {{ field.value }}\n{% endfor %}";
    let text =
        |path: &str| if path == shows { table.to_owned() } else { files.text(path).unwrap_or_default().to_owned() };
    let shown: Files = files.paths().map(|path| (path.to_owned(), text(path))).collect();
    let orders = [
        r#"{"name":"Ada","email":"ada@customer.example","message":"Hello!"}"#,
        r#"{"message":"Hello!","email":"ada@customer.example","name":"Ada"}"#,
        r#"{ "message": "Hello!", "email": "ada@customer.example", "name": "Ada" }"#,
    ];
    for (files, distinct) in [(&files, 1), (&shown, 2)] {
        let mut mails = BTreeSet::new();
        let mut operations = BTreeSet::new();
        for order in orders {
            let host = ScriptedHost::new();
            call(&gate(files), &host, post("/contact", "application/json", order)).await;
            operations.insert(host.operations());
            mails.insert(host.sends().iter().map(|request| request.body().clone()).collect::<Vec<_>>());
        }
        assert_eq!((operations.len(), mails.len()), (distinct, distinct));
    }
}

#[test]
fn visitors_are_sent_to_https_or_to_this_machine_alone() {
    for (address, good) in [
        ("https://www.contoso.example/thanks", true),
        ("http://localhost/thanks", true),
        ("http://localhost:8080/thanks", true),
        ("http://127.0.0.1:8080/thanks", true),
        ("http://[::1]:8080/thanks", true),
        ("http://localhost.evil.example/", false),
        ("http://localhost:80@evil.example/", false),
        ("http://localhost@evil.example/", false),
        ("https://www.contoso.example@evil.example/", false),
        ("http://www.contoso.example/", false),
        ("//www.contoso.example/", false),
        ("/thanks", false),
        ("javascript:alert(1)", false),
    ] {
        let expected =
            if good { vec![] } else { vec![format!("`{address}` is not a URL that visitors can be sent to.")] };
        assert_eq!(refused(&with(&format!("error_redirect = \"{address}\""))), expected);
    }
}

#[test]
fn a_schema_has_one_root_for_every_reference() {
    let schema = |inner: &str| {
        let files = hook("auth = { scheme = \"bearer\", secret = \"hook_secret\" }");
        let schema =
            format!(r##"{{"type": "object", "$id": "https://contoso.example/any", "properties": {{"a": {inner}}}}}"##);
        let text =
            |path: &str| if path == "schemas/any.json" { schema.clone() } else { files.text(path).unwrap().to_owned() };
        refused(&files.paths().map(|path| (path.to_owned(), text(path))).collect())
    };
    assert_eq!(schema(r#"{"properties": {"$id": {"type": "string"}, "id": {}}}"#), Vec::<String>::new());
    for keyword in ["$id", "id"] {
        let inner = format!(r##"{{"{keyword}": "https://contoso.example/other", "$ref": "#/$defs/b"}}"##);
        let expected = format!("`{keyword}` inside a schema changes what each `$ref` below it means.");
        assert_eq!(schema(&inner), [expected]);
    }
}

#[tokio::test]
async fn the_script_asks_no_form_for_what_a_control_can_hide() {
    let response = call(&gate(&example()), &ScriptedHost::new(), Request::get("/postern.js").body("").unwrap()).await;
    let script = String::from_utf8(response.body().to_vec()).unwrap();
    let code = script.lines().map(|line| line.split("//").next().unwrap_or_default());
    for line in code {
        assert!(!line.contains("form."), "a control of that name would stand in its place: {line}");
    }
}
