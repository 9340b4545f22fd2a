//! Recognises a file by its content, with one matcher for each type that a policy may allow, and no others.

use super::zip;
use crate::decode::{unmarked, windows_1252};
use crate::policy::Content;

/// Whether a file's bytes have this content.
pub(super) fn is(content: Content, bytes: &[u8]) -> bool {
    match content {
        Content::Pdf => is_pdf(bytes),
        Content::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        Content::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
        Content::Gif => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        Content::Webp => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        Content::Heif => is_heif(bytes).unwrap_or(false),
        Content::Office(folder) => is_office(bytes, folder).unwrap_or(false),
        Content::OpenDocument(media_type) => is_open_document(bytes, media_type).unwrap_or(false),
        Content::Text => is_text(bytes) && !PICTURES.iter().any(|picture| is(*picture, bytes)),
    }
}

/// A PDF starts with its header. Readers look for it in the first 1024 bytes, but to other programs a file with
/// something else before it is something else, so only a byte order mark and line endings may come first.
fn is_pdf(bytes: &[u8]) -> bool {
    let bytes = unmarked(bytes).trim_ascii_start();
    matches!(bytes.strip_prefix(b"%PDF-"), Some([b'1'..=b'9', b'.', ..]))
}

/// Brands of pictures and picture sequences coded in HEVC (ISO/IEC 23008-12, annex B).
const HEVC_BRANDS: [&[u8; 4]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];

/// The brands of the format itself, which do not say how a picture is coded.
const HEIF_BRANDS: [&[u8; 4]; 3] = [b"mif1", b"mif2", b"msf1"];

/// A file starts with a box that names its brands: the major one, a version, and all compatible ones (ISO/IEC 14496-12,
/// 4.3).
fn is_heif(bytes: &[u8]) -> Option<bool> {
    let length = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
    let file_type = bytes.get(4..length)?.strip_prefix(b"ftyp")?;
    let major = file_type.first_chunk::<4>()?;
    let mut compatible = file_type.get(8..)?.chunks_exact(4);
    let hevc = |brand: &[u8]| HEVC_BRANDS.iter().any(|known| *known == brand);
    Some(hevc(major) || (HEIF_BRANDS.contains(&major) && compatible.any(hevc)))
}

/// Parts that contain programs, by the start or end of their names, in lower case. The name of a VBA project is not
/// fixed, but only document types with macros may refer to one, and Office opens none of these under another type's
/// name.
const OFFICE_PROGRAMS: [fn(&[u8]) -> bool; 3] = [
    |name| name.ends_with(b"/vbaproject.bin"),
    |name| name.ends_with(b"/vbadata.xml"),
    |name| name.starts_with(b"xl/macrosheets/"),
];

/// The folders that contain documents of Office Open XML.
const OFFICE_FOLDERS: [&str; 3] = ["word/", "xl/", "ppt/"];

/// A package has its list of types, its root's relationships, and parts in the document's folder, in any order: Word,
/// LibreOffice, Pages and libraries all write different ones. Names of parts are case-insensitive.
fn is_office(bytes: &[u8], folder: &str) -> Option<bool> {
    let names: Vec<_> = zip::names(bytes)?.into_iter().map(<[u8]>::to_ascii_lowercase).collect();
    let has = |name: &[u8]| names.iter().any(|known| known == name);
    let within = |folder: &str| names.iter().any(|name| name.starts_with(folder.as_bytes()));
    let package = has(b"[content_types].xml") && has(b"_rels/.rels");
    let alone = OFFICE_FOLDERS.into_iter().all(|known| within(known) == (known == folder));
    let runs = names.iter().any(|name| OFFICE_PROGRAMS.iter().any(|program| program(name)));
    Some(package && alone && !runs)
}

/// The folders of an OpenDocument's macros: Basic with its dialogs, and other languages.
const OPEN_DOCUMENT_PROGRAMS: [&[u8]; 3] = [b"basic/", b"dialogs/", b"scripts/"];

/// A package starts with its media type, in a separate entry that is not compressed.
fn is_open_document(bytes: &[u8], media_type: &str) -> Option<bool> {
    let names = zip::names(bytes)?;
    let rest = zip::first_stored(bytes, b"mimetype")?.strip_prefix(media_type.as_bytes())?;
    // The next entry follows at once; otherwise the media type is longer, such as that of a template.
    let whole = rest.starts_with(b"PK");
    let runs = names.iter().map(|name| name.to_ascii_lowercase());
    let runs = runs.into_iter().any(|name| OPEN_DOCUMENT_PROGRAMS.iter().any(|folder| name.starts_with(folder)));
    Some(whole && !runs)
}

/// What starts like a picture is not text, even if all its bytes are letters in windows-1252.
const PICTURES: [Content; 5] = [Content::Png, Content::Jpeg, Content::Gif, Content::Webp, Content::Heif];

/// How texts start that have a meaning for programs: markup, scripts, documents and printer languages.
const PROGRAM_TEXTS: [&str; 5] = ["<", "#!", "%PDF-", "%!", "{\\rtf"];

/// The characters of the longest of them.
const LONGEST_PROGRAM_START: usize = 5;

/// Text for people in one of the encodings that Windows' programs save it in: UTF-8; UTF-16 with its mark ("Unicode" in
/// Notepad and Excel); and windows-1252 ("ANSI", and Excel's CSV in Western Europe).
fn is_text(bytes: &[u8]) -> bool {
    match (std::str::from_utf8(bytes), bytes) {
        (Ok(text), _) => reads_as_text(text.chars()),
        (_, [0xff, 0xfe, units @ ..]) => is_utf16(units, u16::from_le_bytes),
        (_, [0xfe, 0xff, units @ ..]) => is_utf16(units, u16::from_be_bytes),
        _ => reads_as_text(bytes.iter().map(|byte| windows_1252(*byte))),
    }
}

fn is_utf16(units: &[u8], unit: fn([u8; 2]) -> u16) -> bool {
    let (pairs, rest) = units.as_chunks();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    !pairs.is_empty() && rest.is_empty() && reads_as_text(characters.map(|character| character.unwrap_or('\0')))
}

/// No control characters but those of lines and columns, and not the beginning of something that a program takes for
/// more than text.
fn reads_as_text(mut characters: impl Iterator<Item = char> + Clone) -> bool {
    let blank = |character: &char| *character == '\u{feff}' || character.is_whitespace();
    let start: String = characters.clone().skip_while(blank).take(LONGEST_PROGRAM_START).collect();
    let plain = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t' | '\u{c}');
    !PROGRAM_TEXTS.iter().any(|program| start.starts_with(program)) && characters.all(plain)
}
