//! Where a form's own field may send a visitor: only to the route's sites.

use http::Uri;

use crate::web::site::{Site, matches};

/// The longest address that a redirect may have, in bytes.
const MAX_BYTES: usize = 2048;

/// The absolute address for a field such as `_next`; `None` if it does not lead to one of the route's sites. A path
/// belongs to the site of the page that posted.
pub(super) fn target(next: &str, origins: &[String], site: &Site) -> Option<String> {
    // Browsers treat a backslash as a slash, and drop white space and control characters.
    if next.len() > MAX_BYTES || !next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    if next.starts_with('/') && !next.starts_with("//") {
        let Site::Listed(origin) = site else { return None };
        return Some(format!("{origin}{next}"));
    }
    let uri: Uri = next.parse().ok()?;
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    let listed = origins.iter().any(|listed| matches(listed, &origin));
    // The gate and a browser must read the text in the same way.
    (listed && next.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])))
        .then(|| next.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Site, target};

    #[test]
    fn only_listed_sites_are_gone_to() {
        let listed = ["https://www.contoso.example".to_owned(), "https://*.fabrikam.example".to_owned()];
        let page = Site::Listed("https://shop.fabrikam.example".to_owned());
        for (next, expected) in [
            ("/thanks?a=1#top", Some("https://shop.fabrikam.example/thanks?a=1#top")),
            ("https://www.contoso.example/thanks", Some("https://www.contoso.example/thanks")),
            ("https://www.contoso.example", Some("https://www.contoso.example")),
            ("https://de.fabrikam.example/danke?x=y", Some("https://de.fabrikam.example/danke?x=y")),
            ("//evil.example/", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("/\t/evil.example", None),
            ("/a\r\nSet-Cookie: x=y", None),
            ("javascript:alert(1)", None),
            ("JavaScript://www.contoso.example/%0aalert(1)", None),
            ("data:text/html,x", None),
            ("https://www.contoso.example@evil.example/", None),
            ("https://user:pass@www.contoso.example/", None),
            ("https://www.contoso.example.evil.example/", None),
            ("https://evil.example/https://www.contoso.example/", None),
            ("http://www.contoso.example/", None),
            ("https:www.contoso.example", None),
            ("https:/www.contoso.example", None),
            ("https://www.contoso.example:8443/", None),
            ("HTTPS://WWW.CONTOSO.EXAMPLE/", None),
            ("thanks.html", None),
            ("", None),
        ] {
            assert_eq!(target(next, &listed, &page).as_deref(), expected, "{next}");
        }
        assert_eq!(target("/thanks", &listed, &Site::Own), None);
        assert_eq!(target("/thanks", &listed, &Site::Unknown), None);
        assert_eq!(target(&format!("/{}", "a".repeat(2048)), &listed, &page), None);
    }
}
