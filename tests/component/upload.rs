//! What a large upload costs: the largest one that a form may accept needs little memory.

use std::path::Path;

use crate::flavour::Flavour;
use crate::stand::{Stand, seal_into};
use postern::policy::{Files, MAX_ATTACHMENT_BYTES};
use postern_runtime::{Guest, Limits};
use ureq::Agent;
use ureq::http::Request;

/// How much memory a guest uses at most for the largest upload.
const MEMORY_BYTES: usize = 40_000_000;

/// The browser tests' policy, whose form `/apply` accepts a file, for this site and up to the largest size.
pub fn files() -> Files {
    let files = Files::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/policy")).unwrap();
    let text = |path: &str| {
        let text = files.text(path).unwrap().replace("http://localhost:8080", "https://www.contoso.example");
        text.replace("[\"pdf\"]", &format!("[\"pdf\"], max_bytes = {MAX_ATTACHMENT_BYTES}"))
    };
    files.paths().map(|path| (path.to_owned(), text(path))).collect()
}

fn body() -> Vec<u8> {
    let mut body = b"--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAda\r\n".to_vec();
    body.extend(b"--b\r\ncontent-disposition: form-data; name=\"cv\"; filename=\"cv.pdf\"\r\n\r\n%PDF-1.7\n");
    let start = body.len() - "%PDF-1.7\n".len();
    body.resize(start + MAX_ATTACHMENT_BYTES, b'x');
    body.extend(b"\r\n--b--\r\n");
    body
}

/// A guest with this much memory.
fn stand(flavour: Flavour, memory_bytes: usize) -> Stand {
    let component = seal_into(flavour, &files()).unwrap();
    let guest = Guest { component: component.into(), ..Guest::default() };
    let key = |settings: &mut std::collections::BTreeMap<String, String>| {
        settings.insert("form_key".to_owned(), "a-key-of-twenty-four-bytes".to_owned());
    };
    Stand::of(guest, Limits { memory_bytes, ..Limits::default() }, key)
}

fn status(stand: &Stand) -> u16 {
    let request = Request::post(format!("{}/apply", stand.url))
        .header("origin", "https://www.contoso.example")
        .header("accept", "application/json")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body())
        .unwrap();
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    agent.run(request).unwrap().status().as_u16()
}

/// The status of an upload to a guest with this much memory, and the bytes of the file that arrived.
fn upload(flavour: Flavour, memory_bytes: usize) -> (u16, Option<usize>) {
    let stand = stand(flavour, memory_bytes);
    let status = status(&stand);
    let messages = stand.store.messages();
    let file = messages.first().and_then(|message| message.email.attachments.as_ref()?.first());
    (status, file.map(|file| file.content_in_base64.len() / 4 * 3))
}

#[test]
fn the_largest_upload_fits_into_forty_megabytes() {
    for flavour in Flavour::ALL {
        let (status, bytes) = upload(flavour, MEMORY_BYTES);
        assert_eq!((status, bytes.map(|bytes| bytes - MAX_ATTACHMENT_BYTES < 3)), (200, Some(true)), "{flavour:?}");
    }
}

#[test]
fn what_does_not_fit_into_memory_is_not_called_sent() {
    let (status, bytes) = upload(Flavour::Wasi, MEMORY_BYTES / 2);
    assert_eq!((status, bytes), (500, None));
}

/// Each takes most of an instance's memory, so two in one instance would end it, and with it each other.
#[test]
fn large_uploads_at_the_same_time_do_not_share_an_instance() {
    let stand = stand(Flavour::Wasi, MEMORY_BYTES);
    let statuses = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..6).map(|_| scope.spawn(|| status(&stand))).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(statuses, [200; 6]);
}
