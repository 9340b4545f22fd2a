//! The OpenAPI 3.1 description of all routes.

use serde_json::{Map, Value, json};

use crate::acs::Status;
use crate::policy::{Kind, Policy, Route};
use crate::problem::{PROBLEM_TYPE_PREFIX, PROBLEM_TYPES};
use crate::visitor::ENDPOINTS;
use crate::web::path::{CONFIRM, OPERATIONS};

/// Describes a policy's routes, without settings, addresses or templates.
pub fn describe(policy: &Policy) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::from_iter([("Problem".to_owned(), problem())]);
    for route in policy.routes() {
        schemas.insert(route.schema_name.clone(), schema(route));
        paths.insert(route.path.clone(), json!({ "post": post(policy, route) }));
        if route.kind == Kind::Form {
            for (name, _) in ENDPOINTS.into_iter().filter(|(_, endpoint)| endpoint.is_of(route)) {
                paths.insert(format!("{}/{name}", route.path), json!({ "get": get(route, name) }));
            }
            if route.form.confirmation.is_some() {
                paths.insert(format!("{}/{CONFIRM}", route.path), json!({ "get": confirm(route) }));
            }
        }
    }
    if policy.operations().is_some() {
        paths.insert(format!("{}{{id}}", OPERATIONS), json!({ "get": question() }));
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Postern", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// A `$ref` in a schema refers to that schema, wherever it is embedded, because each schema has its own `$id`.
fn schema(route: &Route) -> Value {
    let mut document = route.schema.document().clone();
    if let Value::Object(members) = &mut document {
        members.entry("$id").or_insert_with(|| json!(format!("urn:postern:schema:{}", route.schema_name)));
        members.entry("$schema").or_insert_with(|| json!("https://json-schema.org/draft/2020-12/schema"));
    }
    document
}

fn post(policy: &Policy, route: &Route) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{}", route.schema_name) });
    let types: &[&str] = match route.kind {
        Kind::Form => &["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
        Kind::Event => &["application/json"],
    };
    let content: Map<_, _> = types.iter().map(|name| ((*name).to_owned(), json!({ "schema": schema }))).collect();
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "Every mail that applied was accepted" }));
    if policy.overflow().is_some() {
        let description = "Every mail that applied was accepted, or is queued to be sent later";
        responses.insert("202".to_owned(), json!({ "description": description }));
    }
    if route.kind == Kind::Form {
        responses.insert("303".to_owned(), json!({ "description": "The browser is redirected" }));
    }
    responses.insert("default".to_owned(), a_problem());
    json!({
        "operationId": route.name,
        "requestBody": { "required": true, "content": content },
        "responses": responses,
    })
}

fn get(route: &Route, name: &str) -> Value {
    json!({
        "operationId": format!("{}-{name}", route.name),
        "responses": { "200": { "description": "OK", "content": { "application/json": {} } } },
    })
}

fn confirm(route: &Route) -> Value {
    json!({
        "operationId": format!("{}-{CONFIRM}", route.name),
        "parameters": [{ "name": "token", "in": "query", "required": true, "schema": { "type": "string" } }],
        "responses": {
            "200": { "description": "Every mail that waited for the confirmation was accepted" },
            "303": { "description": "The browser is redirected" },
            "default": a_problem(),
        },
    })
}

/// The status of an operation.
fn question() -> Value {
    let status = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "status": { "enum": Status::ALL.map(Status::as_str) },
            "terminal": { "type": "boolean" },
            "error": { "type": "string" },
        },
        "required": ["id", "status", "terminal"],
    });
    let id = json!({ "type": "string", "format": "uuid" });
    json!({
        "operationId": "operation-status",
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": id }],
        "responses": {
            "200": { "description": "The operation's status", "content": { "application/json": { "schema": status } } },
            "default": a_problem(),
        },
    })
}

fn a_problem() -> Value {
    let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    json!({ "description": "A problem", "content": { "application/problem+json": problem } })
}

fn problem() -> Value {
    let types: Vec<_> = PROBLEM_TYPES.iter().map(|kind| format!("{}{}", PROBLEM_TYPE_PREFIX, kind.slug)).collect();
    json!({
        "type": "object",
        "properties": {
            "type": { "enum": types },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "errors": { "type": "array", "items": { "type": "object" } },
        },
        "required": ["type", "title", "status", "detail"],
    })
}
