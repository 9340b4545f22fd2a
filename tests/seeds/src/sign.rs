//! Requests as their senders would send them.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request};
use postern::auth;
use postern::policy::{Route, Scheme};

/// The most fields of a form that Twilio's scheme signs.
const MAX_SIGNED_FIELDS: usize = 150;

/// The request as its sender would send it, and the headers that its proof needs; `None` where no sender would.
pub fn signed(
    route: &Route,
    key: &str,
    mut request: Request<Bytes>,
    now: u64,
) -> Option<(Request<Bytes>, Vec<HeaderName>)> {
    let scheme = &route.auth.as_ref()?.scheme;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let fields = request.body().iter().filter(|byte| **byte == b'&').count();
    if form && matches!(scheme, Scheme::Twilio { .. }) && fields > MAX_SIGNED_FIELDS {
        return None;
    }
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(now))?;
    let made = auth::sign(scheme, key, "id-1", time, form, request.body()).ok()?;
    if let Scheme::Rule(rule) = scheme {
        // A sender writes one header; what stands in another is refused whole where it is no text.
        for name in &rule.further_headers {
            request.headers_mut().remove(name);
        }
    }
    let names = made.headers.iter().map(|(name, _)| name.clone()).collect();
    for (name, value) in made.headers {
        request.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    let path = request.uri().path();
    let uri = made.query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    *request.uri_mut() = uri.parse().ok()?;
    Some((request, names))
}
