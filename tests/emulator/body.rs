//! The format of a send request.

use postern_emulator::{ApiVersion, Senders};
use serde_json::{Value, json};

use crate::lab::{Lab, SEND, email, with, without};

#[test]
fn an_accepted_mail_is_answered_as_acs_answers() {
    let lab = Lab::new();
    let answer = lab.send(&email());
    let [message] = lab.store.messages().try_into().unwrap();
    let (id, host) = (message.id, lab.address);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.text, format!(r#"{{"id":"{id}","status":"Running","error":null}}"#));
    assert_eq!(
        answer.header("operation-location").unwrap(),
        format!("http://{host}/emails/operations/{id}?api-version=2025-09-01")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("api-supported-versions"), Some("2023-03-31, 2024-07-01-preview, 2025-09-01"));
    assert!(answer.header("mise-correlation-id").is_some());
    assert_eq!(message.email.content.plain_text.as_deref(), Some("Hi"));
    assert_eq!(message.received_at, lab.now());
}

#[test]
fn every_field_of_the_description_is_kept() {
    let lab = Lab::new();
    let full = json!({
        "headers": {"ClientCorrelationId": "123"},
        "senderAddress": "abc@contoso.example",
        "content": {"subject": "An offer", "plainText": "text", "html": "<h1>html</h1>"},
        "recipients": {
            "to": [{"address": "john.doe@example.com", "displayName": "John Doe"}],
            "cc": [{"address": "wendy@example.net", "displayName": "Wendy"}],
            "bcc": [{"address": "bob@example.org", "displayName": "Bob"}],
        },
        "attachments": [{"name": "a.pdf", "contentType": "application/pdf", "contentInBase64": "TG9yZW0=", "contentId": "a"}],
        "replyTo": [{"address": "help@contoso.example", "displayName": "Help"}],
        "userEngagementTrackingDisabled": true,
    });
    assert_eq!(lab.send(&full).status, 202);
    let messages = lab.store.messages();
    assert_eq!(serde_json::to_value(&messages[0].email).unwrap(), full);
}

#[test]
fn three_versions_are_spoken_and_no_other() {
    let lab = Lab::new();
    for version in ["2023-03-31", "2024-07-01-preview", "2025-09-01"] {
        let answer = lab.post(&email()).version(version).go();
        assert_eq!(answer.status, 202);
        let location = answer.header("operation-location").unwrap();
        assert!(location.ends_with(&format!("?api-version={version}")), "{location}");
    }
    let kept: Vec<_> = lab.store.messages().iter().map(|message| message.api_version).collect();
    assert_eq!(kept, ApiVersion::ALL.into_iter().rev().collect::<Vec<_>>());
    lab.store.clear().unwrap();
    let unknown = "Unsupported api-version";
    for version in ["2021-10-01-preview", "2025-09-01&api-version=2025-09-01", "x"] {
        let answer = lab.post(&email()).version(version).go();
        answer.refused(400, "UnsupportedApiVersionValue", unknown);
    }
    let missing = lab.call("POST", "/emails:send").json(&email()).go();
    missing.refused(400, "MissingApiVersionParameter", "(?api-version=)");
    let status = lab.call("GET", "/emails/operations/x?api-version=1").go();
    status.refused(400, "UnsupportedApiVersionValue", unknown);
    assert!(lab.store.messages().is_empty());
}

fn attachment() -> Value {
    json!({"name": "a.txt", "contentType": "text/plain", "contentInBase64": "aGk="})
}

fn email_with_attachment() -> Value {
    with(email(), "/attachments", json!([attachment()]))
}

#[test]
fn an_invalid_body_is_refused_by_the_name_of_the_property() {
    let to = "/recipients/to/0";
    let file = "/attachments/0";
    let cases = [
        (without(email(), "/senderAddress"), "senderAddress"),
        (with(email(), "/senderAddress", json!("Forms <forms@contoso.example>")), "`senderAddress`"),
        (with(email(), "/senderAddress", json!("forms")), "`senderAddress`"),
        (with(email(), "/senderAddress", json!("forms@localhost")), "`senderAddress`"),
        (with(email(), "/senderAddress", json!("forms@contoso.example\r\nBcc: x@y.example")), "`senderAddress`"),
        (with(email(), "/senderAddress", Value::Null), "`senderAddress`"),
        (without(email(), "/content"), "`content`"),
        (without(email(), "/content/subject"), "`subject`"),
        (with(email(), "/content/subject", json!("Hello\r\nBcc: x@y.example")), "`content.subject`"),
        (with(email(), "/content/subject", json!(7)), "`content.subject`"),
        (without(email(), "/content/plainText"), "plainText or html is required"),
        (with(email(), "/content/plainText", json!("")), "plainText or html is required"),
        (with(email(), "/content/markdown", json!("x")), "`markdown`"),
        (without(email(), "/recipients"), "`recipients`"),
        (without(email(), "/recipients/to"), "`to`"),
        (with(email(), "/recipients/to", json!([])), "at least one recipient"),
        (with(email(), "/recipients/to", json!(["user@example.com"])), "`recipients.to[0]`"),
        (with(email(), "/recipients/CC", json!([])), "`CC`"),
        (with(email(), &format!("{to}/address"), json!("user")), "`recipients.to[0].address`"),
        (with(email(), &format!("{to}/address"), json!("<user@example.com>")), "`recipients.to[0].address`"),
        (without(email(), &format!("{to}/address")), "`address`"),
        (with(email(), &format!("{to}/displayName"), json!("A\nB")), "`recipients.to[0].displayName`"),
        (with(email(), &format!("{to}/email"), json!("x")), "`email`"),
        (with(email(), "/recipients/cc", json!([{"address": "x"}])), "`recipients.cc[0].address`"),
        (with(email(), "/recipients/bcc", json!([{"address": "x"}])), "`recipients.bcc[0].address`"),
        (with(email(), "/replyTo", json!([{"address": "x"}])), "`replyTo[0].address`"),
        (with(email(), "/headers", json!({"A B": "x"})), "`headers.A B`"),
        (with(email(), "/headers", json!({"A": "x\r\nB: y"})), "`headers.A`"),
        (with(email(), "/headers", json!({"A": " "})), "`headers.A`"),
        (with(email(), "/headers", json!({"A": 1})), "`headers.A`"),
        (with(email(), "/headers", json!({"X-A": "x", "x-a": "x"})), "appears twice"),
        (with(email(), "/userEngagementTrackingDisabled", json!("yes")), "`userEngagementTrackingDisabled`"),
        (with(email(), "/senderDisplayName", json!("x")), "`senderDisplayName`"),
        (
            with(email_with_attachment(), &format!("{file}/contentInBase64"), json!("a GK=")),
            "`attachments[0].contentInBase64`",
        ),
        (
            with(email_with_attachment(), &format!("{file}/contentInBase64"), json!("aGk")),
            "`attachments[0].contentInBase64`",
        ),
        (
            with(email_with_attachment(), &format!("{file}/contentInBase64"), json!("-_-_")),
            "`attachments[0].contentInBase64`",
        ),
        (with(email_with_attachment(), &format!("{file}/contentType"), json!("text")), "`attachments[0].contentType`"),
        (with(email_with_attachment(), &format!("{file}/name"), json!(" ")), "`attachments[0].name`"),
        (with(email_with_attachment(), &format!("{file}/name"), json!("a\r\nb")), "`attachments[0].name`"),
        (with(email_with_attachment(), &format!("{file}/size"), json!(2)), "`size`"),
        (without(email_with_attachment(), &format!("{file}/name")), "`name`"),
        (json!([]), "an object"),
        (with(email(), "/content", json!(["Hello", "Hi", null])), "`content`"),
        (with(email(), "/recipients/to/0", json!(["user@example.com", null])), "`recipients.to[0]`"),
        (with(email(), "/recipients/bcc", json!([["user@example.com", null]])), "`recipients.bcc[0]`"),
    ];
    let lab = Lab::new();
    for (body, property) in cases {
        lab.send(&body).refused(400, "BadRequest", property);
    }
    assert!(lab.store.messages().is_empty());
}

#[test]
fn a_body_that_is_not_one_json_value_is_refused() {
    let lab = Lab::new();
    let twice = email().to_string().replacen('{', r#"{"content":{"subject":"x","html":"y"},"#, 1);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let two = format!("{} {{}}", email());
    for body in ["", "{", "null", "\u{feff}{}", &twice, &deep, &two] {
        let call = lab.call("POST", SEND).body(body).header("content-type", "application/json");
        call.go().refused(400, "BadRequest", "The request body is invalid at");
    }
    let call = lab.call("POST", SEND).body([b'"', 0xff, b'"']).header("content-type", "application/json");
    call.go().refused(400, "BadRequest", "The request body is invalid at");
    assert!(lab.store.messages().is_empty());
}

#[test]
fn only_json_is_taken() {
    let lab = Lab::new();
    let body = email().to_string();
    let call = || lab.call("POST", SEND).body(body.clone());
    call().go().refused(415, "UnsupportedMediaType", "application/json");
    for wrong in ["text/plain", "application/json+x", "application/x-www-form-urlencoded", "json"] {
        let answer = call().header("content-type", wrong).go();
        answer.refused(415, "UnsupportedMediaType", "application/json");
    }
    assert!(lab.store.messages().is_empty());
    let charset = "Application/JSON; charset=utf-8";
    assert_eq!(call().header("content-type", charset).go().status, 202);
}

fn crowd(count: usize) -> Value {
    (0..count).map(|n| json!({"address": format!("user{n}@example.com")})).collect()
}

#[test]
fn fifty_recipients_over_all_lists_are_the_most() {
    let lab = Lab::new();
    let mail = |cc: usize| {
        let mail = with(email(), "/recipients/to", crowd(20));
        let mail = with(mail, "/recipients/cc", crowd(cc));
        with(mail, "/recipients/bcc", crowd(10))
    };
    lab.send(&mail(21)).refused(400, "BadRequest", "51 recipients, at most 50");
    assert!(lab.store.messages().is_empty());
    assert_eq!(lab.send(&mail(20)).status, 202);
}

#[test]
fn the_to_list_may_be_empty_when_another_is_not() {
    let lab = Lab::new();
    for other in ["/recipients/cc", "/recipients/bcc"] {
        let mail = with(with(email(), "/recipients/to", json!([])), other, crowd(1));
        assert_eq!(lab.send(&mail).status, 202);
    }
}

#[test]
fn html_alone_is_enough() {
    let lab = Lab::new();
    let mail = with(email(), "/content", json!({"subject": "Hello", "html": "<p>Hi</p>"}));
    assert_eq!(lab.send(&mail).status, 202);
}

#[test]
fn a_body_may_have_the_size_of_the_limit_and_not_a_byte_more() {
    let size = email().to_string().len();
    let lab = Lab::with(|config| config.max_body = size);
    assert_eq!(lab.send(&email()).status, 202);
    let answer = lab.send(&crate::lab::email_about("Hello!"));
    answer.refused(413, "RequestBodyTooLarge", &format!("larger than {size} bytes"));
    assert_eq!(lab.subjects(), ["Hello"]);
}

#[test]
fn the_limit_is_ten_mebibytes() {
    let lab = Lab::new();
    let limit = 10 * 1024 * 1024;
    let padding = limit - email().to_string().len();
    let sized = |extra: usize| {
        let text = "x".repeat(padding + "Hi".len() + extra);
        with(email(), "/content/plainText", json!(text))
    };
    lab.send(&sized(1)).refused(413, "RequestBodyTooLarge", "larger than 10485760 bytes");
    assert!(lab.store.messages().is_empty());
    assert_eq!(lab.send(&sized(0)).status, 202);
}

#[test]
fn content_ids_came_with_the_second_version() {
    let lab = Lab::new();
    let mail = with(email_with_attachment(), "/attachments/0/contentId", json!("logo"));
    let old = lab.post(&mail).version("2023-03-31").go();
    old.refused(400, "BadRequest", "`attachments[0].contentId`");
    assert!(lab.store.messages().is_empty());
    for version in ["2024-07-01-preview", "2025-09-01"] {
        assert_eq!(lab.post(&mail).version(version).go().status, 202);
    }
}

#[test]
fn a_resource_may_know_its_senders() {
    let known = vec!["forms@contoso.example".to_owned()];
    let lab = Lab::with(|config| config.senders = Senders::Only(known));
    let from = |sender: &str| lab.send(&with(email(), "/senderAddress", json!(sender)));
    from("sales@contoso.example").refused(400, "InvalidSenderUserName", "username");
    from("forms@fabrikam.example").refused(404, "DomainNotLinked", "not linked");
    assert!(lab.store.messages().is_empty());
    assert_eq!(from("Forms@Contoso.example").status, 202);
}
