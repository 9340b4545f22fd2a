//! The emulator's own JSON: messages, attempts, faults and reports.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::acs::body;
use crate::acs::operation::{Status, parse_id};
use crate::acs::refusal::Refusal;
use crate::acs::suppression::Suppression;
use crate::acs::validate::{Invalid, check_address};
use crate::clock::rfc3339;
use crate::faults::{Effect, Fault};
use crate::inbox::checks::Checks;
use crate::inbox::listing::{Filter, Page, Summary};
use crate::resource::Resource;
use crate::store::attempt::Attempt;
use crate::store::message::Message;

/// The largest body of a call to this API.
const MAX_BODY: usize = 64 * 1024;

/// The routes below `/api`.
pub(crate) fn routes() -> Router<Arc<Resource>> {
    Router::new()
        .route("/api/messages", get(list).delete(clear))
        .route("/api/messages/{id}", get(show))
        .route("/api/changes", get(changes))
        .route("/api/reports", get(reports))
        .route("/api/reports/validate", get(validate_reports))
        .route("/api/attempts", get(attempts))
        .route("/api/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/api/suppressions", get(suppressions).post(suppress).delete(clear_suppressions))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    after: u64,
    /// Milliseconds.
    within: Option<u64>,
}

async fn list(
    State(resource): State<Arc<Resource>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    let Query(filter) = filter.map_err(|rejection| Invalid::new("query", rejection.body_text()))?;
    let all = resource.store.annotated();
    Ok(Json(json!(Page::new(&all, &filter, resource.store.now()))))
}

/// Answers at once if something changed since `after`; otherwise when something does, or after a while.
async fn changes(State(resource): State<Arc<Resource>>, Query(since): Query<Since>) -> Json<Value> {
    let within = since.within.map(Duration::from_millis);
    Json(json!({"revision": resource.store.changes().since(since.after, within).await}))
}

async fn show(State(resource): State<Arc<Resource>>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let message = find(&resource, &id)?;
    Ok(Json(details(&message, &resource)))
}

/// The message with this id.
pub(crate) fn find(resource: &Resource, id: &str) -> Result<Arc<Message>, Refusal> {
    let found = parse_id(id).and_then(|id| resource.store.message(id));
    found.ok_or(Refusal::NoSuchPlace)
}

fn details(message: &Message, resource: &Resource) -> Value {
    let now = resource.store.now();
    let operation = &message.operation;
    let ended = operation.status(now) != Status::Running;
    let request = &message.request;
    let note = resource.store.note(message.id);
    json!({
        "summary": Summary::new(message, note.as_deref(), now),
        "internetMessageId": message.internet_message_id,
        "message": message.email,
        "operation": {
            "status": operation.status(now),
            "error": operation.failure_at(now),
            "timeline": timeline(message, now),
        },
        "deliveries": if ended { json!(message.deliveries) } else { Value::Null },
        "checks": Checks::of(&message.email.content),
        "audit": note.as_deref().map(|note| &note.line),
        "reports": resource.store.reports_of(message.id),
        "attempts": resource.store.attempts_of(message.id),
        "request": {
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "body": String::from_utf8_lossy(&request.body),
        },
    })
}

/// What has happened so far.
fn timeline(message: &Message, now: SystemTime) -> Vec<Value> {
    let operation = &message.operation;
    [operation.started_at, operation.ends_at]
        .into_iter()
        .filter(|at| *at <= now)
        .map(|at| json!({"at": rfc3339(at), "status": operation.status(at)}))
        .collect()
}

async fn clear(State(resource): State<Arc<Resource>>) -> Result<StatusCode, Refusal> {
    resource.store.clear().map_err(|_| Refusal::NotKept)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reports(State(resource): State<Arc<Resource>>) -> Json<Value> {
    let store = &resource.store;
    Json(json!({
        "validated": store.is_validated(),
        "complaints": store.webhook_complaints(),
        "reports": store.reports(),
    }))
}

#[derive(Deserialize)]
struct Confirmation {
    code: Uuid,
}

/// The handshake by hand: a person who has the code opens this address.
async fn validate_reports(
    State(resource): State<Arc<Resource>>,
    Query(confirmation): Query<Confirmation>,
) -> Result<&'static str, Refusal> {
    if confirmation.code != resource.validation_code {
        return Err(Refusal::NoSuchPlace);
    }
    resource.store.validate_reports();
    Ok("The webhook is validated.")
}

async fn attempts(State(resource): State<Arc<Resource>>) -> Json<Value> {
    let attempts = resource.store.attempts();
    let entries: Vec<_> = attempts.iter().map(attempt_json).collect();
    Json(json!({"total": attempts.len(), "attempts": entries}))
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": rfc3339(attempt.at),
        "operationId": attempt.operation_id,
        "clientRequestId": attempt.client_request_id,
        "status": attempt.status,
        "code": attempt.code,
        "fault": attempt.fault,
    })
}

async fn faults(State(resource): State<Arc<Resource>>) -> Json<Value> {
    Json(json!({"faults": resource.store.faults()}))
}

async fn add_fault(State(resource): State<Arc<Resource>>, request: Request) -> Result<StatusCode, Refusal> {
    let fault: Fault = json_body(request).await?;
    check_fault(&fault)?;
    if resource.store.fault(fault) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Invalid::new(".", "too many faults are waiting; delete some first").into())
    }
}

fn check_fault(fault: &Fault) -> Result<(), Invalid> {
    match fault.effect {
        _ if fault.count == Some(0) => Err(Invalid::new("count", "must be at least 1")),
        _ if fault.percent.is_some_and(|percent| !(1..=100).contains(&percent)) => {
            Err(Invalid::new("percent", "must be from 1 to 100"))
        }
        Effect::Status { status, .. } if !(400..=599).contains(&status) => {
            Err(Invalid::new("effect.status", "must be a status from 400 to 599"))
        }
        Effect::Delay { milliseconds } if u128::from(milliseconds) > Effect::LONGEST_DELAY.as_millis() => {
            Err(Invalid::new("effect.milliseconds", "at most ten minutes are allowed"))
        }
        _ => Ok(()),
    }
}

async fn clear_faults(State(resource): State<Arc<Resource>>) -> StatusCode {
    resource.store.clear_faults();
    StatusCode::NO_CONTENT
}

async fn suppressions(State(resource): State<Arc<Resource>>) -> Json<Value> {
    let list = resource.store.suppressions();
    let entries: Vec<_> = list.iter().map(suppression_json).collect();
    Json(json!({"suppressions": entries}))
}

fn suppression_json(entry: &Suppression) -> Value {
    let Suppression { address, until, strikes } = entry;
    json!({"address": address, "until": rfc3339(*until), "strikes": strikes})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSuppression {
    address: String,
}

async fn suppress(State(resource): State<Arc<Resource>>, request: Request) -> Result<StatusCode, Refusal> {
    let new: NewSuppression = json_body(request).await?;
    check_address("address", &new.address)?;
    resource.store.suppress(&new.address).map_err(|_| Refusal::NotKept)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_suppressions(State(resource): State<Arc<Resource>>) -> Result<StatusCode, Refusal> {
    resource.store.clear_suppressions().map_err(|_| Refusal::NotKept)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Requires the content type, because a page of another site can post any other one without a preflight.
async fn json_body<T: for<'de> Deserialize<'de>>(request: Request) -> Result<T, Refusal> {
    let (parts, body) = request.into_parts();
    body::require_json(&parts.headers)?;
    let body = body::read(body, MAX_BODY).await?;
    Ok(body::parse(&body)?)
}
