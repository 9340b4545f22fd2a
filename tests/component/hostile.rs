//! What bytes from strangers cost with a 32-bit `usize`: in the component itself, as hosts run it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::flavour::Flavour;
use crate::stand::{Stand, seal_into};
use crate::upload;
use postern_runtime::{Guest, Limits};
use postern_seeds::hostile;
use serde_json::Value;
use ureq::http::Request;

/// The form with files from the browser tests' policy, which accepts every type that may be a zip or a picture.
fn stand(flavour: Flavour, limits: Limits) -> Stand {
    let files = upload::files();
    let text =
        |path: &str| files.text(path).unwrap().replace("[\"pdf\"]", "[\"pdf\", \"docx\", \"odt\", \"heic\", \"txt\"]");
    let component = seal_into(flavour, &files.paths().map(|path| (path.to_owned(), text(path))).collect()).unwrap();
    let guest = Guest { component: component.into(), ..Guest::default() };
    Stand::of(guest, limits, |settings: &mut BTreeMap<String, String>| {
        settings.insert("form_key".to_owned(), "a-key-of-twenty-four-bytes".to_owned());
    })
}

fn send(stand: &Stand, content_type: &str, body: Vec<u8>) -> (u16, Value) {
    let request = Request::post(format!("{}/apply", stand.url))
        .header("origin", "https://www.contoso.example")
        .header("accept", "application/json")
        .header("content-type", content_type);
    let answer = stand.call(request.body(body).unwrap());
    (answer.status, answer.body)
}

/// The start of the answer to a body that is announced but never sent.
fn announced(stand: &Stand, content_type: &str, length: usize) -> String {
    let mut connection = TcpStream::connect(stand.url.strip_prefix("http://").unwrap()).unwrap();
    let origin = "host: localhost\r\norigin: https://www.contoso.example";
    let head =
        format!("POST /apply HTTP/1.1\r\n{origin}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = vec![0; 16];
    connection.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\ncontent-disposition: form-data; name=\"cv\"; filename=\"{name}\"\r\n\r\n");
    let fields = b"--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAda\r\n";
    [fields, head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
}

#[test]
fn no_file_stops_the_component() {
    let stand = stand(Flavour::Wasi, Limits::default());
    let form = "multipart/form-data; boundary=b";
    for content in hostile::files() {
        for name in hostile::FILE_NAMES {
            let (status, body) = send(&stand, form, file(name, &content));
            assert_eq!((status, &body["errors"][0]["code"]), (422, &"FILE_TYPE".into()), "{name} {content:?}");
        }
    }
    let boundary = "----x00000000000000000000000000000000";
    let upload = hostile::endless_upload(boundary);
    assert_eq!(upload.len(), 521);
    let (status, body) = send(&stand, &format!("multipart/form-data; boundary={boundary}"), upload);
    let errors = body["errors"].as_array().unwrap();
    let errors: Vec<_> = errors.iter().map(|error| [&error["pointer"], &error["code"]]).collect();
    assert_eq!((status, errors.last()), (422, Some(&[&"/file".into(), &"FILE_TYPE".into()])), "{errors:?}");
    assert_eq!(send(&stand, form, file("a.pdf", b"%PDF-1.7")).0, 200, "it still works");
}

#[test]
fn no_json_uses_up_the_memory() {
    let stand = stand(Flavour::Wasi, Limits::default());
    let list = |item: &str, count: usize| format!("{{\"name\":[{}]}}", vec![item; count].join(",")).into_bytes();
    // As large as the form's files together may be; only those may be this large.
    assert!(announced(&stand, "application/json", 4_800_000).starts_with("HTTP/1.1 413 "));
    // As much as fits into the default limit, in the most expensive forms.
    assert_eq!(send(&stand, "application/json", list("{}", 80_000)).0, 400);
    for body in [list("[]", 80_000), list("{\"\":1}", 32_000), list("1", 125_000)] {
        assert_eq!(send(&stand, "application/json", body).0, 422);
    }
}
