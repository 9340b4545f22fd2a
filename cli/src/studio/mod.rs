//! The studio: shows the policy in readable form and lets people try its routes, next to the inbox of `postern dev`.
//!
//! The page only asks; everything that needs a secret or a renderer happens here. A second gate that runs the same
//! component previews a payload, and the gate that is served sends it.

mod capture;
mod client;
mod dry_run;
mod mistake;
mod request;
mod view;
mod visitor;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use postern::policy::{MAX_BODY_LIMIT, Policy};
use postern_emulator::{Store, own_file};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::Directory;
pub use capture::AuditCapture;
pub use client::GateClient;
pub use dry_run::DryRun;
use request::{PreparedRequest, RequestSpec};
use visitor::Visitor;

/// The most bytes of a call from the page: a payload as a JSON text, in which each byte may take two.
const MAX_BODY: usize = 2 * MAX_BODY_LIMIT + 4096;

/// The data and the calls of the page; clones share it.
#[derive(Clone)]
pub struct Studio(Arc<Inner>);

struct Inner {
    shown: RwLock<Shown>,
    gate: GateClient,
    dry_run: Arc<DryRun>,
    visitor: Visitor,
    inbox: Store,
}

/// The policy that is served, and the errors of an edit that is not served.
struct Shown {
    directory: Directory,
    policy: Policy,
    complaint: Option<String>,
}

impl Studio {
    /// A studio for a policy that `gate` serves. The page learns of changes through the inbox's emulator.
    pub fn new(gate: GateClient, dry_run: Arc<DryRun>, inbox: Store, directory: Directory, policy: Policy) -> Self {
        let shown = RwLock::new(Shown { directory, policy, complaint: None });
        Self(Arc::new(Inner { shown, gate, dry_run, visitor: Visitor::default(), inbox }))
    }

    /// Shows the policy that is served now.
    pub fn show(&self, directory: Directory, policy: Policy) {
        self.change(|shown| *shown = Shown { directory, policy, complaint: None });
    }

    /// Shows the errors of an edit, while the gate serves the last good policy.
    pub fn complain(&self, complaint: &str) {
        let plain = anstream::adapter::strip_str(complaint).to_string();
        self.change(|shown| shown.complaint = Some(plain));
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.0.shown.write().unwrap_or_else(PoisonError::into_inner));
        self.0.inbox.announce();
    }

    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        self.0.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The routes of the page, for [`postern_emulator::Emulator::with_studio`].
    pub fn routes(&self) -> Router {
        Router::new()
            .route(
                "/studio.js",
                get(async || own_file("text/javascript; charset=utf-8", include_str!("page/studio.js"))),
            )
            .route("/form.js", get(async || own_file("text/javascript; charset=utf-8", include_str!("page/form.js"))))
            .route("/studio.css", get(async || own_file("text/css; charset=utf-8", include_str!("page/studio.css"))))
            .route("/studio.html", get(async || own_file("text/html; charset=utf-8", include_str!("page/studio.html"))))
            .route("/policy", get(policy))
            .route("/rehearse", post(dry_run))
            .route("/send", post(send))
            .route("/mails/{id}", get(mail))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }

    /// The request that the page describes, and the part of it that may be shown.
    async fn request(&self, mut spec: RequestSpec, client: &GateClient) -> Result<PreparedRequest, StudioError> {
        let guards = spec.guards(&self.shown().policy);
        if let Some(guards) = guards {
            spec.payload = self.0.visitor.fill(client, &guards, &spec.payload).await?;
        }
        Ok(spec.request(&self.shown().policy, client)?)
    }
}

/// Why a call of the page cannot be answered.
struct StudioError(String);

impl From<anyhow::Error> for StudioError {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl From<JsonRejection> for StudioError {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.body_text())
    }
}

impl IntoResponse for StudioError {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": self.0 }))).into_response()
    }
}

async fn policy(State(studio): State<Studio>) -> Json<Value> {
    let shown = studio.shown();
    Json(view::policy(&shown.directory, &shown.policy, shown.complaint.as_deref()))
}

/// What the gate would do with a payload, and the mails that it would send.
async fn dry_run(
    State(studio): State<Studio>,
    spec: Result<Json<RequestSpec>, JsonRejection>,
) -> Result<Json<Value>, StudioError> {
    let Json(spec) = spec?;
    let gate = &studio.0.dry_run;
    let PreparedRequest { request, link, .. } = studio.request(spec, gate.client()).await?;
    let (answer, mails) = gate.of(request, link.as_deref()).await?;
    Ok(Json(json!({ "answer": answer, "mails": mails })))
}

/// Sends a payload through the gate that is served.
async fn send(
    State(studio): State<Studio>,
    spec: Result<Json<RequestSpec>, JsonRejection>,
) -> Result<Json<Value>, StudioError> {
    let Json(spec) = spec?;
    let gate = &studio.0.gate;
    let PreparedRequest { request, displayed, .. } = studio.request(spec, gate).await?;
    Ok(Json(json!({ "request": displayed, "answer": gate.call(request).await? })))
}

/// The HTML of a mail from a dry run, in the same sandbox as in the inbox.
async fn mail(State(studio): State<Studio>, Path(id): Path<Uuid>) -> Response {
    match studio.0.dry_run.html(id) {
        Some(html) => html.map(axum::body::Body::from),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
