//! A message as ACS wants it (`EmailMessage` of the REST description).

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde::Serialize;

use super::credentials::Endpoint;
use super::{API_VERSION, MAX_REQUEST_BYTES, Marks};
use crate::render::Message;
use crate::trace::TRACEPARENT;

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

/// The body for a message, serialised once for all attempts; `None` when it is larger than ACS takes.
pub(super) fn body(message: &Message) -> Option<Bytes> {
    let body = serde_json::to_vec(&email(message)).ok()?;
    (body.len() <= MAX_REQUEST_BYTES).then(|| Bytes::from(body))
}

/// The request that sends a body, without proof of who sends it.
pub(super) fn send(endpoint: &Endpoint, body: &Bytes, marks: &Marks) -> Request<Bytes> {
    let path = format!("/emails:send?api-version={API_VERSION}");
    let mut request = marked(endpoint, Method::POST, &path, body.clone(), marks);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert("operation-id", text(&marks.operation.to_string()));
    request
}

/// The request that asks for an operation, without proof of who asks.
pub(super) fn status(endpoint: &Endpoint, marks: &Marks) -> Request<Bytes> {
    let path = format!("/emails/operations/{}?api-version={API_VERSION}", marks.operation);
    marked(endpoint, Method::GET, &path, Bytes::new(), marks)
}

fn marked(endpoint: &Endpoint, method: Method, path: &str, body: Bytes, marks: &Marks) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri(path);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("x-ms-client-request-id", text(&marks.request_id.to_string()));
    headers.insert(TRACEPARENT, marks.trace.header());
    request
}

/// Ids, dates and base64 are things that a header can hold, so the default is never taken.
pub(super) fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

fn email(message: &Message) -> Body<'_> {
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
