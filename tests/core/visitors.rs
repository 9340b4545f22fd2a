//! What a visitor of a form gets back: redirects, pages and JSON, to the right sites and in the right language.

use crate::support::*;
use http::Request;
use postern::policy::WIDGET_FIELDS;
use serde_json::json;

#[tokio::test]
async fn without_scripts_a_form_ends_on_the_thanks_page() {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, browser(GOOD)).await;
    assert_eq!((response.status().as_u16(), host.sent().len()), (303, 2));
    assert_eq!(header(&response, "location"), Some("https://www.contoso.example/thanks"));
    let host = ScriptedHost::new();
    let response = call(&gate(&with("!thanks = -")), &host, browser(GOOD)).await;
    assert_eq!((response.status().as_u16(), host.sent().len()), (200, 2));
    assert!(html(&response).contains("<h1>Thank you</h1>\n<p>Your message has been sent.</p>\n"));
    let german = set(browser(GOOD), "accept-language", "de-CH,de;q=0.9,en;q=0.8");
    let response = call(&gate(&with("!thanks = -")), &ScriptedHost::new(), german).await;
    assert_eq!(header(&response, "content-language"), Some("de"));
    let page = html(&response);
    assert!(page.contains("<html lang=\"de\">") && page.contains("<h1>Vielen Dank</h1>"), "{page}");
}

#[tokio::test]
async fn errors_come_on_a_page_with_what_was_typed() {
    let host = ScriptedHost::new();
    let typed = "name=&email=ada+at+home&topic=sales&message=%3Cscript%3Ealert(1)%3C%2Fscript%3E&x%22%3E=%3Cb%3E";
    let response = call(&gate(&example()), &host, browser(typed)).await;
    assert_eq!((response.status().as_u16(), host.sent().len()), (422, 0));
    let page = html(&response);
    for part in [
        "<title>Error: Please check your entries</title>",
        "<p>3 fields need your attention. Nothing has been sent yet.</p>",
        "<li><a href=\"#field-1\">name</a>: This must not be empty.</li>",
        "<li><a href=\"#field-2\">email</a>: This must be an email address.</li>",
        "<form method=\"post\" action=\"&#x2f;contact\">",
        "<label for=\"field-1\">name</label>",
        "<p class=\"error\" id=\"field-1-error\">This must not be empty.</p>",
        "<input type=\"text\" id=\"field-1\" name=\"name\" required aria-invalid=\"true\" \
         aria-describedby=\"field-1-error\" value=\"\">",
        "<input type=\"email\" id=\"field-2\" name=\"email\" required aria-invalid=\"true\" \
         aria-describedby=\"field-2-error\" value=\"ada at home\">",
        "<option selected>sales</option>",
        "&lt;script&gt;alert(1)&lt;&#x2f;script&gt;</textarea>",
        "name=\"x&quot;&gt;\" aria-invalid=\"true\" aria-describedby=\"field-5-error\" value=\"&lt;b&gt;\">",
        "<a href=\"https:&#x2f;&#x2f;www.contoso.example\">Go back to the page</a>",
    ] {
        assert!(page.contains(part), "{part}\nis not in\n{page}");
    }
    assert!(!page.contains("<script"));
    let missing = set(browser("name=Ada&message=x"), "accept-language", "de");
    let page = html(&call(&gate(&example()), &ScriptedHost::new(), missing).await);
    for part in [
        "<p>Ein Feld ist nicht wie erwartet. Es wurde noch nichts gesendet.</p>",
        "<li><a href=\"#field-3\">email</a>: Dieses Feld wird benötigt.</li>",
        "<button>Erneut senden</button>",
    ] {
        assert!(page.contains(part), "{part}\nis not in\n{page}");
    }
}

#[tokio::test]
async fn other_trouble_is_a_page_too() {
    let acs = |status| ScriptedHost::ailing(refusal(status, "Code"));
    for (host, request, status, text) in [
        (acs(503), browser(GOOD), 503, "Please try again in a few minutes."),
        (acs(401), browser(GOOD), 502, "Please try again in a few minutes."),
        (acs(200), set(browser(GOOD), "origin", "https://evil.example"), 403, "could not confirm"),
        (acs(200), browser("a=%FF"), 400, "could not be read"),
        (acs(200), set(browser(GOOD), "content-type", "text/plain"), 415, "could not be read"),
    ] {
        let response = call(&gate(&example()), &host, request).await;
        assert_eq!(response.status(), status);
        let page = html(&response);
        assert!(page.contains("<h1>This could not be sent</h1>") && page.contains(text), "{page}");
        assert_eq!(page.contains("href=\"https:&#x2f;&#x2f;www.contoso.example\""), status != 403);
    }
}

