//! A message as ACS wants it (`EmailMessage` of the REST description).

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Request};
use serde::Serialize;
use uuid::Uuid;

use super::credentials::Credentials;
use super::signature::sign;
use super::{API_VERSION, MAX_REQUEST_BYTES};
use crate::render::Message;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    sender_address: &'a str,
    content: Content<'a>,
    recipients: Recipients<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<[EmailAddress<'a>; 1]>,
    user_engagement_tracking_disabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    subject: &'a str,
    plain_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

#[derive(Serialize)]
struct Recipients<'a> {
    to: Vec<EmailAddress<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmailAddress<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

/// The request that sends a message; `None` when it is larger than ACS takes.
pub(super) fn send(
    credentials: &Credentials,
    message: &Message,
    operation: Uuid,
    request_id: Uuid,
    now: SystemTime,
) -> Option<Request<Bytes>> {
    let body = Bytes::from(serde_json::to_vec(&body(message)).ok().filter(|body| body.len() <= MAX_REQUEST_BYTES)?);
    let path = format!("/emails:send?api-version={API_VERSION}");
    let endpoint = &credentials.endpoint;
    let signature = sign(&credentials.key, &Method::POST, endpoint.authority(), &path, &body, now);
    Request::post(format!("{endpoint}{path}"))
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len())
        .header(ACCEPT, "application/json")
        .header("operation-id", operation.to_string())
        .header("x-ms-client-request-id", request_id.to_string())
        .header("x-ms-date", signature.date)
        .header("x-ms-content-sha256", signature.content_sha256)
        .header(AUTHORIZATION, signature.authorization)
        .body(body)
        .ok()
}

fn body(message: &Message) -> Body<'_> {
    let bare = |address| EmailAddress { address, display_name: None };
    Body {
        sender_address: message.from.as_str(),
        content: Content {
            subject: &message.parts.subject,
            plain_text: &message.parts.text,
            html: message.parts.html.as_deref(),
        },
        recipients: Recipients { to: message.to.iter().map(|address| bare(address.as_str())).collect() },
        reply_to: message
            .reply_to
            .as_ref()
            .map(|mailbox| [EmailAddress { address: mailbox.address.as_str(), display_name: mailbox.name.as_deref() }]),
        // A gate for expected mail has no business with who opened it.
        user_engagement_tracking_disabled: true,
    }
}
