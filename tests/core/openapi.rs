//! The OpenAPI description of all routes, validated with the schema that the OpenAPI Initiative publishes.

use crate::support::*;
use http::Request;
use postern::policy::Files;
use serde_json::{Value, json};

async fn described(lines: &str) -> Value {
    describe(&with(lines)).await
}

async fn describe(files: &Files) -> Value {
    let request = Request::get("/openapi.json").body("").unwrap();
    body(&call(&gate(files), &ScriptedHost::new(), request).await)
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../fixtures/openapi-3.1.schema.json")).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

#[tokio::test]
async fn the_description_is_openapi() {
    let guards = "token = { key = \"form_key\" }\nproof_of_work = { key = \"form_key\" }";
    for lines in ["", guards] {
        let described = described(lines).await;
        let errors: Vec<_> = validator().iter_errors(&described).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        for schema in described["components"]["schemas"].as_object().unwrap().values() {
            assert!(jsonschema::meta::is_valid(schema), "{schema}");
        }
    }
    let mut broken = described("").await;
    broken["paths"]["/contact"]["post"]["requestBody"] = json!({});
    assert!(!validator().is_valid(&broken), "the validator finds something");
}

#[tokio::test]
async fn it_names_what_there_is_and_no_setting() {
    let described = described("token = { key = \"canary_key\" }").await;
    let paths: Vec<_> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/contact", "/contact/schema", "/contact/token", "/hooks/github"]);
    let schema = &described["components"]["schemas"]["contact"];
    assert_eq!(schema["$id"], "urn:postern:schema:contact");
    assert_eq!(schema["required"], json!(["name", "email", "message"]));
    let content = described["paths"]["/hooks/github"]["post"]["requestBody"]["content"].as_object().unwrap();
    assert_eq!(content.keys().collect::<Vec<_>>(), ["application/json"]);
    let text = described.to_string();
    for secret in ["canary_key", "github_webhook_secret", "contoso.example\"", "contact-notify"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn questions_about_operations_are_described_where_they_may_be_asked() {
    let path = "/operations/{id}";
    assert_eq!(described("").await["paths"].get(path), None);
    let described =
        describe(&preceded("[operations]\nauth = { scheme = \"bearer\", secret = \"canary_token\" }\n")).await;
    assert_eq!(validator().iter_errors(&described).map(|error| error.to_string()).collect::<Vec<_>>(), [""; 0]);
    let question = &described["paths"][path]["get"];
    assert_eq!(question["parameters"][0]["name"], "id");
    let schema = &question["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(schema["properties"]["status"]["enum"], json!(["running", "succeeded", "failed", "canceled"]));
    let validator = jsonschema::validator_for(schema).unwrap();
    assert!(validator.is_valid(&json!({"id": uuid::Uuid::nil(), "status": "failed", "terminal": true, "error": "A"})));
    assert!(!described.to_string().contains("canary"));
}
