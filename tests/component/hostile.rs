//! What bytes from strangers cost with a 32-bit `usize`: in the component itself, as hosts run it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::flavour::Flavour;
use crate::stand::{Stand, seal_into};
use crate::upload;
use postern_runtime::{Guest, Limits};
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

/// Sizes and offsets in formats, with values whose sum with a header's length exceeds 32 bits.
fn overflowing() -> Vec<Vec<u8>> {
    let sizes = [0xffff_fff8_u32, 0xffff_ffff, 0x8000_0000, 0xffff_ffe0];
    let with = |before: &[u8], size: [u8; 4], after: &[u8]| [before, &size, after].concat();
    let each = sizes.into_iter().flat_map(|size| {
        let (little, big) = (size.to_le_bytes(), size.to_be_bytes());
        [
            // Skippable frames of Zstandard and LZ4, which infer 0.22 followed in circles.
            with(b"\x50\x2a\x4d\x18", little, b"AAAAAAAA"),
            with(b"\x5f\x2a\x4d\x18", little, b"AAAAAAAA"),
            with(b"", big, b"ftypheic\0\0\0\0mif1heic"),
            with(b"PK\x03\x04PK\x05\x06\0\0\0\0\x01\0\x01\0", little, &[&little[..], b"\0\0"].concat()),
            with(b"PK\x03\x04PK\x05\x06\0\0\0\0\xff\xff\xff\xff", little, b"\0\0\0\0\xff\xff"),
            with(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", little, b"\xff\xff\xff\xff\xff\xff\xff\xffmimetype"),
            with(b"RIFF", little, b"WEBP"),
        ]
    });
    each.collect()
}

/// The upload of 521 bytes, as a client wrote it, on which `infer` 0.22 ran forever: a skippable Zstandard frame whose
/// length wraps to nothing.
fn endless_upload(boundary: &str) -> Vec<u8> {
    let field = |name: &str, text: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").into_bytes()
    };
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"x.pdf\"\r\nContent-Type: application/pdf";
    let upload = [
        field("name", "A"),
        field("email", "a@example.com"),
        field("message", "hi 00000000000000000000000000000000"),
        format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes(),
        b"\x50\x2a\x4d\x18\xf8\xff\xff\xffAAAAAAAA".to_vec(),
        format!("\r\n--{boundary}--\r\n").into_bytes(),
    ];
    upload.concat()
}

#[test]
fn no_file_stops_the_component() {
    let stand = stand(Flavour::Wasi, Limits::default());
    let form = "multipart/form-data; boundary=b";
    for content in overflowing() {
        for name in ["a.pdf", "a.docx", "a.odt", "a.heic", "a.txt", "a.zst"] {
            let (status, body) = send(&stand, form, file(name, &content));
            assert_eq!((status, &body["errors"][0]["code"]), (422, &"FILE_TYPE".into()), "{name} {content:?}");
        }
    }
    let boundary = "----x00000000000000000000000000000000";
    let upload = endless_upload(boundary);
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
    assert_eq!(send(&stand, "application/json", list("1", 125_000)).0, 400);
    for body in [list("[]", 60_000), list("{\"\":1}", 32_000), list("1", 99_000)] {
        assert_eq!(send(&stand, "application/json", body).0, 422);
    }
}
