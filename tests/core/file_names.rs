//! Names of files and controls in `multipart/form-data`, as browsers, curl, .NET and Python write them.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::json;

use crate::support::*;

const PDF: &str = "%PDF-1.7 canary";

/// A form of the example with a part that has this head before its content.
fn form(head: &[u8], content: &str) -> Request<Bytes> {
    let mut body = Vec::new();
    // .NET writes the content type first, and no quotes around a plain name.
    for (name, text) in [("name", "Jürgen"), ("email", "juergen@customer.example"), ("message", "My CV")] {
        let head = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name={name}");
        body.extend(format!("--xyz\r\n{head}\r\n\r\n{text}\r\n").bytes());
    }
    body.extend([b"--xyz\r\n", head, b"\r\n\r\n", content.as_bytes(), b"\r\n--xyz--\r\n"].concat());
    set(post("/contact", "multipart/form-data; boundary=\"xyz\"", body), "accept", "application/json")
}

fn taking() -> postern::gate::Gate {
    let files = with("attachments = { types = [\"pdf\", \"txt\"] }");
    let carries = |text: &str| text.replacen("to = [\"sales@", "attachments = true\nto = [\"sales@", 1);
    let text = |path: &str| files.text(path).unwrap().to_owned();
    let files = files
        .paths()
        .map(|path| (path.to_owned(), if path == "postern.toml" { carries(&text(path)) } else { text(path) }));
    gate(&files.collect())
}

#[tokio::test]
async fn a_file_keeps_the_name_that_its_sender_gave_it() {
    let gate = taking();
    let disposition = |parameters: &str| format!("Content-Disposition: form-data; {parameters}").into_bytes();
    let windows = b"Content-Disposition: form-data; name=\"cv\"; filename=\"Lebenslauf M\xfcller.pdf\"".to_vec();
    for (head, name) in [
        // Browsers, curl 7.88.1 and Node's undici, as recorded; HTML, "multipart form data".
        (disposition("name=\"cv\"; filename=\"CV %22final%22 Müller.pdf\""), "CV _final_ Müller.pdf"),
        (disposition("name=\"cv\"; filename=\"a %22b%22%0A ü.pdf\""), "a _b_ ü.pdf"),
        (disposition("name=\"cv\"; filename=\"100%.pdf\""), "100_.pdf"),
        // curl --form-escape, as recorded.
        (disposition("name=\"cv\"; filename=\"a \\\"b\\\" ü.pdf\""), "a _b_ ü.pdf"),
        // System.Net.Http (PowerShell/PowerShell#19456), and with the file's name set in the header itself.
        (
            disposition(
                "name=cv; filename=\"=?utf-8?B?TGViZW5zbGF1ZiBKw7xyZ2VuIE3DvGxsZXIucGRm?=\"; \
                 filename*=utf-8''Lebenslauf%20J%C3%BCrgen%20M%C3%BCller.pdf",
            ),
            "Lebenslauf Jürgen Müller.pdf",
        ),
        (
            disposition("name=cv; filename=\"=?utf-8?B?TGViZW5zbGF1ZiBKw7xyZ2VuIE3DvGxsZXIucGRm?=\""),
            "Lebenslauf Jürgen Müller.pdf",
        ),
        // requests 2.21 with urllib3 1.24.3, as recorded (psf/requests#4652).
        (
            disposition("name=\"cv\"; filename*=utf-8''Lebenslauf%20%22J%C3%BCrgen%22%20M%C3%BCller.pdf"),
            "Lebenslauf _Jürgen_ Müller.pdf",
        ),
        // RFC 8187, 3.2.3; Jakarta Mail; Internet Explorer.
        (
            disposition("name=\"cv\"; filename*=UTF-8''%e2%82%ac%20rates.pdf; filename=\"EURO rates.pdf\""),
            "€ rates.pdf",
        ),
        (disposition("name=\"cv\"; filename=\"=?UTF-8?Q?M=C3=BCller?= =?UTF-8?Q?_neu.pdf?=\""), "Müller neu.pdf"),
        (disposition("name=\"cv\"; filename=\"C:\\Users\\ada\\Müller.pdf\""), "Müller.pdf"),
        // curl on Windows.
        (windows, "Lebenslauf Müller.pdf"),
        // What hides something stays harmless, however it is written.
        (disposition("name=\"cv\"; filename*=utf-8''..%2F..%2Fetc%2Fcv.pdf"), "cv.pdf"),
        (disposition("name=\"cv\"; filename*=utf-8''a%E2%80%AEfdp.exe.pdf"), "afdp.exe.pdf"),
        (disposition("name=\"cv\"; filename*=utf-8''a%0D%0ABcc:%20x.pdf"), "a Bcc_ x.pdf"),
    ] {
        let host = ScriptedHost::new();
        let response = call(&gate, &host, form(&head, PDF)).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}: {:?}", body(&response));
        let attachments = &host.sent()[0]["attachments"];
        assert_eq!((&attachments[0]["name"], &attachments[1]), (&json!(name), &json!(null)));
    }
}

