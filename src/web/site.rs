//! Which site's page posted: from `Origin`, or else `Referer`.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN, REFERER};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

use super::origin::Origin;

/// What browsers send for an origin that they do not reveal or that has no name (HTML standard, 7.1.1).
const NULL: &str = "null";

/// The `Referer` of what has no address of its own (RFC 9110, 10.1.3).
const NO_REFERER: &str = "about:blank";

/// The site of the page that sent a request, as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// There are no such headers: no page sent it.
    Unknown,
    /// The browser does not say: its `Origin` is `null`, and there is no `Referer` of another site. Most often the page
    /// has a referrer policy that hides where it is; sandboxed frames, `data:` addresses and redirects by other sites
    /// do the same (Fetch standard, "append a request `Origin` header").
    Withheld,
    /// The headers name an origin that the route does not list.
    Foreign,
    /// A listed origin.
    Listed(String),
    /// The gate itself: a visitor sends the form again from the gate's error page.
    Own,
}

/// The sites whose pages may send a route's form.
#[derive(Debug, Clone, Copy)]
pub struct Sites<'a> {
    /// The sites of the route.
    pub listed: &'a [String],
    /// The gate itself, if a setting contains the address under which visitors reach it.
    pub own: Option<&'a Origin>,
}

impl Sites<'_> {
    /// The site that a request comes from.
    pub fn of(self, uri: &Uri, headers: &HeaderMap) -> Site {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let referer = text(REFERER).filter(|referer| !matches!(*referer, "" | NO_REFERER)).map(origin_of);
        match (text(ORIGIN), referer) {
            // A frame or a redirect that hides its origin can have a `Referer` all the same. It may tell on a foreign
            // site, but makes nobody a listed one.
            (Some(NULL), Some(referer)) if self.named(uri, headers, referer) == Site::Foreign => Site::Foreign,
            (Some(NULL), _) => Site::Withheld,
            (Some(claimed), _) | (None, Some(claimed)) => self.named(uri, headers, claimed),
            (None, None) => Site::Unknown,
        }
    }

    /// The site of an origin.
    fn named(self, uri: &Uri, headers: &HeaderMap, origin: &str) -> Site {
        if self.lists(origin) {
            Site::Listed(origin.to_owned())
        } else if self.is_own(uri, headers, origin) {
            Site::Own
        } else {
            Site::Foreign
        }
    }

    /// Whether a visitor could send the form from the page with which the gate answers this request.
    pub fn take_back(self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(host) = host(uri, headers) else { return self.own.is_some() };
        self.own.is_some() || is_loopback(host) || self.lists(&format!("https://{host}"))
    }

    fn lists(self, origin: &str) -> bool {
        self.listed.iter().any(|listed| matches(listed, origin))
    }

    /// Agreement of `Origin` and `Host` proves nothing: a stranger's page can point its own name at the gate after it
    /// was loaded (DNS rebinding), and then both contain that name. Only addresses of this machine cannot be such
    /// names.
    fn is_own(self, uri: &Uri, headers: &HeaderMap, claimed: &str) -> bool {
        if self.own.is_some_and(|own| own.to_string() == claimed) {
            return true;
        }
        let authority = claimed.strip_prefix("https://").or_else(|| claimed.strip_prefix("http://"));
        authority.is_some_and(|authority| is_loopback(authority) && host(uri, headers) == Some(authority))
    }
}

/// The server that a request is for, as its sender wrote it.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(Authority::as_str)).filter(|host| !host.is_empty())
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an entry of `origins`, perhaps with `*.` before its host, matches this origin.
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

fn origin_of(url: &str) -> &str {
    let authority_end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
    url.get(..authority_end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Origin, Site, Sites, matches};

    const LISTED: &str = "https://www.contoso.example";

    fn of(headers: &[(&'static str, &'static str)]) -> Site {
        asked_at(None, headers)
    }

    fn asked_at(own: Option<&str>, headers: &[(&'static str, &'static str)]) -> Site {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        let own = own.and_then(Origin::parse);
        let sites = Sites { listed: &[LISTED.to_owned()], own: own.as_ref() };
        sites.of(&http::Uri::from_static("/contact"), &headers)
    }

    #[test]
    fn origin_decides_then_referer() {
        let listed = || Site::Listed(LISTED.to_owned());
        assert_eq!(of(&[("origin", LISTED)]), listed());
        assert_eq!(of(&[("origin", LISTED), ("referer", "https://evil.example/")]), listed());
        assert_eq!(of(&[("referer", "https://www.contoso.example/contact?x=1")]), listed());
        assert_eq!(of(&[("referer", LISTED)]), listed());
        assert_eq!(of(&[]), Site::Unknown);
        assert_eq!(of(&[("referer", "about:blank")]), Site::Unknown);
        for foreign in ["https://evil.example", "http://www.contoso.example", "https://www.contoso.example.evil", ""] {
            assert_eq!(of(&[("origin", foreign), ("referer", LISTED)]), Site::Foreign, "{foreign}");
        }
        assert_eq!(of(&[("referer", "https://www.contoso.example.evil/")]), Site::Foreign);
        assert_eq!(of(&[("referer", "https://www.contoso.example@evil.example/")]), Site::Foreign);
    }

    #[test]
    fn a_browser_that_hides_the_origin_makes_no_page_a_listed_one() {
        assert_eq!(of(&[("origin", "null")]), Site::Withheld);
        for referer in ["", "about:blank", LISTED, "https://www.contoso.example/contact"] {
            assert_eq!(of(&[("origin", "null"), ("referer", referer)]), Site::Withheld, "{referer}");
        }
        let own = [("origin", "null"), ("referer", "http://localhost:3000/contact"), ("host", "localhost:3000")];
        assert_eq!(of(&own), Site::Withheld);
        for referer in ["https://evil.example/", "https://www.contoso.example.evil/", "about:srcdoc", "null"] {
            assert_eq!(of(&[("origin", "null"), ("referer", referer)]), Site::Foreign, "{referer}");
        }
    }

    #[test]
    fn the_gate_itself_is_known_by_its_setting_or_by_an_address_of_this_machine() {
        let own = Some("https://Mail.contoso.example:443/");
        assert_eq!(asked_at(own, &[("origin", "https://mail.contoso.example"), ("host", "127.0.0.1:3000")]), Site::Own);
        for foreign in ["http://mail.contoso.example", "https://mail.contoso.example:8443", "https://evil.example"] {
            assert_eq!(asked_at(own, &[("origin", foreign), ("host", "mail.contoso.example")]), Site::Foreign);
        }
        for host in ["127.0.0.1:3000", "127.1.2.3", "localhost:3000", "localhost", "[::1]:3000"] {
            for scheme in ["http", "https"] {
                let origin: &'static str = format!("{scheme}://{host}").leak();
                assert_eq!(of(&[("origin", origin), ("host", host)]), Site::Own, "{origin}");
                assert_eq!(of(&[("origin", origin), ("host", "mail.contoso.example")]), Site::Foreign, "{origin}");
            }
        }
        for host in
            ["evil.example:3000", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "null", "[::]"]
        {
            let origin: &'static str = format!("http://{host}").leak();
            assert_eq!(of(&[("origin", origin), ("host", host)]), Site::Foreign, "{origin}");
        }
        assert_eq!(of(&[("origin", "null"), ("host", "null")]), Site::Withheld);
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