#[tokio::test]
async fn errors_go_to_the_site_where_the_policy_says_so() {
    for (address, location) in [
        ("https://www.contoso.example/contact", "https://www.contoso.example/contact?"),
        ("https://www.contoso.example/contact?a=b#form", "https://www.contoso.example/contact?a=b&"),
    ] {
        let gate = gate(&with(&format!("error_redirect = \"{address}\"")));
        let response = call(&gate, &ScriptedHost::new(), browser("name=&email=x&message=y")).await;
        assert_eq!(response.status(), 303);
        let errors = "error=invalid-payload&errors=email%3ATYPE_EMAIL%2Cname%3AREQUIRED_FIELD_EMPTY";
        let fragment = if address.ends_with('m') { "#form" } else { "" };
        assert_eq!(header(&response, "location"), Some(format!("{location}{errors}{fragment}").as_str()));
        let host = ScriptedHost::ailing(refusal(503, "Code"));
        let response = call(&gate, &host, browser(GOOD)).await;
        let expected = format!("{location}error=try-later{fragment}");
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, Some(expected.as_str())));
    }
}

#[tokio::test]
async fn scripts_get_json_that_both_kinds_of_clients_read() {
    for (name, value) in [("accept", "application/json"), ("x-requested-with", "XMLHttpRequest")] {
        let request = set(browser("name=Ada&email=x&message=y"), name, value);
        let response = call(&gate(&example()), &ScriptedHost::new(), request).await;
        assert_eq!(
            body(&response),
            json!({
                "type": "urn:postern:problem:invalid-payload",
                "title": "The payload does not match the schema",
                "status": 422,
                "detail": "One field is invalid.",
                "error": "The payload does not match the schema",
                "errors": [{
                    "pointer": "/email",
                    "keyword": "format",
                    "detail": "This must be an email address.",
                    "code": "TYPE_EMAIL",
                    "field": "email",
                    "message": "This must be an email address.",
                }],
            })
        );
        let response = call(&gate(&example()), &ScriptedHost::new(), set(browser(GOOD), name, value)).await;
        let answer = body(&response);
        assert_eq!((&answer["sent"], &answer["next"]), (&json!(2), &json!("https://www.contoso.example/thanks")));
    }
    let foreign = set(set(browser(GOOD), "accept", "application/json"), "origin", "https://evil.example");
    let answer = body(&call(&gate(&example()), &ScriptedHost::new(), foreign).await);
    let message = "The page that sent this form is not on a site listed in the route's `origins`.";
    assert_eq!(answer["errors"], json!([{"code": "BLOCKED", "message": message}]));
}

#[tokio::test]
async fn scripts_of_listed_sites_may_read_answers() {
    let gate = gate(&with("!origins = [\"https://www.contoso.example\", \"https://*.fabrikam.example\"]"));
    for (origin, listed) in [
        ("https://www.contoso.example", true),
        ("https://shop.fabrikam.example", true),
        ("https://fabrikam.example", false),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let allowed = listed.then_some(origin);
        let host = ScriptedHost::new();
        let ask = Request::builder().method("OPTIONS").uri("/contact").header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST").body("").unwrap();
        let response = call(&gate, &host, ask).await;
        assert_eq!((response.status().as_u16(), header(&response, "vary")), (204, Some("Origin")));
        assert_eq!(header(&response, "access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(header(&response, "access-control-allow-methods"), allowed.map(|_| "POST"));
        let headers = "*, accept, content-type, idempotency-key, x-requested-with, formspree-client, \
                       formspree-session-data, hx-boosted, hx-current-url, hx-prompt, hx-request, hx-request-type, \
                       hx-source, hx-target, hx-trigger, hx-trigger-name, x-alpine-request, x-alpine-target, \
                       sentry-trace, baggage, traceparent, tracestate";
        assert_eq!(header(&response, "access-control-allow-headers"), allowed.map(|_| headers));
        assert_eq!(header(&response, "access-control-allow-credentials"), None);
        assert!(host.lines.borrow().is_empty(), "a question has no audit line");

        let request = set(set(browser(GOOD), "accept", "application/json"), "origin", origin);
        let response = call(&gate, &host, request).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "vary")),
            (if listed { 200 } else { 403 }, Some("Origin"))
        );
        assert_eq!(header(&response, "access-control-allow-origin"), allowed, "{origin}");
    }
}

