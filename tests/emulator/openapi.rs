//! Microsoft's published description of the service, compared with every accepted request and every answer.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::lab::{Lab, email, with, without};

/// Where the description is: next to the checkout, unless the environment names another directory.
fn directory() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/acs-openapi");
    env::var_os("POSTERN_ACS_OPENAPI").map_or_else(|| beside.into(), PathBuf::from)
}

/// The definitions of both files in one map. Prints a message and returns `None` if the files do not exist.
static DEFINITIONS: LazyLock<Option<Map<String, Value>>> = LazyLock::new(|| {
    let directory = directory();
    let Ok(main) = fs::read_to_string(directory.join("acs-openapi-2025-09-01.json")) else {
        eprintln!(
            "skipped: requests and answers are not held against the OpenAPI description, which is not at {}; \
             POSTERN_ACS_OPENAPI names another directory",
            directory.display()
        );
        return None;
    };
    let common = fs::read_to_string(directory.join("common-types/types.json")).unwrap();
    let local = |text: &str| text.replace("./common-types/types.json#", "#");
    let definitions = |text: &str| {
        let parsed: Value = serde_json::from_str(&local(text)).unwrap();
        parsed["definitions"].as_object().unwrap().clone()
    };
    let mut all = definitions(&common);
    all.extend(definitions(&main));
    Some(all)
});

struct Description {
    message: Validator,
    result: Validator,
    error: Validator,
}

static DESCRIPTION: LazyLock<Option<Description>> = LazyLock::new(|| {
    let definitions = DEFINITIONS.as_ref()?;
    let validator = |name: &str| {
        let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": definitions});
        jsonschema::validator_for(&schema).unwrap()
    };
    Some(Description {
        message: validator("EmailMessage"),
        result: validator("EmailSendResult"),
        error: validator("ErrorResponse"),
    })
});

/// Compares an accepted request, and any answer of the two calls, with the description.
pub fn check(target: &str, request: Option<&[u8]>, status: u16, answer: &str) {
    let (Some(description), true) = (DESCRIPTION.as_ref(), target.starts_with("/emails")) else {
        return;
    };
    // A deliberately truncated body is not an answer of the service.
    let Ok(mut answer) = serde_json::from_str(answer) else {
        return;
    };
    strip_nulls(&mut answer);
    let body = if status >= 400 { &description.error } else { &description.result };
    holds(body, &answer);
    if let (202, Some(request)) = (status, request) {
        let mut request = serde_json::from_slice(request).unwrap();
        strip_nulls(&mut request);
        holds(&description.message, &request);
    }
}

/// The service sends and accepts `null` where the description only knows absence.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, member| !member.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

#[track_caller]
fn holds(schema: &Validator, value: &Value) {
    let errors: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
}

/// A mail with every member.
fn full() -> Value {
    json!({
        "headers": {"X-Order": "17"},
        "senderAddress": "forms@contoso.example",
        "content": {"subject": "Hello", "plainText": "Hi", "html": "<p>Hi</p>"},
        "recipients": {
            "to": [{"address": "user@example.com", "displayName": "User"}],
            "cc": [{"address": "copy@example.com", "displayName": "Copy"}],
            "bcc": [{"address": "hidden@example.com", "displayName": "Hidden"}],
        },
        "attachments": [
            {"name": "a.txt", "contentType": "text/plain", "contentInBase64": "SGk=", "contentId": "a"},
        ],
        "replyTo": [{"address": "reply@example.com", "displayName": "Reply"}],
        "userEngagementTrackingDisabled": true,
    })
}

/// Where [`full`] has each object of the description.
const PLACES: [(&str, &str); 7] = [
    ("EmailMessage", ""),
    ("EmailContent", "/content"),
    ("EmailRecipients", "/recipients"),
    ("EmailAddress", "/recipients/to/0"),
    ("EmailAddress", "/recipients/bcc/0"),
    ("EmailAddress", "/replyTo/0"),
    ("EmailAttachment", "/attachments/0"),
];

#[test]
fn every_described_member_is_taken_with_its_type_alone() {
    let lab = Lab::new();
    lab.sent(&full());
    let Some(definitions) = DEFINITIONS.as_ref() else {
        return;
    };
    let mut members = 0;
    for (definition, place) in PLACES {
        for name in definitions[definition]["properties"].as_object().unwrap().keys() {
            let pointer = format!("{place}/{name}");
            assert!(full().pointer(&pointer).is_some(), "{pointer} is not tried");
            lab.send(&with(full(), &pointer, json!(7))).refused(400, "BadRequest", name);
            members += 1;
        }
    }
    assert_eq!(members, 23);
}

#[test]
fn every_required_member_is_required() {
    let lab = Lab::new();
    let Some(definitions) = DEFINITIONS.as_ref() else {
        return;
    };
    for (definition, place) in PLACES {
        for name in definitions[definition]["required"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            lab.send(&without(full(), &format!("{place}/{name}"))).refused(400, "BadRequest", name);
        }
    }
}

#[test]
fn the_published_example_is_taken() {
    let Ok(text) = fs::read_to_string(directory().join("examples/SendEmail.json")) else {
        return;
    };
    let example: Value = serde_json::from_str(&text).unwrap();
    let mut message = example["parameters"]["emailMessage"].clone();
    // The example's attachment is only a placeholder.
    message["attachments"] = json!([]);
    let lab = Lab::new();
    lab.sent(&message);
    assert_eq!(lab.subjects(), [message["content"]["subject"].as_str().unwrap()]);
}

#[test]
fn the_description_finds_what_is_wrong() {
    let Some(description) = DESCRIPTION.as_ref() else {
        return;
    };
    assert!(description.message.is_valid(&email()));
    assert!(!description.message.is_valid(&without(email(), "/senderAddress")));
    assert!(!description.result.is_valid(&json!({"id": "1", "status": "Done"})));
    assert!(!description.error.is_valid(&json!({"error": {"code": 1}})));
}
