//! Files of a form: attached to the right mails, and only if their content matches their names.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use postern::decode::form::clean;
use postern::gate::Gate;
use postern::host::BodyError;
use postern::policy::{FILE_TYPES, Files, MAX_ATTACHMENT_BYTES};
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
    let cases: &[(&str, &[u8], bool)] = &[
        ("a.pdf", PDF, true),
        ("a.PDF", PDF, true),
        ("a.pdf", b"\xef\xbb\xbf\r\n%PDF-1.4", true),
        ("a.pdf", b"%PDF-2.0", true),
        ("a.jpg", b"\xff\xd8\xff\xe0", true),
        ("a.gif", b"GIF89a", true),
        ("a.webp", b"RIFF\x24\0\0\0WEBPVP8 ", true),
        ("a.txt", "Grüße\r\n\tx".as_bytes(), true),
        ("a.txt", b"About %PDF files", true),
        ("a.csv", b"a;b\n1;2", true),
        ("a.png", PDF, false),
        ("a.pdf", PNG, false),
        ("a.pdf", b"no pdf at all", false),
        ("a.pdf", b"%PDF-", false),
        ("a.pdf", b"<html><!-- %PDF-1.4 --><script>", false),
        ("a.pdf", b"#!/bin/sh\n# %PDF-1.4\nrm -rf /", false),
        ("a.pdf", b"PK\x03\x04 evil.js %PDF-1.4", false),
        ("a.pdf.exe", PDF, false),
        ("a.exe", b"MZ\x90\x00", false),
        ("a.pdf", b"MZ\x90\x00", false),
        ("a.txt", b"MZ\x90\x00", false),
        ("a.txt", b"\x7fELF\x02\x01\x01", false),
        ("a.txt", b"#!/bin/sh\nrm", false),
        ("a.txt", b"{\\rtf1 text", false),
        ("a.txt", b"%!PS-Adobe-3.0", false),
        ("a.txt", PDF, false),
        ("a.txt", b"  <!DOCTYPE html><script>", false),
        ("a.txt", b"\xef\xbb\xbf<svg onload=x>", false),
        ("a.txt", b"a\x00b", false),
        ("a.txt", b"\xff\xfe", false),
        ("a.csv", b"Name;Stra\xdfe\r\nM\xfcller;\x80 5,00", true),
        ("a.txt", b"\xff\xfeG\0r\0\xfc\0\r\0\n\0", true),
        ("a.txt", b"\xfe\xff\0G\0r\0\xfc", true),
        ("a.txt", b"\xff\xfeG\0r", false),
        ("a.txt", b"\xff\xfe\x01\xd8G\0", false),
        ("a.txt", b"\xff\xfe<\0s\0v\0g\0", false),
        ("a.txt", b"\xff\xfea\0\0\0", false),
        ("a.csv", b"M\xfcller\x81", false),
        ("a.csv", b"M\xfcller\x00", false),
        ("a.txt", b"#!/bin/sh\n# M\xfcller", false),
        ("a.html", b"<html>", false),
        ("a.svg", b"<svg>", false),
        ("a.docx", b"PK\x03\x04 no document", false),
        ("pdf", PDF, false),
        (".pdf", PDF, false),
        ("a\u{202e}fdp.exe", PDF, false),
    ];
    for &(name, content, taken) in cases {
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

/// The names and types of a mail's attachments, or the status that the visitor gets instead.
async fn carried(gate: &Gate, files: &[(&str, &str, &[u8])]) -> Result<Vec<(String, String)>, u16> {
    let host = ScriptedHost::new();
    let response = call(gate, &host, form(files)).await;
    if response.status() != 200 {
        return Err(response.status().as_u16());
    }
    let sent = host.sent();
    let text = |file: &Value, key: &str| file[key].as_str().unwrap().to_owned();
    let list = sent[0]["attachments"].as_array().unwrap();
    Ok(list.iter().map(|file| (text(file, "name"), text(file, "contentType"))).collect())
}

/// The parts of a small document as Word writes it; other programs use another order.
const WORD: [&str; 6] = [
    "[Content_Types].xml",
    "_rels/.rels",
    "word/document.xml",
    "word/_rels/document.xml.rels",
    "docProps/core.xml",
    "docProps/app.xml",
];

/// A zip archive of entries that are not compressed: local headers, directory, end.
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let short = |length: usize| u16::try_from(length).unwrap().to_le_bytes();
    let long = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    for (name, content) in entries {
        let sizes = [[0; 4], long(content.len()), long(content.len())].concat();
        let lengths = [short(name.len()), short(0)].concat();
        let at = long(archive.len());
        archive.extend([b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, &lengths].concat());
        archive.extend([name.as_bytes(), content.as_bytes()].concat());
        directory.extend([b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, &lengths].concat());
        directory.extend([[0; 10].as_slice(), &at, name.as_bytes()].concat());
    }
    let (count, start) = (short(entries.len()), long(archive.len()));
    archive.extend(&directory);
    archive
        .extend([b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &long(directory.len()), &start, &[0; 2]].concat());
    archive
}