#[tokio::test]
async fn a_part_with_a_file_s_name_is_never_a_field() {
    let secret = "Only for the files, not for the mail.";
    for parameters in [
        "name=\"notes\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt",
        "name=\"notes[]\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt",
        "filename*=utf-8''Gr%C3%BC%C3%9Fe.txt; name=notes",
        "name=\"notes\"; FILENAME=\"Gr\u{fc}\u{df}e.txt\"",
    ] {
        let host = ScriptedHost::new();
        let head = format!("Content-Disposition: form-data; {parameters}");
        let response = call(&taking(), &host, form(head.as_bytes(), secret)).await;
        assert_eq!(response.status(), StatusCode::OK, "{parameters}: {:?}", body(&response));
        let sent = host.sent();
        assert_eq!(sent[0]["attachments"][0]["name"], "Grüße.txt", "{parameters}");
        assert!(sent.iter().all(|mail| !mail["content"].to_string().contains(secret)), "{parameters}");
        // A form that takes no files says so.
        let response = call(&gate(&example()), &ScriptedHost::new(), form(head.as_bytes(), secret)).await;
        assert_eq!(body(&response)["detail"], "This form does not accept files.", "{parameters}");
    }
    for parameters in ["name=\"notes\"; filename*0*=utf-8''a; filename*1=.txt", "name=\"notes\"; filename*=unreadable"]
    {
        let host = ScriptedHost::new();
        let head = format!("Content-Disposition: form-data; {parameters}");
        let response = call(&taking(), &host, form(head.as_bytes(), secret)).await;
        let told = &body(&response)["errors"][0];
        assert_eq!((&told["field"], &told["code"]), (&json!("notes"), &json!("FILE_TYPE")), "{parameters}");
    }
}

#[tokio::test]
async fn a_control_s_name_is_read_in_the_same_way() {
    let files = example();
    let text = |path: &str| {
        let text = files.text(path).unwrap();
        if path == "schemas/contact.json" {
            text.replace("\"topic\"", "\"größe \\\"\"")
        } else {
            text.replace("topic", "name")
        }
    };
    let gate = gate(&files.paths().map(|path| (path.to_owned(), text(path))).collect());
    for name in [
        // Browsers and undici; requests 2.21 with urllib3 1.24.3; System.Net.Http.
        "name=\"größe %22\"",
        "name*=utf-8''gr%C3%B6%C3%9Fe%20%22",
        "name=\"=?utf-8?B?Z3LDtsOfZSAi?=\"",
    ] {
        let head = format!("Content-Disposition: form-data; {name}");
        let response = call(&gate, &ScriptedHost::new(), form(head.as_bytes(), "sales")).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}: {:?}", body(&response));
        let response = call(&gate, &ScriptedHost::new(), form(head.as_bytes(), "other")).await;
        assert_eq!(body(&response)["errors"][0]["pointer"], "/größe \"", "{name}");
    }
    let nameless = form(b"Content-Disposition: form-data; filename*=utf-8''a.pdf", PDF);
    assert_eq!(call(&gate, &ScriptedHost::new(), nameless).await.status(), StatusCode::BAD_REQUEST);
}
