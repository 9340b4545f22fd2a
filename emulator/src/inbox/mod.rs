//! The inbox: one static page with its script and style sheet, and the mails' HTML in a sandbox.

pub(crate) mod api;
mod checks;
mod listing;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use self::api::find;
use crate::acs::email::Attachment;
use crate::acs::refusal::Refusal;
use crate::resource::Resource;

/// The page may load only its own files, and call only its own API.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
    connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A mail may use styles and show its own pictures. It runs nothing, loads nothing, sends nothing.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The routes of the inbox.
pub(crate) fn routes() -> Router<Arc<Resource>> {
    Router::new()
        .route("/", get(page))
        .route("/inbox.js", get(script))
        .route("/inbox.css", get(style))
        .route("/api/messages/{id}/html", get(mail))
        .route("/api/messages/{id}/attachments/{index}", get(attachment))
}

/// What `/studio` serves without a studio: a module that leaves the page's text about it unchanged.
pub(crate) fn without_studio() -> Router {
    let module = "export const start = () => ({ show() {}, refresh() {} });\n";
    Router::new().route("/studio.js", get(async move || own_file("text/javascript; charset=utf-8", module)))
}

/// One of the page's own files, with a policy that lets the page load only its own files and call only the emulator.
pub fn own_file(media_type: &'static str, text: &'static str) -> Response {
    file(media_type, PAGE_POLICY, text)
}

async fn page() -> Response {
    own_file("text/html; charset=utf-8", include_str!("page.html"))
}

async fn script() -> Response {
    own_file("text/javascript; charset=utf-8", include_str!("page.js"))
}

async fn style() -> Response {
    own_file("text/css; charset=utf-8", include_str!("page.css"))
}

async fn mail(State(resource): State<Arc<Resource>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let message = find(&resource, &id)?;
    let html = message.email.content.html.clone().ok_or(Refusal::NoSuchPlace)?;
    let attachments = message.email.attachments.as_deref().unwrap_or_default();
    Ok(file("text/html; charset=utf-8", MAIL_POLICY, with_pictures(html, attachments)))
}

/// Replaces the names of attached pictures in the HTML with the pictures.
fn with_pictures(html: String, attachments: &[Attachment]) -> String {
    let pictures = attachments.iter().filter(|one| one.content_type.starts_with("image/"));
    pictures.fold(html, |html, one| match one.content_id.as_deref() {
        Some(id) if !id.is_empty() => {
            let data = format!("data:{};base64,{}", one.content_type, one.content_in_base64);
            ['"', '\''].into_iter().fold(html, |html, quote| {
                html.replace(&format!("{quote}cid:{id}{quote}"), &format!("{quote}{data}{quote}"))
            })
        }
        _ => html,
    })
}

/// Always as a download, never shown by the browser: the file may come from a stranger.
async fn attachment(
    State(resource): State<Arc<Resource>>,
    Path((id, index)): Path<(String, usize)>,
) -> Result<Response, Refusal> {
    let message = find(&resource, &id)?;
    let attachment = message.email.attachments.as_deref().and_then(|list| list.get(index));
    let content =
        attachment.and_then(|one| STANDARD.decode(&one.content_in_base64).ok()).ok_or(Refusal::NoSuchPlace)?;
    let mut response = file("application/octet-stream", MAIL_POLICY, content);
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

fn file(media_type: &'static str, policy: &'static str, text: impl IntoResponse) -> Response {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
