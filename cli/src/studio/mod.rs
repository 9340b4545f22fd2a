//! The studio: the policy as people read it, and its routes to try, beside the inbox of `postern dev`.
//!
//! The page asks, and everything that takes a secret or a renderer happens here. A payload is rehearsed by a second gate
//! that runs the same component, and sent through the gate that is served.

mod mistake;
mod order;
mod rehearsal;
mod stage;
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
use order::{Order, Ready};
pub use rehearsal::Rehearsal;
pub use stage::{Heard, Stage};
use visitor::Visitor;

/// The most bytes of a call of the page: a payload as a JSON text, where each byte may take two.
const MAX_BODY: usize = 2 * MAX_BODY_LIMIT + 4096;

/// What the page sees and calls; clones share it.
#[derive(Clone)]
pub struct Studio(Arc<Inner>);

struct Inner {
    shown: RwLock<Shown>,
    gate: Stage,
    rehearsal: Arc<Rehearsal>,
    visitor: Visitor,
    inbox: Store,
}

/// What is served, and what is wrong with the edit that is not.
struct Shown {
    directory: Directory,
    policy: Policy,
    complaint: Option<String>,
}

impl Studio {
    /// A studio for a policy that `gate` serves. The page hears of changes through the inbox's emulator.
    pub fn new(gate: Stage, rehearsal: Arc<Rehearsal>, inbox: Store, directory: Directory, policy: Policy) -> Self {
        let shown = RwLock::new(Shown { directory, policy, complaint: None });
        Self(Arc::new(Inner { shown, gate, rehearsal, visitor: Visitor::default(), inbox }))
    }

    /// Shows the policy that is served now.
    pub fn show(&self, directory: Directory, policy: Policy) {
        self.change(|shown| *shown = Shown { directory, policy, complaint: None });
    }

    /// Shows what is wrong with an edit, beside the policy that is served meanwhile.
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

    /// What the page loads and calls, for [`postern_emulator::Emulator::with_studio`].
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
            .route("/rehearse", post(rehearse))
            .route("/send", post(send))
            .route("/mails/{id}", get(mail))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }

    /// The request that an order stands for, and what of it may be shown.
    async fn request(&self, mut order: Order, stage: &Stage) -> Result<Ready, Unusable> {
        let asked = order.asked(&self.shown().policy);
        if let Some(asked) = asked {
            order.payload = self.0.visitor.fill(stage, &asked, &order.payload).await?;
        }
        Ok(order.request(&self.shown().policy, stage)?)
    }
}

/// Why a call of the page cannot be answered.
struct Unusable(String);

impl From<anyhow::Error> for Unusable {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl From<JsonRejection> for Unusable {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.body_text())
    }
}

impl IntoResponse for Unusable {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": self.0 }))).into_response()
    }
}

async fn policy(State(studio): State<Studio>) -> Json<Value> {
    let shown = studio.shown();
    Json(view::policy(&shown.directory, &shown.policy, shown.complaint.as_deref()))
}

/// What the gate would make of a payload, and the mails that it would send.
async fn rehearse(
    State(studio): State<Studio>,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<Json<Value>, Unusable> {
    let Json(order) = order?;
    let rehearsal = &studio.0.rehearsal;
    let Ready { whole, link, .. } = studio.request(order, rehearsal.stage()).await?;
    let (answer, mails) = rehearsal.of(whole, link.as_deref()).await?;
    Ok(Json(json!({ "answer": answer, "mails": mails })))
}

/// Sends a payload through the gate that is served.
async fn send(
    State(studio): State<Studio>,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<Json<Value>, Unusable> {
    let Json(order) = order?;
    let gate = &studio.0.gate;
    let Ready { whole, told, .. } = studio.request(order, gate).await?;
    Ok(Json(json!({ "request": told, "answer": gate.call(whole).await? })))
}

/// The HTML of a rehearsed mail, behind the same bars as in the inbox.
async fn mail(State(studio): State<Studio>, Path(id): Path<Uuid>) -> Response {
    match studio.0.rehearsal.html(id) {
        Some(html) => html.map(axum::body::Body::from),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
