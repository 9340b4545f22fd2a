//! Scripts of other origins (Fetch standard, 3.2): which may read an answer. Never with credentials: the gate has none.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderValue, Response, StatusCode};

use crate::web::{Site, response};

/// The headers that scripts may send in addition to those of every form: all of them, because no header gives a script a
/// right that a form does not have. `*` does not cover `Authorization`, which would prove nothing here.
///
/// The names are for browsers that do not know the `*` (Safari before 15.4): `accept` and `content-type`;
/// `idempotency-key` and `x-requested-with`, which the gate reads; `formspree-…` of @formspree/core 4 (`core.ts`,
/// `submitForm`); `hx-…` of htmx 2 (`getHeaders`) and 4 (htmx.org/reference, "Request headers"); `x-alpine-…` of Alpine
/// AJAX; `sentry-trace`, `baggage`, `traceparent` and `tracestate`, which tracing libraries add to any request
/// (docs.sentry.io, "Dealing with CORS Issues"; W3C Trace Context).
const HEADERS: &str = "*, accept, content-type, idempotency-key, x-requested-with, formspree-client, \
    formspree-session-data, hx-boosted, hx-current-url, hx-prompt, hx-request, hx-request-type, hx-source, hx-target, \
    hx-trigger, hx-trigger-name, x-alpine-request, x-alpine-target, sentry-trace, baggage, traceparent, tracestate";

/// How long a browser may cache a preflight's answer, in seconds.
const MAX_AGE: &str = "7200";

/// Lets the scripts of a listed site read an answer.
pub(super) fn allow(response: &mut Response<Bytes>, site: &Site) {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Site::Listed(origin) = site
        && let Ok(origin) = HeaderValue::from_str(origin)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
}

/// The answer to a preflight: whether a script may send a request at all.
pub(super) fn preflight(site: &Site, methods: &'static str) -> Response<Bytes> {
    let mut answer = response::empty(StatusCode::NO_CONTENT);
    allow(&mut answer, site);
    if matches!(site, Site::Listed(_)) {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
    answer
}
