//! The media type of a request's body (RFC 9110, 8.3).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// A plain HTML form (WHATWG URL standard).
pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// The media type without its parameters, in lower case; empty if there is none. Every step uses this function, so that
/// no two steps read a request differently.
pub fn essence(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).map(HeaderValue::to_str).and_then(Result::ok).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::essence;

    #[test]
    fn parameters_and_case_do_not_matter_and_nothing_else_is_left_out() {
        for (value, expected) in [
            ("application/json", "application/json"),
            (" Application/JSON ; charset=UTF-8", "application/json"),
            ("application/x-www-form-urlencoded+json", "application/x-www-form-urlencoded+json"),
            ("", ""),
        ] {
            assert_eq!(essence(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])), expected);
        }
        assert_eq!(essence(&HeaderMap::new()), "");
    }
}
