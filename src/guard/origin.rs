//! Which site's page posted: `Origin`, else `Referer`.

use http::header::{ORIGIN, REFERER};
use http::{HeaderMap, HeaderValue};

use super::Refusal;

/// Refuses a browser on a foreign site.
///
/// Every browser of the last years sends `Origin` with a POST, so that a request with neither header comes from no
/// web page. It is let through: it could as well claim any origin, and no visitor's browser is being misused.
pub(super) fn check(origins: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let claimed = match (headers.get(ORIGIN), headers.get(REFERER)) {
        (Some(origin), _) => text(origin),
        (None, Some(referer)) => origin_of(&text(referer)),
        (None, None) => return Ok(()),
    };
    if origins.contains(&claimed) { Ok(()) } else { Err(Refusal::Origin) }
}

fn origin_of(url: &str) -> String {
    let authority_end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
    url.get(..authority_end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Refusal, check};

    fn with(headers: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        check(&["https://www.contoso.example".to_owned()], &headers)
    }

    #[test]
    fn origin_decides_then_referer() {
        let own = "https://www.contoso.example";
        assert_eq!(with(&[("origin", own)]), Ok(()));
        assert_eq!(with(&[("origin", own), ("referer", "https://evil.example/")]), Ok(()));
        assert_eq!(with(&[("referer", "https://www.contoso.example/contact?x=1")]), Ok(()));
        assert_eq!(with(&[("referer", own)]), Ok(()));
        assert_eq!(with(&[]), Ok(()));
        for foreign in
            ["https://evil.example", "null", "http://www.contoso.example", "https://www.contoso.example.evil", ""]
        {
            assert_eq!(with(&[("origin", foreign), ("referer", own)]), Err(Refusal::Origin), "{foreign}");
        }
        assert_eq!(with(&[("referer", "https://www.contoso.example.evil/")]), Err(Refusal::Origin));
        assert_eq!(with(&[("referer", "https://www.contoso.example@evil.example/")]), Err(Refusal::Origin));
    }
}
