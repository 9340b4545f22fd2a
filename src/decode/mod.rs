//! From bytes to a submission: the body as JSON, whatever it was sent as.

mod json;
mod urlencoded;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::auth::{Caller, Verified};
use crate::policy::Kind;

pub use json::MAX_DEPTH;
pub use urlencoded::MAX_FIELDS;

/// A decoded payload that nothing has looked at yet.
#[derive(Debug)]
pub struct Submission {
    /// The payload.
    pub payload: Value,
    /// Who sent it.
    pub caller: Caller,
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The content type is absent or not one that the route takes.
    #[error("The content type must be {0}.")]
    MediaType(&'static str),
    /// The text is not JSON; the place is that of the first error.
    #[error("The body is not JSON: see line {line}, column {column}.")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("The body is nested more than {MAX_DEPTH} levels deep.")]
    TooDeep,
    /// The payload is not an object.
    #[error("The body must be a JSON object.")]
    NotAnObject,
    /// Too many form fields.
    #[error("The body has more than {MAX_FIELDS} fields.")]
    TooManyFields,
    /// The text is not UTF-8 once percent-decoded.
    #[error("The body is not UTF-8 text.")]
    NotUtf8,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json` or `application/…+json` (RFC 8259, RFC 6839).
    Json,
    /// `application/x-www-form-urlencoded` (WHATWG URL standard).
    Urlencoded,
}

/// The formats that a kind of route takes, for answers.
const fn accepted(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "application/json or application/x-www-form-urlencoded",
        Kind::Event => "application/json",
    }
}

/// The format of a request's body.
///
/// # Errors
/// When the header is absent, names another format, or another character set than UTF-8.
pub fn format(kind: Kind, headers: &HeaderMap) -> Result<Format, Error> {
    let refused = Error::MediaType(accepted(kind));
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(http::HeaderValue::to_str) else { return Err(refused) };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let foreign_charset = parts.filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    match (kind, essence.as_str()) {
        _ if foreign_charset => Err(refused),
        _ if json => Ok(Format::Json),
        (Kind::Form, "application/x-www-form-urlencoded") => Ok(Format::Urlencoded),
        _ => Err(refused),
    }
}

/// Decodes a verified body.
///
/// # Errors
/// When the body is not of the format, or too deep or wide.
pub fn decode(format: Format, verified: Verified) -> Result<Submission, Error> {
    let (body, caller) = verified.into_parts();
    let payload = match format {
        Format::Json => json::decode(&body)?,
        Format::Urlencoded => urlencoded::decode(&body)?,
    };
    Ok(Submission { payload, caller })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{Error, Format, Kind, format};

    fn of(kind: Kind, value: &'static str) -> Result<Format, Error> {
        format(kind, &HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
    }

    #[test]
    fn content_types_are_told_apart_by_their_essence_and_charset() {
        for (value, form, event) in [
            ("application/json", Some(Format::Json), Some(Format::Json)),
            ("Application/JSON; charset=UTF-8", Some(Format::Json), Some(Format::Json)),
            ("application/cloudevents+json", Some(Format::Json), Some(Format::Json)),
            ("application/x-www-form-urlencoded", Some(Format::Urlencoded), None),
            ("application/json; charset=utf-16", None, None),
            ("text/plain", None, None),
            ("application/jsonx", None, None),
            ("", None, None),
        ] {
            assert_eq!(of(Kind::Form, value).ok(), form, "{value}");
            assert_eq!(of(Kind::Event, value).ok(), event, "{value}");
        }
        assert_eq!(format(Kind::Event, &HeaderMap::new()), Err(Error::MediaType("application/json")));
    }
}
