//! Files of a form: carried by the mails that should, and only when they are what their names say.

use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use postern::decode::form::clean;
use postern::gate::Gate;
use postern::policy::{Files, MAX_ATTACHMENT_BYTES};
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7 canary";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

fn policy(attachments: &str) -> Files {
    let files = with(&format!("attachments = {{ {attachments} }}"));
    let carries = |text: &str| text.replacen("to = [\"sales@", "attachments = true\nto = [\"sales@", 1);
    files
        .paths()
        .map(|path| {
            let text = files.text(path).unwrap();
            (path.to_owned(), if path == "postern.toml" { carries(text) } else { text.to_owned() })
        })
        .collect()
}

fn taking(attachments: &str) -> Gate {
    gate(&policy(attachments))
}

/// A form with files: control, file name and content.
fn form(files: &[(&str, &str, &[u8])]) -> Request<Bytes> {
    let mut body = Vec::new();
    for (name, text) in [("name", "Ada"), ("email", "ada@customer.example"), ("message", "Hello")] {
        body.extend(format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").bytes());
    }
    for (control, name, content) in files {
        let head = format!("--xyz\r\nContent-Disposition: form-data; name=\"{control}\"; filename=\"{name}\"\r\n");
        body.extend([head.as_bytes(), b"Content-Type: text/html\r\n\r\n", content, b"\r\n"].concat());
    }
    body.extend(b"--xyz--\r\n");
    set(post("/contact", "multipart/form-data; boundary=xyz", body), "accept", "application/json")
}

#[tokio::test]
async fn files_go_with_the_mails_that_carry_them() {
    let host = ScriptedHost::new();
    let files = [("cv", "Lebenslauf Ada.pdf", PDF), ("photo[]", "a.PNG", PNG), ("photo[]", "a.png", PNG)];
    let response = call(&taking("types = [\"pdf\", \"png\"]"), &host, form(&files)).await;
    assert_eq!(response.status(), 200, "{:?}", body(&response));
    let sent = host.sent();
    assert_eq!(
        sent[0]["attachments"],
        json!([
            {"name": "Lebenslauf Ada.pdf", "contentType": "application/pdf", "contentInBase64": STANDARD.encode(PDF)},
            {"name": "a.PNG", "contentType": "image/png", "contentInBase64": STANDARD.encode(PNG)},
            {"name": "a (2).png", "contentType": "image/png", "contentInBase64": STANDARD.encode(PNG)},
        ])
    );
    assert_eq!(sent[1].get("attachments"), None, "the acknowledgement goes to an address of the payload");
}

#[tokio::test]
async fn a_file_must_be_what_its_name_says_and_of_a_type_that_is_taken() {
    let every = "types = [\"pdf\", \"png\", \"jpeg\", \"gif\", \"webp\", \"docx\", \"txt\", \"csv\"]";
    let gate = taking(every);
    for (name, content, taken) in [
        ("a.pdf", PDF, true),
        ("a.PDF", PDF, true),
        ("a.jpg", b"\xff\xd8\xff\xe0", true),
        ("a.txt", "Grüße\r\n\tx".as_bytes(), true),
        ("a.csv", b"a;b\n1;2", true),
        ("a.png", PDF, false),
        ("a.pdf", PNG, false),
        ("a.pdf", b"no pdf at all", false),
        ("a.pdf.exe", PDF, false),
        ("a.exe", b"MZ\x90\x00", false),
        ("a.pdf", b"MZ\x90\x00", false),
        ("a.txt", b"MZ\x90\x00", false),
        ("a.txt", b"\x7fELF\x02\x01\x01", false),
        ("a.txt", b"#!/bin/sh\nrm", false),
        ("a.txt", b"  <!DOCTYPE html><script>", false),
        ("a.txt", b"\xef\xbb\xbf<svg onload=x>", false),
        ("a.txt", b"a\x00b", false),
        ("a.txt", b"\xff\xfe", false),
        ("a.html", b"<html>", false),
        ("a.svg", b"<svg>", false),
        ("a.docx", b"PK\x03\x04 no document", false),
        ("pdf", PDF, false),
        (".pdf", PDF, false),
        ("a\u{202e}fdp.exe", PDF, false),
    ] {
        let host = ScriptedHost::new();
        let response = call(&gate, &host, form(&[("cv", name, content)])).await;
        assert_eq!(response.status(), if taken { 200 } else { 422 }, "{name}");
        if !taken {
            let error = &body(&response)["errors"][0];
            let detail = "This file must be of one of these types: pdf, png, jpeg, gif, webp, docx, txt, csv.";
            assert_eq!(
                (&error["field"], &error["code"], &error["message"]),
                (&json!("cv"), &json!("FILE_TYPE"), &json!(detail))
            );
            assert_eq!(host.line()["reason"], "invalid-payload: attachment");
        }
    }
}

#[tokio::test]
async fn files_are_few_and_small() {
    let gate = taking("types = [\"pdf\"], max_count = 2, max_bytes = 40");
    let file = ("cv", "a.pdf", PDF);
    let large = [PDF, &[b'x'; 26]].concat();
    for (files, status, detail) in [
        (vec![file; 2], 200, Value::Null),
        (vec![file; 3], 413, json!("The files of this form can have at most 40 bytes in total.")),
        (
            vec![("cv", "a.pdf", large.as_slice())],
            413,
            json!("The files of this form can have at most 40 bytes in total."),
        ),
        (vec![("cv", "a.pdf", &large[..40])], 200, Value::Null),
        (vec![("cv", "", b"".as_slice()); 5], 200, Value::Null),
    ] {
        let response = call(&gate, &ScriptedHost::new(), form(&files)).await;
        assert_eq!(response.status(), status, "{detail}");
        assert_eq!(body(&response).get("detail").unwrap_or(&Value::Null), &detail);
    }
    let few = taking("types = [\"pdf\"], max_count = 1");
    let response = call(&few, &ScriptedHost::new(), form(&[file, ("more[]", "b.pdf", PDF)])).await;
    let error = &body(&response)["errors"][0];
    assert_eq!((&error["field"], &error["code"]), (&json!("more"), &json!("TOO_MANY_FILES")));
    let many = taking("types = [\"pdf\"], max_count = 10");
    let response = call(&many, &ScriptedHost::new(), form(&[file; 11])).await;
    assert_eq!(body(&response)["detail"], "A form can have at most 10 files.");
    assert_eq!(gate.allowance("/contact").bytes, 40 + 64 * 1024);
}

#[tokio::test]
async fn the_most_that_a_form_may_take_fits_into_a_request_to_acs() {
    let content = [PDF, &vec![b'x'; MAX_ATTACHMENT_BYTES - PDF.len()]].concat();
    let host = ScriptedHost::new();
    let gate = taking("types = [\"pdf\"], max_bytes = 7000000");
    assert_eq!(call(&gate, &host, form(&[("cv", "a.pdf", &content)])).await.status(), 200);
    let requests = host.requests.borrow();
    let length = requests[0].body().len();
    assert!((9_333_000..10_000_000).contains(&length), "{length}");
    let sent: Value = serde_json::from_slice(requests[0].body()).unwrap();
    let encoded = sent["attachments"][0]["contentInBase64"].as_str().unwrap();
    assert!(STANDARD.decode(encoded).unwrap() == content);
}

#[tokio::test]
async fn the_same_form_is_the_same_event_whatever_its_boundary() {
    let gate = taking("types = [\"pdf\"]");
    let ids = |request: Request<Bytes>| {
        let (gate, host) = (&gate, ScriptedHost::new());
        async move {
            call(gate, &host, request).await;
            assert_eq!(host.operations().len(), 2);
            host.operations()
        }
    };
    let first = form(&[("cv", "a.pdf", PDF)]);
    let text = first
        .body()
        .windows(3)
        .flat_map(|three| if three == b"xyz" { b"abc"[..1].to_vec() } else { three[..1].to_vec() });
    let mut again = set(first.clone(), "content-type", "multipart/form-data; boundary=ayz");
    let mut bytes: Vec<u8> = text.collect();
    bytes.extend(b"\r\n");
    *again.body_mut() = bytes.into();
    let other = form(&[("cv", "a.pdf", b"%PDF-1.7 other")]);
    let renamed = form(&[("cv", "b.pdf", PDF)]);
    let expected = ids(first).await;
    assert_eq!(ids(again).await, expected);
    assert_ne!(ids(other).await, expected);
    assert_ne!(ids(renamed).await, expected);
}

#[test]
fn names_are_cleaned() {
    for (name, cleaned) in [
        ("Lebenslauf (neu).pdf", "Lebenslauf (neu).pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\cv.pdf", "cv.pdf"),
        ("a\r\nBcc: x.pdf", "a Bcc_ x.pdf"),
        ("a\u{202e}fdp.exe", "afdp.exe"),
        ("cv.pdf. . .", "cv.pdf"),
        ("<b>\"?*|.pdf", "_b_____.pdf"),
        ("", "file"),
        ("...", "file"),
        (".htaccess", "htaccess"),
        ("\u{0}", "file"),
    ] {
        assert_eq!(clean(name), cleaned, "{name:?}");
    }
    assert_eq!(clean(&format!("{}.pdf", "ä".repeat(300))), format!("{}.pdf", "ä".repeat(96)));
}

#[tokio::test]
async fn a_schema_may_ask_for_a_file() {
    let files = policy("types = [\"pdf\"]");
    let asked = files.paths().map(|path| {
        let text = files.text(path).unwrap();
        let cv = "\"properties\": { \"cv\": { \"type\": \"string\", \"title\": \"CV\" },";
        let schema = text.replacen("\"properties\": {", cv, 1).replacen("[\"name\",", "[\"cv\", \"name\",", 1);
        let own = path == "templates/contact-notify/body.txt.j2";
        let table = "{% for field in fields %}\n{{ field.label }}={{ field.value }}\n{% endfor %}";
        let sample = text.replacen('{', "{ \"cv\": \"a.pdf\",", 1);
        let text = match path {
            "schemas/contact.json" => schema,
            _ if own => table.to_owned(),
            _ if path.ends_with("sample.json") && path.contains("contact") => sample,
            _ => text.to_owned(),
        };
        (path.to_owned(), text)
    });
    let gate = gate(&asked.collect());
    let host = ScriptedHost::new();
    assert_eq!(call(&gate, &host, form(&[("cv", "dir/a.pdf", PDF)])).await.status(), 200);
    assert!(host.sent()[0]["content"]["plainText"].as_str().unwrap().ends_with("CV=a.pdf\n"));
    let response = call(&gate, &ScriptedHost::new(), form(&[("cv", "", b"")])).await;
    assert_eq!(body(&response)["errors"][0]["code"], "REQUIRED_FIELD_MISSING");
}

#[test]
fn what_is_wrong_with_attachments_is_a_finding() {
    for (attachments, finding) in [
        ("types = [\"exe\"]", "There is no file type `exe`."),
        ("types = []", "No file would be accepted."),
        ("types = [\"pdf\"], max_count = 11", "`max_count` must be between 1 and 10."),
        ("types = [\"pdf\"], max_bytes = 7000001", "`max_bytes` must be between 1 and 7000000."),
    ] {
        let found = refused(&policy(attachments));
        assert_eq!(found, [finding]);
    }
    let files = policy("types = [\"pdf\"]");
    let changed = |old: &str, new: &str| {
        let texts = files.paths().map(|path| (path.to_owned(), files.text(path).unwrap().replacen(old, new, 1)));
        refused(&texts.collect())
    };
    let to = "to = { field = \"/email\" }";
    assert_eq!(
        changed(to, &format!("attachments = true\n{to}")),
        ["The mail `contact-acknowledge` cannot carry files."]
    );
    let none = ["The mail `contact-notify` cannot carry files."];
    assert_eq!(changed("attachments = { types = [\"pdf\"] }", ""), none);
}