fn package<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    zip(&names.into_iter().map(|name| (name, "<x/>")).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_document_is_one_whichever_program_wrote_it() {
    let names: Vec<_> = FILE_TYPES.iter().map(|file_type| format!("\"{}\"", file_type.name)).collect();
    let gate = taking(&format!("types = [{}]", names.join(", ")));
    // ECMA-376, part 2, does not order parts. README.md there says which program wrote which file.
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents");
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(documents).unwrap() {
        let path = entry.unwrap().path();
        let (name, ending) = (path.file_name().unwrap().to_str().unwrap(), path.extension().unwrap().to_str().unwrap());
        let Some(file_type) = FILE_TYPES.iter().find(|file_type| file_type.extensions.contains(&ending)) else {
            assert_eq!(name, "README.md");
            continue;
        };
        let content = std::fs::read(&path).unwrap();
        let taken = carried(&gate, &[("cv", name, &content)]).await;
        assert_eq!(taken, Ok(vec![(name.to_owned(), file_type.content_type.to_owned())]), "{name}");
        written.insert(file_type.name);
    }
    let all: BTreeSet<_> =
        FILE_TYPES.iter().map(|file_type| file_type.name).filter(|name| !["txt", "csv"].contains(name)).collect();
    assert_eq!(written, all);
    let gate = taking("types = [\"docx\"]");
    let mut turned = WORD;
    for _ in 0..WORD.len() {
        turned.rotate_left(1);
        assert!(carried(&gate, &[("cv", "a.docx", &package(turned))]).await.is_ok(), "{turned:?}");
    }
}

#[tokio::test]
async fn packages_are_what_their_parts_say_and_carry_no_macros() {
    let gate = taking("types = [\"docx\", \"xlsx\", \"pptx\", \"odt\", \"ods\", \"odp\"]");
    let word = |more: &[&'static str]| package(WORD.into_iter().chain(more.iter().copied()));
    let excel = |more: &[&'static str]| {
        package(["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"].into_iter().chain(more.iter().copied()))
    };
    let odf = |kind: &str, more: &[&'static str]| {
        let media_type = format!("application/vnd.oasis.opendocument.{kind}");
        let entries = [("mimetype", media_type.as_str()), ("content.xml", "<x/>"), ("META-INF/manifest.xml", "<x/>")];
        zip(&entries.into_iter().chain(more.iter().map(|name| (*name, "<x/>"))).collect::<Vec<_>>())
    };
    let longer = |bytes: &[u8]| [bytes, b"more"].concat();
    let before = |bytes: &[u8]| [b"MZ", bytes].concat();
    for (name, content, taken) in [
        ("a.docx", word(&[]), true),
        ("a.docx", word(&["word/embeddings/sheet.xlsx", "customXml/item1.xml"]), true),
        ("a.xlsx", excel(&[]), true),
        ("a.odt", odf("text", &["Thumbnails/thumbnail.png"]), true),
        ("a.ods", odf("spreadsheet", &["Configurations2/"]), true),
        ("a.pptx", package(["[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml"]), true),
        ("a.odp", odf("presentation", &[]), true),
        ("a.pptx", excel(&[]), false),
        (
            "a.pptx",
            package(["[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml", "ppt/vbaProject.bin"]),
            false,
        ),
        ("a.odp", odf("text", &[]), false),
        ("a.docx", excel(&[]), false),
        ("a.docx", word(&["xl/workbook.xml"]), false),
        ("a.docx", odf("text", &[]), false),
        ("a.docx", package(["word/document.xml"]), false),
        ("a.docx", word(&["word/vbaProject.bin"]), false),
        ("a.docx", word(&["word/VBAPROJECT.BIN"]), false),
        ("a.docx", word(&["word/vbaData.xml"]), false),
        ("a.xlsx", excel(&["xl/vbaProject.bin"]), false),
        ("a.xlsx", excel(&["xl/macrosheets/sheet1.xml"]), false),
        ("a.odt", odf("text", &["Basic/Standard/Module1.xml"]), false),
        ("a.odt", odf("text", &["Scripts/python/a.py"]), false),
        ("a.odt", odf("text-template", &[]), false),
        ("a.odt", odf("spreadsheet", &[]), false),
        ("a.odt", zip(&[("content.xml", "<x/>"), ("mimetype", "application/vnd.oasis.opendocument.text")]), false),
        ("a.docx", longer(&word(&[])), false),
        ("a.docx", before(&word(&[])), false),
    ] {
        let taken_as = carried(&gate, &[("cv", name, &content)]).await;
        assert_eq!(taken_as.map(|files| files.len()), if taken { Ok(1) } else { Err(422) }, "{name}");
    }
    // Cut anywhere, or with any byte of its directory changed, it is refused or accepted, and nothing else happens.
    let whole = word(&[]);
    for length in (0..whole.len() - 1).step_by(7) {
        assert_eq!(carried(&gate, &[("cv", "a.docx", &whole[..length + 1])]).await, Err(422), "{length}");
    }
    for at in whole.len() - 400..whole.len() {
        let mut changed = whole.clone();
        changed[at] = 0xff;
        let _ = carried(&gate, &[("cv", "a.docx", &changed)]).await;
    }
}

#[tokio::test]
async fn a_text_goes_with_the_encoding_that_is_known_of_it() {
    let gate = taking("types = [\"txt\", \"csv\"]");
    for (name, content, media_type) in [
        ("a.csv", "Müller".as_bytes(), "text/csv; charset=utf-8"),
        ("a.csv", b"M\xfcller", "text/csv"),
        ("a.txt", b"\xff\xfea\0", "text/plain"),
    ] {
        let taken = carried(&gate, &[("list", name, content)]).await;
        assert_eq!(taken, Ok(vec![(name.to_owned(), media_type.to_owned())]));
    }
}

/// The start of a photo as phones write it: a box with these brands.
fn heif(major: &str, compatible: &[&str]) -> Vec<u8> {
    let length = u8::try_from(16 + 4 * compatible.len()).unwrap();
    [&[0, 0, 0, length], b"ftyp".as_slice(), major.as_bytes(), &[0; 4], compatible.concat().as_bytes()].concat()
}

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";

#[tokio::test]
async fn a_photo_is_taken_under_a_name_that_fits_its_content() {
    let gate = taking("types = [\"pdf\", \"png\", \"jpeg\", \"heic\"]");
    let heic = heif("heic", &["mif1", "heic"]);
    let (jpeg_type, heic_type) = ("image/jpeg", "image/heic");
    for (name, content, taken) in [
        ("damage.jfif", JPEG, Some(("damage.jfif", jpeg_type))),
        ("photo.jpe", JPEG, Some(("photo.jpe", jpeg_type))),
        ("photo.pjpeg", JPEG, Some(("photo.pjpeg", jpeg_type))),
        ("photo.PJP", JPEG, Some(("photo.PJP", jpeg_type))),
        ("DSC_0001.HIF", &heif("mif1", &["MiHE", "mif1", "heix"]), Some(("DSC_0001.HIF", heic_type))),
        ("photo.JPEG", JPEG, Some(("photo.JPEG", jpeg_type))),
        ("IMG_2041.HEIC", JPEG, Some(("IMG_2041.jpg", jpeg_type))),
        ("IMG_2042.heif", &heic, Some(("IMG_2042.heif", heic_type))),
        ("IMG_2043.jpg", &heic, Some(("IMG_2043.heic", heic_type))),
        ("a.heic", &heif("mif1", &["mif1", "heic"]), Some(("a.heic", heic_type))),
        ("a.heic", &heif("mif1", &["mif1", "avif"]), None),
        ("a.heic", &heif("avif", &["mif1", "heic"]), None),
        ("a.heic", &heif("isom", &["heic"]), None),
        ("a.heic", b"\xff\xff\xff\xffftypheic", None),
        ("a.heic", b"\0\0\0\x08ftypheic", None),
        // The gate does not accept GIF here, whatever the name.
        ("a.jpg", b"GIF89a", None),
        ("a.gif", JPEG, Some(("a.jpg", jpeg_type))),
        ("a.jpg", PDF, None),
        ("a.pdf", JPEG, None),
        ("a.exe", JPEG, None),
    ] {
        let expected = taken.map(|(name, kind)| vec![(name.to_owned(), kind.to_owned())]).ok_or(422);
        assert_eq!(carried(&gate, &[("photo", name, content)]).await, expected, "{name}");
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
}

#[tokio::test]
async fn only_a_form_with_files_may_be_large() {
    let gate = taking("types = [\"pdf\"], max_bytes = 5000000");
    let large = "x".repeat(300 * 1024);
    for (content_type, bytes) in [
        ("multipart/form-data; boundary=xyz", 5_000_000 + 64 * 1024),
        ("application/json", 256 * 1024),
        ("application/x-www-form-urlencoded", 256 * 1024),
        ("text/plain", 256 * 1024),
    ] {
        let request = set(post("/contact", content_type, large.clone()), "accept", "application/json");
        assert_eq!(gate.allowance("/contact", request.headers()).bytes, bytes, "{content_type}");
        // What a host does with a body that is larger than its allowance.
        let (host, refused) = (ScriptedHost::new(), request.map(|_| Err(BodyError::TooLarge)));
        let response = call_with(&gate, &host, refused).await;
        let detail = format!("The limit is {bytes} bytes.");
        assert_eq!((response.status().as_u16(), &body(&response)["detail"]), (413, &json!(detail)), "{content_type}");
    }
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
        ("a\u{61c}gpj.pdf", "agpj.pdf"),
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
