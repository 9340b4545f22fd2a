//! The two calls of ACS Email: send a mail, and get the status of its operation.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::acs::body;
use crate::acs::email::Email;
use crate::acs::operation::{Failure, RepeatAnswer, Status, parse_id};
use crate::acs::refusal::Refusal;
use crate::acs::signature::target;
use crate::acs::validate::{ValidEmail, check_address, validate};
use crate::acs::version::ApiVersion;
use crate::clock::whole_seconds;
use crate::faults::ResetHandle;
use crate::faults::{Call, Effect};
use crate::faults::{after, before};
use crate::resource::Resource;
use crate::store::attempt::Claim;
use crate::store::message::{Message, RawRequest};
use crate::store::{Acceptance, NewMessage};

const OPERATION_ID: &str = "operation-id";
const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");
const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");
const CORRELATION_ID: HeaderName = HeaderName::from_static("mise-correlation-id");

/// The longest `x-ms-client-request-id` to remember; a UUID has 36 characters.
const LONGEST_REQUEST_ID: usize = 128;

/// The routes of the emulated service.
pub(crate) fn routes() -> Router<Arc<Resource>> {
    Router::new().route("/emails:send", post(send)).route("/emails/operations/{id}", get(status))
}

/// The body of both calls; `error` is null, not absent, if there is no error.
#[derive(Serialize)]
struct OperationStatus<'a> {
    id: Uuid,
    status: Status,
    error: Option<&'a Failure>,
}

async fn send(
    State(resource): State<Arc<Resource>>,
    Extension(reset): Extension<ResetHandle>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let attempt = resource.store.begin_attempt(claim(&parts.headers));
    let call = SendCall { resource: &resource, reset: &reset, attempt };
    let (response, code) = match call.receive(parts, body).await {
        Ok(response) => (response, None),
        Err(refusal) => {
            let code = refusal.code().to_owned();
            (refusal.into_response(), Some(code))
        }
    };
    let status = response.status().as_u16();
    resource.store.update_attempt(attempt, |attempt| {
        attempt.status = Some(status);
        attempt.code = code;
    });
    with_service_headers(response, &resource)
}

/// One send on its way through the checks.
struct SendCall<'a> {
    resource: &'a Resource,
    reset: &'a ResetHandle,
    attempt: u64,
}

impl SendCall<'_> {
    async fn receive(&self, parts: Parts, body: Body) -> Result<Response, Refusal> {
        let config = &self.resource.config;
        let body = body::read(body, config.max_body).await?;
        self.resource.authorise(&parts, &body)?;
        let version = ApiVersion::of(&parts.uri)?;
        self.resource.store.count_send()?;
        let operation_id = operation_id(&parts.headers)?;
        let email = self.checked_email(&parts, &body, version)?;
        let fault = self.resource.store.take_fault(Call::Send, Some(&email.email));
        let request = raw_request(&parts, body);
        let origin = self.resource.origin(&parts.headers);
        let new = NewMessage { operation_id, api_version: version, email, request, failure: None };
        self.carry_out(new, &origin, fault).await
    }

    fn checked_email(&self, parts: &Parts, body: &[u8], version: ApiVersion) -> Result<ValidEmail, Refusal> {
        let config = &self.resource.config;
        body::require_json(&parts.headers)?;
        let email: Email = body::parse(body)?;
        // Whether ACS checks the sender first is unknown.
        check_address("senderAddress", &email.sender_address)?;
        config.senders.check(&email.sender_address)?;
        Ok(validate(email, version, config.max_recipients)?)
    }

    async fn carry_out(&self, mut new: NewMessage, origin: &str, fault: Option<Effect>) -> Result<Response, Refusal> {
        if let Some(effect) = &fault {
            let kind = effect.kind();
            self.resource.store.update_attempt(self.attempt, |attempt| attempt.fault = Some(kind));
        }
        before(self.reset, fault.as_ref()).await?;
        if let Some(Effect::FailOperation { code }) = &fault {
            new.failure = Some(Failure {
                code: code.clone(),
                message: "This failure was injected by a fault of the emulator.".to_owned(),
            });
        }
        let response = self.accept(new, origin)?;
        Ok(after(self.reset, fault.as_ref(), response).await)
    }

    fn accept(&self, new: NewMessage, origin: &str) -> Result<Response, Refusal> {
        let message = match (self.resource.store.accept(new)?, self.resource.config.repeat_answer) {
            (Acceptance::New(message), _) => message,
            (Acceptance::Repeat(message), RepeatAnswer::Accepted) => message,
            (Acceptance::Repeat(_), answer) => return Err(Refusal::Repeated(answer)),
        };
        let id = message.id;
        self.resource.store.update_attempt(self.attempt, |attempt| attempt.operation_id = Some(id));
        Ok(accepted(&message, origin))
    }
}

