//! What anyone may read: the script for pages, and the OpenAPI description of all routes.

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::contract;
use crate::openapi;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::visitor::SCRIPT;
use crate::web::response;

/// A document that anyone may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The script that sends a page's forms without leaving the page.
    Script,
    /// The OpenAPI description of all routes.
    OpenApi,
}

impl Document {
    /// Answers a request for the document.
    pub fn answer(self, policy: &Policy, method: &Method) -> Response<Bytes> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Refusal::Method { allow: "GET, HEAD" }.respond(&contract::PLAIN);
        }
        let mut answer = match self {
            Self::Script => response::content(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT.to_owned()),
            Self::OpenApi => response::json(StatusCode::OK, &openapi::describe(policy)),
        };
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        // Both are public, and pages of other sites load the script.
        headers
            .insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer
    }
}
