//! Creates the responses of this crate: JSON, text, redirects and empty ones.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// Redirects a browser.
pub fn see_other(location: &str) -> Response<Bytes> {
    let mut response = json(StatusCode::SEE_OTHER, &json!({ "next": location }));
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &Value) -> Response<Bytes> {
    body(status, JSON, value)
}

/// An empty answer.
pub fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    plain(response.headers_mut());
    response
}

/// An answer with any content type.
pub fn content(status: StatusCode, content_type: &'static str, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    plain(response.headers_mut());
    response
}

/// The headers of every answer.
fn plain(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// An answer with any JSON content type.
pub fn body(status: StatusCode, content_type: &'static str, value: &Value) -> Response<Bytes> {
    content(status, content_type, value.to_string())
}
