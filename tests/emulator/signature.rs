//! Who may call: signatures, dates, content hashes, tokens.

use postern_emulator::{AccessKey, AccessKeyError, BearerCheck};
use serde_json::Value;

use crate::lab::{ID, Lab, SEND, email};

const OTHER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn header_list(headers: Vec<(String, String)>, change: (&str, Option<&str>)) -> Vec<(String, String)> {
    let (changed, value) = change;
    let mut list: Vec<_> = headers.into_iter().filter(|(name, _)| name != changed).collect();
    if let Some(value) = value {
        list.push((changed.to_owned(), value.to_owned()));
    }
    list
}

/// Sends a mail whose signature was tampered with after signing.
fn tampered(lab: &Lab, name: &str, value: Option<&str>) -> crate::lab::Answer {
    let call = lab.post(&email());
    let headers = header_list(call.signature(), (name, value));
    call.with_headers(headers).unwrap()
}

#[track_caller]
fn denied(lab: &Lab, answer: &crate::lab::Answer, part: &str) {
    answer.refused(401, "Denied", part);
    assert!(lab.store.messages().is_empty());
}

#[test]
fn requests_of_the_official_sdk_are_accepted_as_they_came_over_the_wire() {
    let captures: Value = serde_json::from_str(include_str!("../fixtures/acs-wire-captures.json")).unwrap();
    let key = AccessKey::parse(captures["key"].as_str().unwrap()).unwrap();
    let lab = Lab::with(|config| config.access_key = key);
    lab.set_clock("Sat, 21 Nov 2026 15:57:52 GMT");
    let requests = captures["requests"].as_array().unwrap();
    let statuses: Vec<_> = requests.iter().map(|request| replay(&lab, request)).collect();
    assert_eq!(statuses, ["HTTP/1.1 202 Accepted", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
    assert_eq!(lab.subjects(), ["Grüße"]);
}

/// Replays a capture; the Operation-Id, which is not signed, makes the captured polls find their operation.
fn replay(lab: &Lab, request: &Value) -> String {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let mut lines = vec![format!("{} {} HTTP/1.1", text("method"), text("target"))];
    for (name, value) in request["headers"].as_object().unwrap() {
        lines.push(format!("{name}: {}", value.as_str().unwrap()));
    }
    lines.push(format!("operation-id: {ID}"));
    lines.push(format!("content-length: {}", text("body").len()));
    lines.push("connection: close".to_owned());
    let answer = lab.raw(&format!("{}\r\n\r\n{}", lines.join("\r\n"), text("body"))).unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[test]
fn a_captured_request_with_one_byte_changed_is_refused() {
    let captures: Value = serde_json::from_str(include_str!("../fixtures/acs-wire-captures.json")).unwrap();
    let key = AccessKey::parse(captures["key"].as_str().unwrap()).unwrap();
    let lab = Lab::with(|config| config.access_key = key);
    lab.set_clock("Sat, 21 Nov 2026 15:57:52 GMT");
    let mut poll = captures["requests"][1].clone();
    poll["target"] = poll["target"].as_str().unwrap().replace("3800", "3801").into();
    assert_eq!(replay(&lab, &poll), "HTTP/1.1 401 Unauthorized");
}

#[test]
fn another_key_is_refused() {
    let lab = Lab::new();
    let answer = lab.post(&email()).key(OTHER_KEY).go();
    denied(&lab, &answer, "The signature does not match");
}

#[test]
fn the_refusal_tells_what_should_have_been_signed() {
    let lab = Lab::new();
    let answer = lab.post(&email()).key(OTHER_KEY).go();
    let start = r#""POST\n/emails:send?api-version=2025-09-01\nTue, 03 Mar 2026 07:05:09 GMT;127.0.0.1:"#;
    denied(&lab, &answer, start);
}

#[test]
fn a_configured_key_replaces_the_development_key() {
    let lab = Lab::with(|config| config.access_key = AccessKey::parse(OTHER_KEY).unwrap());
    denied(&lab, &lab.send(&email()), "The signature does not match");
    assert_eq!(lab.post(&email()).key(OTHER_KEY).go().status, 202);
}

#[test]
fn a_signature_for_another_target_is_refused() {
    let lab = Lab::new();
    let mut call = lab.post(&email());
    let headers = call.signature();
    call.target = "/emails:send?api-version=2023-03-31".to_owned();
    denied(&lab, &call.with_headers(headers).unwrap(), "The signature does not match");
}

#[test]
fn a_signature_for_another_method_is_refused() {
    let lab = Lab::new();
    let target = format!("/emails/operations/{ID}?api-version=2025-09-01");
    let headers = lab.call("POST", &target).signature();
    let answer = lab.call("GET", &target).with_headers(headers).unwrap();
    denied(&lab, &answer, "The signature does not match");
}

#[test]
fn a_signature_for_another_host_is_refused() {
    let lab = Lab::new();
    denied(&lab, &tampered(&lab, "host", Some("localhost")), "The signature does not match");
}

#[test]
fn a_body_changed_after_signing_is_refused() {
    let lab = Lab::new();
    let headers = lab.post(&email()).signature();
    let other = lab.post(&crate::lab::email_about("Changed"));
    let answer = other.clone().with_headers(headers.clone()).unwrap();
    denied(&lab, &answer, "x-ms-content-sha256");
    let hash = &other.signature()[2].1;
    let headers = header_list(headers, ("x-ms-content-sha256", Some(hash)));
    denied(&lab, &other.with_headers(headers).unwrap(), "The signature does not match");
}

#[test]
fn every_signed_header_is_needed() {
    let lab = Lab::new();
    for name in ["authorization", "x-ms-date", "x-ms-content-sha256"] {
        denied(&lab, &tampered(&lab, name, None), &format!("no usable `{name}` header"));
    }
}

#[test]
fn a_signed_header_given_twice_is_refused() {
    let lab = Lab::new();
    let call = lab.post(&email());
    let mut headers = call.signature();
    headers.push(("x-ms-date".to_owned(), "Tue, 03 Mar 2026 07:05:09 GMT".to_owned()));
    denied(&lab, &call.with_headers(headers).unwrap(), "no usable `x-ms-date` header");
}

#[test]
fn only_one_form_of_authorization_is_a_signature() {
    let lab = Lab::new();
    let good = lab.post(&email()).signature()[3].1.clone();
    for bad in [
        good.replace("HMAC-SHA256", "HMAC-SHA1"),
        good.replace("x-ms-date;host", "host;x-ms-date"),
        good.replace("Signature=", "Signature="[..9].trim_end_matches('e')),
        format!("{good}!"),
        "HMAC-SHA256".to_owned(),
        String::new(),
    ] {
        let answer = tampered(&lab, "authorization", Some(&bad));
        denied(&lab, &answer, "The Authorization header is not");
    }
}

#[test]
fn a_shortened_signature_is_refused() {
    let lab = Lab::new();
    let good = lab.post(&email()).signature()[3].1.clone();
    let (start, signature) = good.split_once("Signature=").unwrap();
    // 16 characters of base64 are the first 12 bytes of the right signature.
    for part in ["", "AAAA", &signature[..16]] {
        let bad = format!("{start}Signature={part}");
        let answer = tampered(&lab, "authorization", Some(&bad));
        denied(&lab, &answer, "The signature does not match");
    }
}

#[test]
fn a_date_may_be_five_minutes_off_either_way_and_not_a_second_more() {
    for (date, status) in [
        ("Tue, 03 Mar 2026 07:00:09 GMT", 202),
        ("Tue, 03 Mar 2026 07:10:09 GMT", 202),
        ("Tue, 03 Mar 2026 07:00:08 GMT", 401),
        ("Tue, 03 Mar 2026 07:10:10 GMT", 401),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 401),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 401),
    ] {
        let lab = Lab::new();
        let answer = lab.post(&email()).date(date).go();
        assert_eq!(answer.status, status, "{date}");
        if status == 401 {
            denied(&lab, &answer, "more than 5 minutes away");
        }
    }
}

#[test]
fn a_date_in_another_form_is_refused() {
    let lab = Lab::new();
    for date in [
        "Tuesday, 03-Mar-26 07:05:09 GMT",
        "Tue Mar  3 07:05:09 2026",
        "Tue, 3 Mar 2026 07:05:09 GMT",
        "2026-03-03T07:05:09Z",
        "now",
    ] {
        let answer = lab.post(&email()).date(date).go();
        denied(&lab, &answer, "not an RFC 1123 date");
    }
}

#[test]
fn status_reads_are_checked_as_sends_are() {
    let lab = Lab::new();
    let id = lab.sent(&email());
    let target = format!("/emails/operations/{id}?api-version=2025-09-01");
    let unsigned = lab.call("GET", &target).unsigned();
    unsigned.refused(401, "Denied", "no usable `authorization` header");
    lab.call("GET", &target).key(OTHER_KEY).go().refused(401, "Denied", "does not match");
    assert_eq!(lab.call("GET", &target).go().status, 200);
}

#[test]
fn a_request_without_host_is_refused() {
    let lab = Lab::new();
    let mut request = format!("POST {SEND} HTTP/1.0\r\ncontent-length: 0\r\n");
    for (name, value) in lab.call("POST", SEND).signature() {
        if name != "host" {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let answer = lab.raw(&format!("{request}\r\n")).unwrap();
    assert!(answer.starts_with("HTTP/1.0 401 "), "{answer}");
    assert!(answer.contains("no usable `host` header"), "{answer}");
}

#[test]
fn a_token_is_refused_unless_the_configuration_accepts_it() {
    let bearer =
        |lab: &Lab, token: &str| lab.post(&email()).header("authorization", &format!("Bearer {token}")).unsigned();
    let closed = Lab::new();
    bearer(&closed, "good").refused(401, "Unauthorized", "The access token was refused.");
    assert!(closed.store.messages().is_empty());
    let open = Lab::with(|config| config.bearer = BearerCheck::new(|token| token == "good"));
    bearer(&open, "bad").refused(401, "Unauthorized", "The access token was refused.");
    assert!(open.store.messages().is_empty());
    assert_eq!(bearer(&open, "good").status, 202);
    assert_eq!(open.store.messages().len(), 1);
}

#[test]
fn an_access_key_is_base64_and_never_shown() {
    assert!(matches!(AccessKey::parse("not base64"), Err(AccessKeyError::Encoding)));
    assert!(matches!(AccessKey::parse(""), Err(AccessKeyError::Empty)));
    let key = AccessKey::parse(OTHER_KEY).unwrap();
    assert_eq!(format!("{key:?}"), "AccessKey(hidden)");
    let config = postern_emulator::Config { access_key: key, ..Default::default() };
    assert!(!format!("{config:?}").contains("48, 49"));
}
