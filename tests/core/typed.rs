//! What people type and browsers send: line ends, invisible characters around addresses, domains of every script.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::*;

/// The lines of a message that fills its 5000 characters to the brim: a line end counts as one.
fn full() -> String {
    let line = "We would like an offer for twenty licences and two days of training, please.\n";
    let mut text: String = line.repeat(64);
    text.push_str(&"x".repeat(5000 - text.chars().count()));
    text
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn multipart(fields: &[(&str, &str)]) -> Request<bytes::Bytes> {
    let part = |(name, text): &(&str, &str)| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let body = fields.iter().map(part).collect::<String>() + "--xyz--\r\n";
    set(post("/contact", "multipart/form-data; boundary=xyz", body), "accept", "application/json")
}

fn members(fields: &[(&str, &str)]) -> Value {
    fields.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect()
}

/// The same fields as a plain form, with files, and by a script.
fn ways(fields: &[(&str, &str)]) -> [Request<bytes::Bytes>; 3] {
    let plain = set(post("/contact", URLENCODED, encoded(fields)), "accept", "application/json");
    [plain, multipart(fields), contact_request(&members(fields))]
}

// https://html.spec.whatwg.org/multipage/form-elements.html#the-textarea-element counts over the API value, and
// https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#form-submission-algorithm makes CR LF.
#[tokio::test]
async fn a_line_end_is_one_character_however_it_is_sent() {
    let gate = gate(&example());
    let mut operations = Vec::new();
    let mails = ["\n", "\r\n", "\r"].map(|end| full().replace('\n', end));
    for message in &mails {
        let fields = [("name", "Ada"), ("email", "ada@customer.example"), ("message", message.as_str())];
        for request in ways(&fields) {
            let host = ScriptedHost::new();
            let response = call(&gate, &host, request).await;
            assert_eq!(response.status(), StatusCode::OK, "{:?}", body(&response));
            let text = host.sent()[0]["content"]["plainText"].as_str().unwrap().to_owned();
            assert!(!text.contains('\r') && text.contains(&full()), "{text}");
            operations.push(host.operations());
        }
    }
    // A form without files and one with are the same submission, whatever its line ends are; a script's is one of its own.
    for way in 0..3 {
        assert_eq!(operations[way], operations[way + 3]);
        assert_eq!(operations[way], operations[way + 6]);
    }
    assert_eq!(operations[0], operations[1]);
    // One character more is too many, and the page shows what was typed with its lines.
    let long = full().replace('\n', "\r\n") + "y";
    let form = encoded(&[("name", "Ada"), ("email", "ada@customer.example"), ("message", &long)]);
    let page = html(&call(&gate, &ScriptedHost::new(), browser(&form)).await);
    assert!(page.contains("This must have at most 5000 characters."));
    assert!(page.contains(&format!("{}y</textarea>", full())), "{page}");
}

/// The recipients of a form with this address: the visitor, and who the team's answer goes to; or the sentence at its
/// field.
async fn reached(request: Request<bytes::Bytes>) -> Result<(String, String, String), String> {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, request).await;
    if response.status() != StatusCode::OK {
        let (status, body) = (response.status(), body(&response));
        let error = &body["errors"][0];
        let told = (&error["field"], &error["code"], &error["keyword"]);
        assert_eq!((status.as_u16(), told), (422, (&json!("email"), &json!("TYPE_EMAIL"), &json!("format"))));
        return Err(error["message"].as_str().unwrap().to_owned());
    }
    let sent = host.sent();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let shown = text(&sent[0]["content"]["plainText"]);
    let shown = shown.split_once(" wrote through").unwrap().0.to_owned();
    Ok((text(&sent[1]["recipients"]["to"][0]["address"]), text(&sent[0]["replyTo"][0]["address"]), shown))
}

fn with_address(address: &str) -> [Request<bytes::Bytes>; 3] {
    ways(&[("name", "Ada"), ("email", address), ("message", "Hello")])
}