/// The snippets of Netlify ("Submit HTML forms with AJAX"), Basin and Getform set no `Accept`; htmx 4 sets `text/html`.
/// A browser adds `Sec-Fetch-Mode`, which no script can set (W3C Fetch Metadata). tests/browser has the browsers' side.
#[tokio::test]
async fn a_script_is_not_sent_to_a_page_that_it_may_not_read() {
    let gate = gate(&with("error_redirect = \"https://www.contoso.example/contact\""));
    let page = "text/html";
    for (mode, accept, good, bad) in [
        ("cors", "*/*", (200, "application/json"), (422, "application/problem+json")),
        ("cors", page, (200, "text/html; charset=utf-8"), (422, "text/html; charset=utf-8")),
        ("navigate", "*/*", (303, "application/json"), (422, "application/problem+json")),
        ("navigate", page, (303, "application/json"), (303, "application/json")),
    ] {
        for (form, expected, mails) in [(GOOD, good, 2), ("name=Ada&email=x&message=y", bad, 0)] {
            let host = ScriptedHost::new();
            let request = set(set(browser(form), "sec-fetch-mode", mode), "accept", accept);
            let response = call(&gate, &host, request).await;
            let found = (response.status().as_u16(), header(&response, "content-type").unwrap_or_default());
            assert_eq!((found, host.sent().len()), (expected, mails), "{mode} {accept} {form}");
            if found == (200, "application/json") {
                assert_eq!(body(&response)["next"], "https://www.contoso.example/thanks");
            }
        }
    }
}

/// formspree/formspree-js, packages/formspree-core/src/core.ts (`submitForm`) and submission.ts (an answer without `next`
/// is "Unexpected response format"). The library itself runs in tests/browser.
#[tokio::test]
async fn formspree_s_library_may_send_its_headers_and_reads_a_success() {
    let gate = gate(&with("!thanks = -\nconventions = [\"formspree\"]"));
    let names = "content-type,formspree-client,formspree-session-data";
    let ask = Request::builder().method("OPTIONS").uri("/contact").header("origin", SITE);
    let ask = ask.header("access-control-request-method", "POST").header("access-control-request-headers", names);
    let response = call(&gate, &ScriptedHost::new(), ask.body("").unwrap()).await;
    let allowed = header(&response, "access-control-allow-headers").unwrap();
    let allowed: Vec<_> = allowed.split(", ").collect();
    assert!(names.split(',').all(|name| allowed.contains(&name)), "{allowed:?}");
    let mut form = contact();
    form["_gotcha"] = json!("");
    for (header, next) in [("formspree-client", Some("")), ("x-other-client", None)] {
        let host = ScriptedHost::new();
        let request = set(contact_request(&form), "accept", "application/json");
        let response = call(&gate, &host, set(request, header, "@formspree/react@3.0.0 @formspree/core@4.0.0")).await;
        let answer = body(&response);
        assert_eq!(
            (response.status().as_u16(), answer["sent"].as_u64(), answer["next"].as_str()),
            (200, Some(2), next)
        );
        assert_eq!(host.sent()[0]["content"]["subject"], "Message from Ada");
    }
}

#[tokio::test]
async fn a_request_from_no_page_is_refused_unless_the_policy_lets_it_in() {
    for (lines, status) in [("", 403), ("allow_missing_origin = true", 303)] {
        let mut request = browser(GOOD);
        request.headers_mut().remove("origin");
        let response = call(&gate(&with(lines)), &ScriptedHost::new(), request).await;
        assert_eq!(response.status(), status);
    }
    let mut request = set(browser(GOOD), "referer", "https://www.contoso.example/contact");
    request.headers_mut().remove("origin");
    assert_eq!(call(&gate(&example()), &ScriptedHost::new(), request).await.status(), 303);
}

#[tokio::test]
async fn control_fields_are_obeyed_by_convention_and_reach_no_mail() {
    for (convention, fields, location, ignored) in [
        ("formspree", "_gotcha=&_next=/done&_subject=S&_replyto=R&_cc=a@b.example", "/done", json!(["_cc"])),
        (
            "formsubmit",
            "_honey=&_next=/done&_autoresponse=Hi&_captcha=false",
            "/done",
            json!(["_autoresponse", "_captcha"]),
        ),
        ("web3forms", "botcheck=&redirect=/done&access_key=K&subject=S&from_name=F", "/done", json!(["access_key"])),
        ("netlify", "bot-field=&form-name=contact", "/thanks", json!(["form-name"])),
    ] {
        let gate_ = gate(&with(&format!("conventions = [\"{convention}\"]")));
        let form = format!("{fields}&{GOOD}");
        let host = ScriptedHost::new();
        let response = call(&gate_, &host, browser(&form)).await;
        let location = format!("https://www.contoso.example{location}");
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, Some(location.as_str())));
        let plain = ScriptedHost::new();
        call(&gate(&example()), &plain, browser(GOOD)).await;
        assert_eq!(host.sent(), plain.sent(), "{convention}: the mails are the same");
        let script = set(browser(&form), "accept", "application/json");
        let answer = body(&call(&gate_, &ScriptedHost::new(), script).await);
        assert_eq!((&answer["next"], &answer["ignored"]), (&json!(location), &ignored));
        // Without the convention, these are fields that the schema does not know.
        assert_eq!(call(&gate(&example()), &ScriptedHost::new(), browser(&form)).await.status(), 422);
    }
}

