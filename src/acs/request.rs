//! A message in ACS's format (`EmailMessage` of the REST description).

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde::{Serialize, Serializer};

use super::{API_VERSION, Correlation, MAX_REQUEST_BYTES};
use crate::render::Message;
use crate::trace::TRACEPARENT;
use crate::validate::Attachment;
use crate::web::Origin;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    sender_address: &'a str,
    content: Content<'a>,
    recipients: Recipients<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<[EmailAddress<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    name: &'a str,
    content_type: &'static str,
    #[serde(serialize_with = "base64")]
    content_in_base64: &'a [u8],
}

/// Encodes while writing, so that memory never holds a second copy of a file.
fn base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
}

/// The room for what a body contains besides texts and files: names, quotes, addresses.
const ROOM: usize = 4096;

/// The body for a message, serialised once for all attempts; `None` if it is larger than ACS accepts.
///
/// It depends only on the message: the same message has the same bytes each time.
pub fn body(message: &Message) -> Option<Bytes> {
    // Allocated at once: growing the body would at times need its memory twice.
    let files: usize = message.attachments.iter().map(|file| file.bytes.len().div_ceil(3) * 4 + ROOM).sum();
    let texts = message.parts.text.len() + message.parts.html.as_ref().map_or(0, String::len);
    let mut body = Vec::with_capacity(files + texts + texts / 8 + ROOM);
    serde_json::to_writer(&mut body, &email(message)).ok()?;
    (body.len() <= MAX_REQUEST_BYTES).then(|| Bytes::from(body))
}

/// The request that sends a body, without authentication.
pub(super) fn send(endpoint: &Origin, body: &Bytes, correlation: &Correlation) -> Request<Bytes> {
    let path = format!("/emails:send?api-version={API_VERSION}");
    let mut request = correlated(endpoint, Method::POST, &path, body.clone(), correlation);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert("operation-id", text(&correlation.operation.to_string()));
    request
}

/// The request for an operation's status, without authentication.
pub(super) fn status(endpoint: &Origin, correlation: &Correlation) -> Request<Bytes> {
    let path = format!("/emails/operations/{}?api-version={API_VERSION}", correlation.operation);
    correlated(endpoint, Method::GET, &path, Bytes::new(), correlation)
}

fn correlated(endpoint: &Origin, method: Method, path: &str, body: Bytes, correlation: &Correlation) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri(path);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("x-ms-client-request-id", text(&correlation.request_id.to_string()));
    headers.insert(TRACEPARENT, correlation.trace.header());
    request
}

/// Ids, dates and base64 always fit into a header, so the default never applies.
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
        attachments: message.attachments.iter().map(file).collect(),
        // A gate for system mail need not know who opens it.
        user_engagement_tracking_disabled: true,
    }
}

fn file(attachment: &Attachment) -> File<'_> {
    File { name: &attachment.name, content_type: attachment.content_type, content_in_base64: &attachment.bytes }
}
