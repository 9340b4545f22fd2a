//! The gate's own pages: the gate accepts what they send, and nothing from pages that only claim to be the gate's.

use bytes::Bytes;
use http::Request;

use crate::support::*;

const OWN: &str = "https://mail.contoso.example";

/// A form as a browser sends it from a page of `origin` to the gate at `host`.
fn sent_from(origin: &str, host: &str, form: &str) -> Request<Bytes> {
    set(set(browser(form), "host", host), "origin", origin)
}

fn host(public_url: Option<&str>) -> ScriptedHost {
    let mut host = ScriptedHost::new();
    host.settings.extend(public_url.map(|url| ("public_url".to_owned(), url.to_owned())));
    host
}

#[tokio::test]
async fn a_name_that_points_to_the_gate_makes_no_page_its_own() {
    for (public_url, origin, name, status) in [
        // DNS rebinding: once the page is loaded, its own name points to the gate.
        (None, "http://evil.example:3000", "evil.example:3000", 403),
        (None, "https://evil.example", "evil.example", 403),
        (None, "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", 403),
        (None, "http://10.0.0.7:3000", "10.0.0.7:3000", 403),
        (None, OWN, "mail.contoso.example", 403),
        (Some(OWN), "http://evil.example:3000", "evil.example:3000", 403),
        (Some(OWN), "http://mail.contoso.example", "mail.contoso.example", 403),
        (Some(OWN), OWN, "mail.contoso.example", 303),
        // A proxy may have changed what the browser sent.
        (Some(OWN), OWN, "gate.internal:3000", 303),
        (None, "http://127.0.0.1:3000", "127.0.0.1:3000", 303),
        (None, "http://localhost:3000", "localhost:3000", 303),
        (None, "http://[::1]:3000", "[::1]:3000", 303),
        (None, "http://127.0.0.1:8080", "127.0.0.1:3000", 403),
        (Some(OWN), "http://localhost:3000", "localhost:3000", 303),
    ] {
        let host = host(public_url);
        let response = call(&gate(&example()), &host, sent_from(origin, name, GOOD)).await;
        assert_eq!(response.status(), status, "{origin} at {name}, {public_url:?}");
        assert_eq!(host.sent().len(), if status == 303 { 2 } else { 0 }, "{origin} at {name}, {public_url:?}");
    }
}

#[tokio::test]
async fn the_page_of_errors_has_a_form_where_it_can_be_sent_and_a_way_back_where_not() {
    let wrong = "name=&email=ada%40customer.example&message=Hello";
    for (public_url, origins, name, sendable) in [
        (Some(OWN), SITE, "mail.contoso.example", true),
        (None, SITE, "mail.contoso.example", false),
        (None, SITE, "127.0.0.1:3000", true),
        (None, "https://*.contoso.example", "mail.contoso.example", true),
    ] {
        let gate = gate(&with(&format!("!origins = [\"{origins}\"]")));
        let page = html(&call(&gate, &host(public_url), sent_from(SITE, name, wrong)).await);
        assert!(page.contains("<li>") && page.contains("Go back to the page"), "{page}");
        assert_eq!(page.contains("<form method=\"post\""), sendable, "{public_url:?} {origins} {name}");
        // If the page has a form, a browser sends it from the gate's own origin.
        let own = if name.starts_with("127") { format!("http://{name}") } else { format!("https://{name}") };
        let again = call(&gate, &host(public_url), sent_from(&own, name, GOOD)).await;
        assert_eq!(again.status(), if sendable { 303 } else { 403 });
    }
}

const HIDDEN: &str = "The browser sent `Origin: null`, so the gate cannot see which site the form is on. Add <meta \
                      name=\"referrer\" content=\"strict-origin-when-cross-origin\"> to the page.";

/// What browsers send for a plain form that hides where it is (fetch.spec.whatwg.org, "append a request `Origin`
/// header"; MDN, "Origin").
fn hidden(referer: Option<&str>) -> Request<Bytes> {
    let mut request = set(set(browser(GOOD), "origin", "null"), "sec-fetch-mode", "navigate");
    request.headers_mut().extend(referer.map(|referer| (http::header::REFERER, referer.parse().unwrap())));
    request
}

#[tokio::test]
async fn a_page_that_hides_its_site_is_let_in_where_the_route_says_so_and_told_what_to_change_elsewhere() {
    let (strict, open) = (gate(&example()), gate(&with("allow_missing_origin = true")));
    for (what, referer) in [
        ("Referrer-Policy: no-referrer; or same-origin, which is Django's default", None),
        ("a redirect by another site: the policy still lets the Referer through", Some("https://www.contoso.example/")),
        ("a sandboxed frame of the site", Some("https://www.contoso.example/contact")),
        ("a data: page (RFC 9110, 10.1.3)", Some("about:blank")),
    ] {
        let host = ScriptedHost::new();
        let page = html(&call(&strict, &host, hidden(referer)).await);
        let hint = "For the owner of this website: <span lang=\"en\">The browser sent `Origin: null`";
        assert!(page.contains(hint) && page.contains("strict-origin-when-cross-origin"), "{what}: {page}");
        assert_eq!(
            host.line()["reason"],
            "hidden-origin: the browser sent Origin: null; the page needs Referrer-Policy: strict-origin-when-cross-origin"
        );
        let response = call(&strict, &ScriptedHost::new(), set(hidden(referer), "accept", "application/json")).await;
        let told = body(&response);
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (403, "hidden-origin"), "{what}");
        assert_eq!((&told["detail"], &told["errors"][0]["code"]), (&HIDDEN.into(), &"BLOCKED".into()), "{what}");

        // Nothing of it can be read by the page's scripts, or decides where the visitor goes.
        let host = ScriptedHost::new();
        let response = call(&open, &host, hidden(referer)).await;
        assert_eq!((response.status().as_u16(), host.sent().len()), (303, 2), "{what}");
        assert_eq!(header(&response, "access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_foreign_site_stays_out_whatever_the_browser_hides() {
    for lines in ["", "allow_missing_origin = true"] {
        let gate = gate(&with(lines));
        for (origin, referer) in [
            ("https://evil.example", None),
            ("null", Some("https://evil.example/")),
            ("null", Some("https://www.contoso.example.evil.example/")),
            ("null", Some("about:srcdoc")),
            ("https://evil.example", Some("https://www.contoso.example/")),
        ] {
            let host = ScriptedHost::new();
            let response = call(&gate, &host, set(hidden(referer), "origin", origin)).await;
            assert_eq!((response.status().as_u16(), host.sent().len()), (403, 0), "{origin} {referer:?} {lines}");
            assert_eq!(host.line()["reason"], "foreign-origin");
        }
    }
    // What no browser sends.
    let host = ScriptedHost::new();
    let mut bare = browser(GOOD);
    bare.headers_mut().remove("origin");
    assert_eq!(call(&gate(&example()), &host, bare).await.status(), 403);
    assert_eq!(host.line()["reason"], "foreign-origin");
}
