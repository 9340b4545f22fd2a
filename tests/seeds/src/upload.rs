//! Uploads: files of every type that a policy may allow, and files that lie about theirs.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use postern::policy::FILE_TYPES;

use crate::{Inputs, SITE, hostile, post};

/// The path of the form that takes files of every type.
pub const PATH: &str = "/upload";

/// What separates the parts of a body.
const BOUNDARY: &str = "----postern-seeds-7MA4YWxkTrZu0gW";

/// An input: a file's name, a line end, and its content.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// The name, as a browser sends it.
    pub name: &'a str,
    /// The content.
    pub content: &'a [u8],
}

impl<'a> Upload<'a> {
    /// Reads an input; `None` where a browser would not send it.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let end = data.iter().position(|byte| *byte == b'\n')?;
        let name = std::str::from_utf8(&data[..end]).ok()?;
        let plain = !name.chars().any(char::is_control) && !name.contains(['"', '\\']);
        let content = &data[end + 1..];
        let contained = content.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes());
        (plain && !contained).then_some(Self { name, content })
    }

    /// The form with this file.
    pub fn request(&self) -> Request<Bytes> {
        let body = form(BOUNDARY, &[("file", self.name, self.content)]);
        let request = post(PATH, &format!("multipart/form-data; boundary={BOUNDARY}"));
        let request = request.header("origin", SITE).header("accept", "application/json");
        request.body(body.into()).unwrap()
    }
}

/// A form as a browser sends it, with files: control, name and content.
pub fn form(boundary: &str, files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in [("name", "Ada"), ("email", "ada@customer.example"), ("message", "Hello")] {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend(head.bytes());
    }
    for (control, name, content) in files {
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{control}\"; filename=\"{name}\"\r\n");
        body.extend([head.as_bytes(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"].concat());
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    body
}

pub(crate) fn seeds() -> Inputs {
    let mut inputs = Inputs::new();
    let mut add = |name: &str, content: &[u8]| inputs.push([name.as_bytes(), b"\n", content].concat());
    for content in contents() {
        for extension in FILE_TYPES.iter().filter_map(|file_type| file_type.extensions.first()) {
            if fits(extension, &content) {
                add(&format!("a.{extension}"), &content);
            }
        }
    }
    for content in hostile::files() {
        for name in hostile::FILE_NAMES {
            add(name, &content);
        }
    }
    for name in ["Lebenslauf Zürich.pdf", "a.pdf.exe", "a\u{202e}fdp.exe", ".pdf", "pdf", "../a.pdf", "C:a?.PDF"] {
        add(name, b"%PDF-1.7 x");
    }
    inputs
}

/// Whether content and extension have anything to do with each other: a seed that no type's matcher reads far into
/// teaches a fuzzer nothing.
fn fits(extension: &str, content: &[u8]) -> bool {
    let zip = content.starts_with(b"PK");
    zip == ["docx", "xlsx", "odt", "ods"].contains(&extension)
}

/// The beginning of a file of each type, and whole packages.
fn contents() -> Vec<Vec<u8>> {
    let mut contents: Vec<Vec<u8>> = [
        &b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"[..],
        b"\xef\xbb\xbf\r\n%PDF-1.4",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"GIF89a\x01\0\x01\0",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf",
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix",
        "Grüße\r\n\tx".as_bytes(),
        b"a;b\n1;2",
        b"=HYPERLINK(\"https://a.example\")",
        b"#!/bin/sh\nrm",
        b"<svg onload=x>",
    ]
    .map(<[u8]>::to_vec)
    .into();
    let relations: (&str, &[u8]) = ("_rels/.rels", b"<Relationships/>");
    let types: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
    let sheet: (&str, &[u8]) = ("content.xml", b"<office:document-content/>");
    let odt: (&str, &[u8]) = ("mimetype", b"application/vnd.oasis.opendocument.text");
    let ods: (&str, &[u8]) = ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet");
    for parts in [
        &[types, relations, ("word/document.xml", b"<w:document/>")][..],
        &[types, relations, ("word/document.xml", b"x"), ("word/vbaProject.bin", b"x")],
        &[types, relations, ("xl/workbook.xml", b"<workbook/>")],
        &[types, relations, ("xl/workbook.xml", b"x"), ("xl/macrosheets/sheet1.xml", b"x")],
        &[types, relations, ("xl/workbook.xml", b"x"), ("word/document.xml", b"x")],
        &[odt, sheet],
        &[odt, sheet, ("Basic/Standard/Module1.xml", b"x")],
        &[ods, sheet],
        &[("a.txt", b"x")],
    ] {
        contents.push(package(parts));
    }
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/documents");
    let mut documents: Vec<_> = fs::read_dir(documents).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.sort();
    contents.extend(documents.iter().map(|path| fs::read(path).unwrap()));
    contents
}

/// A zip archive whose entries are stored as they are (APPNOTE.TXT, 4.3.6), without their checksums, which nobody reads.
fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let offset = (archive.len() as u32).to_le_bytes();
        let size = (content.len() as u32).to_le_bytes();
        let length = (name.len() as u16).to_le_bytes();
        let common = [&[0; 12][..], &size, &size, &length, &[0; 2]].concat();
        archive.extend([b"PK\x03\x04\x14\0", &common[2..], name.as_bytes(), content].concat());
        let entry = [b"PK\x01\x02\x14\0\x14\0", &common[2..], &[0; 10], &offset, name.as_bytes()];
        directory.extend(entry.concat());
    }
    let count = (parts.len() as u16).to_le_bytes();
    let (size, start) = ((directory.len() as u32).to_le_bytes(), (archive.len() as u32).to_le_bytes());
    archive.extend(directory);
    archive.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &start, &[0; 2]].concat());
    archive
}