#[tokio::test]
async fn what_a_captcha_widget_adds_is_no_field_of_the_form() {
    let captcha = "!origins = [\"https://www.contoso.example\"]\n\
                   captcha = { service = \"turnstile\", secret = \"turnstile_secret\" }";
    for policy in [example(), with("honeypot = \"feedback_note\"")] {
        for (field, widget) in WIDGET_FIELDS {
            let host = ScriptedHost::new();
            let response = call(&gate(&policy), &host, browser(&format!("{GOOD}&{field}=a.b-c_d"))).await;
            assert_eq!((response.status().as_u16(), host.sent().len()), (303, 2), "{widget}");
            assert!(host.sent().iter().all(|mail| !mail.to_string().contains("a.b-c_d")), "{widget}");
            let script = json!({"name": "A", "email": "a@b.example", "message": "x", field: "a.b-c_d"});
            assert_eq!(call(&gate(&policy), &ScriptedHost::new(), contact_request(&script)).await.status(), 200);
        }
    }
    // The route asks for another captcha than the page shows: what is missing is the proof, and nothing is unexpected.
    let host = ScriptedHost::new().set("turnstile_secret", "canary-turnstile-secret");
    let form = format!("{GOOD}&g-recaptcha-response=a&h-captcha-response=a");
    let response = call(&gate(&with(captcha)), &host, set(browser(&form), "accept", "application/json")).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (403, "unproven"));
    // A schema that names such a field gets it.
    let files = example();
    let text = |path: &str| files.text(path).unwrap().replace("\"topic\"", "\"altcha\"").replace("topic", "altcha");
    let gate = gate(&files.paths().map(|path| (path.to_owned(), text(path))).collect());
    let host = ScriptedHost::new();
    call(&gate, &host, browser(&format!("{GOOD}&altcha=sales"))).await;
    assert_eq!(host.sent()[0]["content"]["subject"], "[sales] Message from Ada");
}

#[tokio::test]
async fn a_redirect_never_leaves_the_listed_sites() {
    let gate = gate(&with("conventions = [\"formspree\"]"));
    for next in
        ["//evil.example", "https://evil.example/", "javascript:alert(1)", "https://www.contoso.example@evil.example/"]
    {
        let encoded: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let response = call(&gate, &ScriptedHost::new(), browser(&format!("_next={encoded}&{GOOD}"))).await;
        assert_eq!(header(&response, "location"), Some("https://www.contoso.example/thanks"), "{next}");
    }
}

#[tokio::test]
async fn a_robot_in_the_honeypot_is_answered_as_if_it_had_worked() {
    let gate = gate(&with("conventions = [\"formspree\"]\nhoneypot = \"feedback_note\""));
    for form in [format!("{GOOD}&_gotcha=x"), format!("{GOOD}&feedback_note=x"), "feedback_note=x".to_owned()] {
        let host = ScriptedHost::new();
        let response = call(&gate, &host, browser(&form)).await;
        assert_eq!((response.status().as_u16(), host.sent().len()), (303, 0));
        assert_eq!(header(&response, "location"), Some("https://www.contoso.example/thanks"));
        let line = host.line();
        assert_eq!((&line["verdict"], &line["reason"]), (&json!("discarded"), &json!("honeypot")));
    }
    let script = json!({"name": "A", "email": "a@b.example", "message": "x", "feedback_note": 5});
    let host = ScriptedHost::new();
    let answer = body(&call(&gate, &host, contact_request(&script)).await);
    let mails = answer["mails"].as_array().unwrap();
    assert_eq!((&answer["sent"], mails.len(), host.sent().len()), (&json!(2), 2, 0));
    assert!(mails.iter().all(|mail| mail["status"] == "accepted" && mail["operation"].as_str().unwrap().len() == 36));
    let person = json!({"name": "A", "email": "a@b.example", "message": "x", "feedback_note": "", "_gotcha": false});
    let host = ScriptedHost::new();
    assert_eq!(call(&gate, &host, contact_request(&person)).await.status(), 200);
    assert_eq!(host.sent().len(), 2);
}

#[test]
fn what_is_wrong_with_a_form_is_a_finding() {
    for (lines, finding) in [
        ("conventions = [\"getform\"]", "There is no convention `getform`."),
        ("error_redirect = \"/contact\"", "`/contact` is not a URL that visitors can be sent to."),
        ("!origins = [\"https://*.example\"]", "`https://*.example` is not an origin."),
        ("!origins = [\"https://www.*.contoso.example\"]", "`https://www.*.contoso.example` is not an origin."),
        ("!origins = [\"http://*.localhost\"]", "`http://*.localhost` is not an origin."),
    ] {
        let found = refused(&with(lines));
        assert_eq!(found, [finding]);
    }
}
