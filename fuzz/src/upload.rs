//! `validate::attach`: a file that is accepted is what its name says, by a second opinion, and harmless.

use std::io::Cursor;

use futures_util::FutureExt as _;
use postern::auth::{self, KeyCache};
use postern::decode::{self, Format};
use postern::policy::{Content, FILE_TYPES, FileType, Route};
use postern::texts::Texts;
use postern::validate::attach;
use postern_seeds::NOW;
use postern_seeds::policy::POLICY;
use postern_seeds::upload::{PATH, Upload};
use std::time::Duration;
use zip::ZipArchive;

use crate::host::StandIn;
use crate::memory;

/// Reads an input, sends it as a form's file, and looks at what comes of it; whether it is accepted.
///
/// # Panics
/// When something is accepted that is not what its name says.
pub fn run(data: &[u8]) -> bool {
    let Some(upload) = Upload::read(data) else { return false };
    let route = POLICY.route(PATH).expect("the form that takes files");
    let attachments = memory::bounded(data.len(), 64, 64 * 1024, || accepted(route, &upload));
    let Some([attachment]) = attachments.as_deref() else { return false };
    assert_eq!(attachment.bytes, upload.content, "the file is what was sent");
    let extension = attachment.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let file_type = FILE_TYPES.iter().find(|file_type| file_type.extensions.contains(&extension.as_str()));
    let file_type = file_type.expect("the name ends as an allowed type does");
    // The character set of a text is found in its bytes.
    let essence = |content_type: &str| content_type.split(';').next().unwrap_or_default().to_owned();
    assert_eq!(essence(attachment.content_type), essence(file_type.content_type));
    assert!(!attachment.name.chars().any(|character| character.is_control() || "/\\\u{202e}".contains(character)));
    assert!(is(file_type, upload.content), "{} is not what its name says", attachment.name);
    true
}

/// The file as a mail would carry it.
fn accepted(route: &Route, upload: &Upload<'_>) -> Option<Vec<postern::validate::Attachment>> {
    let (parts, body) = upload.request().into_parts();
    let host = StandIn::new(NOW);
    let keys = KeyCache::default();
    let verified = auth::authenticate(&host, &keys, route, &parts, body, &[], Duration::from_secs(9));
    let verified = verified.now_or_never().expect("the host never waits").expect("anyone may send a form");
    let mut events = decode::decode(route, &parts.headers, Format::Multipart, verified).ok()?;
    attach(route.form.attachments.as_ref(), events.submissions.remove(0).uploads, Texts::neutral()).ok()
}

/// The second opinion. It asks for less than the gate does, so that whatever the gate accepts must pass here too.
fn is(file_type: &FileType, bytes: &[u8]) -> bool {
    let within = |start: usize, text: &[u8]| bytes.get(start..).is_some_and(|rest| rest.starts_with(text));
    match file_type.content {
        Content::Pdf => bytes.iter().take(1024).copied().collect::<Vec<_>>().windows(5).any(|five| five == b"%PDF-"),
        Content::Png => within(0, b"\x89PNG"),
        Content::Jpeg => within(0, b"\xff\xd8\xff"),
        Content::Gif => within(0, b"GIF8"),
        Content::Webp => within(0, b"RIFF") && within(8, b"WEBP"),
        Content::Heif => within(4, b"ftyp"),
        // In whatever character set: nothing that a system runs, and no package.
        Content::Text => {
            ![&b"MZ\x90"[..], b"\x7fELF", b"#!", b"PK\x03\x04", b"%PDF-"].iter().any(|start| within(0, start))
        }
        Content::Office(folder) => package(bytes, folder, &["vbaproject.bin", "vbadata.xml"]),
        Content::OpenDocument(_) => package(bytes, "", &["basic/", "scripts/"]),
    }
}

/// Whether a zip library finds the same: a document, and no programs. What it cannot open, no program opens either.
fn package(bytes: &[u8], folder: &str, programs: &[&str]) -> bool {
    let Ok(archive) = ZipArchive::new(Cursor::new(bytes)) else { return true };
    let names: Vec<_> = archive.file_names().flatten().map(|name| name.to_ascii_lowercase()).collect();
    let runs = names.iter().any(|name| programs.iter().any(|program| name.contains(program)));
    !runs && (names.is_empty() || names.iter().any(|name| name.starts_with(folder)))
}
