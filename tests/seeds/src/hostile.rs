//! What a stranger would send who knows how parsers fail: sizes that wrap, and bodies as large as a route accepts, in
//! the forms that cost the most.

use bytes::Bytes;
use http::Request;

use crate::{JSON, SITE, URLENCODED, post};

/// Nearly as many bytes as a route accepts by default.
const BODY_BYTES: usize = 250 * 1024;

/// Names for files whose content is of no type at all.
pub const FILE_NAMES: [&str; 6] = ["a.pdf", "a.docx", "a.odt", "a.heic", "a.txt", "a.zst"];

/// Sizes and offsets of formats, with a value whose sum with a head's length has no place in 32 bits.
pub fn files() -> Vec<Vec<u8>> {
    let sizes = [0xffff_fff8_u32, 0xffff_ffff, 0x8000_0000, 0xffff_ffe0];
    let with = |before: &[u8], size: [u8; 4], after: &[u8]| [before, &size, after].concat();
    let each = sizes.into_iter().flat_map(|size| {
        let (little, big) = (size.to_le_bytes(), size.to_be_bytes());
        [
            // Skippable frames of Zstandard and LZ4, which infer 0.22 followed round and round.
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

/// The upload of 521 bytes, as a client wrote it, in whose file `infer` 0.22 went round and round: a frame of Zstandard
/// to be skipped, of a length that wraps to nothing.
pub fn endless_upload(boundary: &str) -> Vec<u8> {
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

/// Bodies as large as they may be, for forms and for events of the policy. Those for events are not signed.
pub fn requests() -> Vec<Request<Bytes>> {
    let bodies = json().into_iter().map(|(path, body)| (path, JSON, body.into_bytes()));
    let bodies = bodies.chain(urlencoded().into_iter().map(|(path, body)| (path, URLENCODED, body.into_bytes())));
    let bodies = bodies.chain(multipart().into_iter().map(|body| ("/upload", "multipart/form-data; boundary=b", body)));
    let request = |(path, content_type, body): (&str, &str, Vec<u8>)| {
        post(path, content_type).header("origin", SITE).header("accept", "application/json").body(body.into()).unwrap()
    };
    bodies.map(request).collect()
}

/// A piece as often as it fits into a body.
fn many(piece: &str) -> String {
    piece.repeat(BODY_BYTES / piece.len())
}

fn list(piece: &str) -> String {
    many(&format!("{piece},")).trim_end_matches(',').to_owned()
}

/// Different lists that hold nothing but lists: a hash that does not see where one ends is the same for all.
fn nested_lists() -> String {
    let (mut lists, mut number) = (String::new(), 1_u32);
    while lists.len() < BODY_BYTES {
        let bits = (0..=number.ilog2()).map(|bit| if number >> bit & 1 == 1 { "[[]]" } else { "[]" });
        lists += &format!("[{}],", bits.collect::<Vec<_>>().join(","));
        number += 1;
    }
    lists.trim_end_matches(',').to_owned()
}

fn json() -> Vec<(&'static str, String)> {
    let items = |items: &str| format!("{{\"to\":\"a@contoso.example\",\"items\":[{items}]}}");
    let members: String = (0..BODY_BYTES / 14).map(|number| format!("\"k{number:07}\":1,")).collect();
    let link = |host: &str| format!("{{\"to\":\"a@contoso.example\",\"link\":\"https://{host}\"}}");
    let message = |text: &str| format!("{{\"name\":\"A\",\"email\":\"a@b.example\",\"message\":\"{text}\"}}");
    vec![
        ("/upload", format!("{{\"name\":[{}]}}", list("1"))),
        ("/upload", format!("{{\"name\":[{}]}}", list("[]"))),
        ("/upload", format!("{{\"name\":[{}]}}", list("{\"\":1}"))),
        ("/upload", format!("{{\"name\":[{}]}}", vec!["1"; 99_000].join(","))),
        ("/upload", format!("{{{members}\"name\":1}}")),
        ("/upload", many("[")),
        ("/upload", many("{\"a\":")),
        ("/upload", many("\"")),
        ("/contact", message(&many("<"))),
        ("/contact", message(&"<".repeat(5000))),
        ("/contact", message(&many("\\u0000"))),
        ("/contact", format!("{{\"email\":\"{}\"}}", many("a@"))),
        ("/hooks", items(&list("[]"))),
        ("/hooks", items(&nested_lists())),
        ("/hooks", items(&list("{\"next\":{}}"))),
        ("/hooks", items(&list("1.0"))),
        ("/hooks", items(&(0..1000).map(|number| format!("\"<{number:0200}>\"")).collect::<Vec<_>>().join(","))),
        ("/hooks", format!("{{{members}\"to\":\"a@contoso.example\"}}")),
        ("/hooks", link(&many("a."))),
        ("/hooks", link(&format!("example/{}!", many("a")))),
        ("/hooks", format!("{{\"to\":\"a@contoso.example\",\"subject\":\"{}\"}}", many("\\n<"))),
        ("/decode/event", format!("{{\"alerts\":[{}]}}", list("{}"))),
        ("/decode/list", format!("[{}]", list("{}"))),
        ("/decode/list", format!("[{}]", vec!["{}"; 100].join(","))),
        ("/decode/alerts", format!("{{\"alerts\":[{}]}}", list("{\"status\":\"a\"}"))),
    ]
}

fn urlencoded() -> Vec<(&'static str, String)> {
    let form = ["/contact", "/decode/form", "/captcha"];
    let bodies = ["&", "=&", "a=1&", "a[0]=1&", "a.b.c=1&", "%", "%2B", "+", "topic[]=a&", "a[", "a."].map(many);
    let deep = [format!("{}=1", many("a.")), format!("address{}=1", many("[a]"))];
    bodies.into_iter().chain(deep).flat_map(|body| form.map(|path| (path, body.clone()))).collect()
}

fn multipart() -> Vec<Vec<u8>> {
    let part = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let bodies = ["--b\r\n", "--b", "\r\n--b\r\n\r\n", "\r\n-", "--", part].map(many);
    let heads = [
        format!("--b\r\n{}\r\n\r\n1\r\n--b--", many("a: b\r\n")),
        format!("--b\r\ncontent-disposition: form-data; {}\r\n\r\n1\r\n--b--", many("name=a; ")),
        format!("--b\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n1\r\n--b--", many("\\\"")),
        format!("--b\r\ncontent-disposition: form-data; name=\"a\"; filename=\"{}\"\r\n\r\n1\r\n--b--", many("/.")),
    ];
    let file = |content: Vec<u8>| {
        let head = b"--b\r\ncontent-disposition: form-data; name=\"a\"; filename=\"a.docx\"\r\n\r\n";
        [head, &content[..], b"\r\n--b--"].concat()
    };
    let contents = ["PK\x03\x04", "PK\x05\x06", "PK\x01\x02"].map(|signature| {
        let mut content = b"PK\x03\x04".to_vec();
        content.extend(many(signature).into_bytes());
        file(content)
    });
    bodies.into_iter().chain(heads).map(String::into_bytes).chain(contents).collect()
}
