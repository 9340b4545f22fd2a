//! Which site's page posted: `Origin`, else `Referer`.

use http::header::{HOST, ORIGIN, REFERER};
use http::{HeaderMap, HeaderValue, Uri};

/// The site of the page that sent a request, as far as headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// The headers say nothing.
    Unknown,
    /// The headers name an origin that the route does not list.
    Foreign,
    /// A listed origin.
    Listed(String),
    /// The gate itself: a visitor sends the gate's own page of errors again.
    Own,
}

impl Site {
    /// Looks at a request.
    pub fn of(origins: &[String], uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let claimed = match (headers.get(ORIGIN), headers.get(REFERER)) {
            (Some(origin), _) => text(origin),
            (None, Some(referer)) => origin_of(&text(referer)),
            (None, None) => return Self::Unknown,
        };
        let listed = origins.iter().any(|origin| matches(origin, &claimed));
        if listed {
            Self::Listed(claimed)
        } else if is_own(uri, headers, &claimed) {
            Self::Own
        } else {
            Self::Foreign
        }
    }
}

/// A browser writes both headers itself, so a page of another site cannot make them match.
fn is_own(uri: &Uri, headers: &HeaderMap, claimed: &str) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)).filter(|host| !host.is_empty());
    let claimed = claimed.strip_prefix("https://").or_else(|| claimed.strip_prefix("http://"));
    host.is_some() && host == claimed
}

/// Whether a listed origin, perhaps with `*.` before its host, is or covers this one.
pub fn matches(listed: &str, origin: &str) -> bool {
    let Some((scheme, domain)) = listed.split_once("*.") else { return listed == origin };
    let below = origin.strip_prefix(scheme).and_then(|host| host.strip_suffix(domain)?.strip_suffix('.'));
    below.is_some_and(|labels| {
        let plain = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        labels.split('.').all(plain)
    })
}

fn origin_of(url: &str) -> String {
    let authority_end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
    url.get(..authority_end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Site, matches};

    const LISTED: &str = "https://www.contoso.example";

    fn of(headers: &[(&'static str, &'static str)]) -> Site {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        Site::of(&[LISTED.to_owned()], &http::Uri::from_static("/contact"), &headers)
    }

    #[test]
    fn origin_decides_then_referer() {
        let listed = || Site::Listed(LISTED.to_owned());
        assert_eq!(of(&[("origin", LISTED)]), listed());
        assert_eq!(of(&[("origin", LISTED), ("referer", "https://evil.example/")]), listed());
        assert_eq!(of(&[("referer", "https://www.contoso.example/contact?x=1")]), listed());
        assert_eq!(of(&[("referer", LISTED)]), listed());
        assert_eq!(of(&[]), Site::Unknown);
        for foreign in
            ["https://evil.example", "null", "http://www.contoso.example", "https://www.contoso.example.evil", ""]
        {
            assert_eq!(of(&[("origin", foreign), ("referer", LISTED)]), Site::Foreign, "{foreign}");
        }
        assert_eq!(of(&[("referer", "https://www.contoso.example.evil/")]), Site::Foreign);
        assert_eq!(of(&[("referer", "https://www.contoso.example@evil.example/")]), Site::Foreign);
    }

    #[test]
    fn the_gate_itself_is_known_by_its_host() {
        assert_eq!(of(&[("origin", "https://mail.contoso.example"), ("host", "mail.contoso.example")]), Site::Own);
        assert_eq!(of(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")]), Site::Own);
        assert_eq!(of(&[("origin", "https://evil.example"), ("host", "mail.contoso.example")]), Site::Foreign);
        assert_eq!(of(&[("origin", "null"), ("host", "null")]), Site::Foreign);
        assert_eq!(of(&[("origin", "https://"), ("host", "")]), Site::Foreign);
    }

    #[test]
    fn a_star_covers_the_sites_below_a_name_and_nothing_else() {
        let star = "https://*.example.com";
        for origin in ["https://www.example.com", "https://a.b.example.com", "https://x-1.example.com"] {
            assert!(matches(star, origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "http://www.example.com",
            "https://www.example.com:8443",
            "https://evilexample.com",
            "https://www.example.com.evil.example",
            "https://evil.example/.example.com",
            "https://evil.example#.example.com",
            "https://user@www.example.com",
            "https://a..example.com",
            "https://*.example.com",
        ] {
            assert!(!matches(star, origin), "{origin}");
        }
        assert!(matches("https://*.example.com:8443", "https://www.example.com:8443"));
    }
}
