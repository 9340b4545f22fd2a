//! The media type of a request's body (RFC 9110, 8.3).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// A plain HTML form (WHATWG URL standard).
pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// The media type without its parameters, in lower case; empty if there is none. Every step uses this function, so that
/// no two steps read a request differently.
pub fn essence(headers: &HeaderMap) -> String {
    text(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The label of the encoding that the body is said to be in; `None` where nothing is said of it.
pub fn charset(headers: &HeaderMap) -> Option<&str> {
    let mut parameters = text(headers).split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, label) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().trim_matches('"'))
}

fn text(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).map(HeaderValue::to_str).and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{charset, essence};

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

    #[test]
    fn a_charset_is_found_wherever_it_is() {
        for (value, expected) in [
            ("application/json", None),
            ("application/json; charset=utf8", Some("utf8")),
            ("application/json;Charset=\"ISO-8859-1\"", Some("ISO-8859-1")),
            ("multipart/form-data; boundary=x; charset = latin1 ", Some("latin1")),
            ("text/plain; charset=", Some("")),
            ("text/plain; charset=a; charset=b", Some("a")),
        ] {
            assert_eq!(charset(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])), expected);
        }
        assert_eq!(charset(&HeaderMap::new()), None);
    }
}