async fn status(
    State(resource): State<Arc<Resource>>,
    Extension(reset): Extension<ResetHandle>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let answer = read_status(&resource, &reset, &id, request).await;
    with_service_headers(answer.unwrap_or_else(IntoResponse::into_response), &resource)
}

async fn read_status(
    resource: &Resource,
    reset: &ResetHandle,
    id: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = body::read(body, resource.config.max_body).await?;
    resource.authorise(&parts, &body)?;
    ApiVersion::of(&parts.uri)?;
    resource.store.count_status_read()?;
    let message = parse_id(id).and_then(|id| resource.store.message(id));
    let email = message.as_ref().map(|message| &message.email);
    let fault = resource.store.take_fault(Call::Status, email);
    before(reset, fault.as_ref()).await?;
    let message = message.ok_or(Refusal::OperationUnknown)?;
    let response = operation_response(&message, resource);
    Ok(after(reset, fault.as_ref(), response).await)
}

fn operation_id(headers: &HeaderMap) -> Result<Option<Uuid>, Refusal> {
    let mut values = headers.get_all(OPERATION_ID).iter();
    let first = values.next();
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let id = value.to_str().ok().and_then(parse_id);
            id.map(Some).ok_or(Refusal::OperationId)
        }
        (Some(_), Some(_)) => Err(Refusal::OperationId),
    }
}

fn claim(headers: &HeaderMap) -> Claim {
    let client_request_id = headers.get(CLIENT_REQUEST_ID);
    Claim {
        operation_id: operation_id(headers).ok().flatten(),
        client_request_id: client_request_id
            .and_then(|id| id.to_str().ok())
            .filter(|id| id.len() <= LONGEST_REQUEST_ID)
            .map(str::to_owned),
    }
}

/// The request as received, without `Authorization`, which is a credential.
fn raw_request(parts: &Parts, body: Bytes) -> RawRequest {
    let headers = parts.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
    RawRequest {
        method: parts.method.to_string(),
        target: target(parts).to_owned(),
        headers: headers
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect(),
        body,
    }
}

fn accepted(message: &Message, origin: &str) -> Response {
    let (id, version) = (message.id, message.api_version.as_str());
    let body = OperationStatus { id, status: Status::Running, error: None };
    let location = format!("{origin}/emails/operations/{id}?api-version={version}");
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(OPERATION_LOCATION, location);
    }
    let wait = message.operation.remaining(message.received_at);
    with_retry_after(response, wait)
}

fn operation_response(message: &Message, resource: &Resource) -> Response {
    let now = resource.store.now();
    let operation = &message.operation;
    let status = operation.status(now);
    let body = OperationStatus { id: message.id, status, error: operation.failure_at(now) };
    let response = Json(body).into_response();
    match status {
        Status::Running => with_retry_after(response, operation.remaining(now)),
        Status::Succeeded | Status::Failed => response,
    }
}

fn with_retry_after(mut response: Response, wait: Duration) -> Response {
    let seconds = HeaderValue::from(whole_seconds(wait));
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

/// Adds the headers that ACS sends with every answer. The date is that of the clock that checks signatures.
fn with_service_headers(mut response: Response, resource: &Resource) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (DATE, httpdate::fmt_http_date(resource.store.now())),
        (SUPPORTED_VERSIONS, ApiVersion::list()),
        (CORRELATION_ID, Uuid::new_v4().to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