// https://html.spec.whatwg.org/multipage/input.html#email-state-(type=email) strips ASCII white space itself; the rest
// comes from phones (openfoodfacts/smooth-app#1451), Teams, Outlook and PDF files.
#[tokio::test]
async fn nothing_invisible_around_an_address_counts() {
    for (before, after) in [
        ("", " "),
        ("\t ", ""),
        ("", "\r\n"),
        ("", "\u{a0}"),
        ("\u{200b}", ""),
        ("\u{feff}", "\u{2060}"),
        ("\u{202a}", "\u{202c}"),
        ("\u{200e}", "\u{3000}"),
        ("\u{200d}\u{200c}", "\u{ad}"),
    ] {
        for request in with_address(&format!("{before}ada@example.com{after}")) {
            let expected =
                ("ada@example.com".to_owned(), "ada@example.com".to_owned(), "Ada <ada@example.com>".to_owned());
            assert_eq!(reached(request).await, Ok(expected), "{before:?} {after:?}");
        }
    }
    for address in ["Ada.Example@EXAMPLE.COM", "o'brien+shop@example.com"] {
        for request in with_address(address) {
            let expected = (address.to_owned(), address.to_owned(), format!("Ada <{address}>"));
            assert_eq!(reached(request).await, Ok(expected));
        }
    }
    for address in
        ["mailto:ada@example.com", "ada@exam\u{200b}ple.com\u{0}", "ada @example.com", "ada@example.com, b@c.example"]
    {
        for request in with_address(address) {
            assert_eq!(reached(request).await, Err("This must be an email address.".to_owned()), "{address:?}");
        }
    }
    // It is the address that is trimmed, nothing else.
    let host = ScriptedHost::new();
    let fields = [("name", " Ada "), ("email", "ada@example.com"), ("message", " Hello\u{a0}")];
    for request in ways(&fields) {
        call(&gate(&example()), &host, request).await;
    }
    for mail in host.sent().iter().step_by(2) {
        assert!(mail["content"]["plainText"].as_str().unwrap().contains("\n Hello\u{a0}\n"));
    }
}

// RFC 5891 and UTS 46; keycloak/keycloak#18409 is the sharp s that became ss.
#[tokio::test]
async fn a_domain_of_any_script_is_reached_and_shown_as_it_was_typed() {
    for (typed, address) in [
        ("kontakt@bücher.example", "kontakt@xn--bcher-kva.example"),
        ("kontakt@xn--bcher-kva.example", "kontakt@xn--bcher-kva.example"),
        ("info@straße.example", "info@xn--strae-oqa.example"),
        ("kontakt@bu\u{308}cher.example", "kontakt@xn--bcher-kva.example"),
        ("ada＠example．com", "ada@example.com"),
        ("info@例子.测试", "info@xn--fsqu00a.xn--0zwm56d"),
        ("info@उदाहरण.परीक्षा", "info@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"),
        ("info@مثال.إختبار", "info@xn--mgbh0fb.xn--kgbechtv"),
    ] {
        for request in with_address(typed) {
            let expected = (address.to_owned(), address.to_owned(), format!("Ada <{typed}>"));
            assert_eq!(reached(request).await, Ok(expected), "{typed}");
        }
    }
    let local = "The part before the @ has letters that mail cannot be sent to.";
    for (typed, sentence) in [
        ("用户@例子.example", local),
        ("jürgen@example.com", local),
        ("δοκιμή@παράδειγμα.δοκιμή", local),
        ("kontakt@bü_cher.example", "This must be an email address."),
        ("kontakt@bücher", "This must be an email address."),
        ("Jürgen <juergen@example.com>", "This must be an email address."),
    ] {
        for request in with_address(typed) {
            assert_eq!(reached(request).await, Err(sentence.to_owned()), "{typed}");
        }
    }
    let request = set(with_address("jürgen@example.com")[0].clone(), "accept-language", "de");
    let german = "Vor dem @ stehen Buchstaben, an die keine E-Mail gesendet werden kann.";
    assert_eq!(reached(request).await, Err(german.to_owned()));
}

#[tokio::test]
async fn where_a_schema_takes_any_letters_a_recipient_still_needs_those_of_mail() {
    let files = example();
    let text = |path: &str| files.text(path).unwrap().replace("\"format\": \"email\"", "\"format\": \"idn-email\"");
    let files = files.paths().map(|path| (path.to_owned(), text(path))).collect();
    let gate = gate(&files);
    for (address, status) in [("info@bücher.example\u{a0}", 200), ("jürgen@bücher.example", 422)] {
        let host = ScriptedHost::new();
        let response = call(&gate, &host, with_address(address)[0].clone()).await;
        assert_eq!((response.status().as_u16(), host.sent().len()), (status, if status == 200 { 2 } else { 0 }));
        if status == 422 {
            let local = "The part before the @ has letters that mail cannot be sent to.";
            assert_eq!(body(&response)["errors"][0]["message"], local);
        }
    }
}
