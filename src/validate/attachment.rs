//! Checks a form's files before they go into a mail: few, small, of known types, with harmless names.

use bytes::Bytes;

use super::{Violation, content};
use crate::decode::form::Upload;
use crate::pointer;
use crate::policy::{Attachments, FILE_TYPES, FileType, MAX_FILES};
use crate::texts::{Texts, fill};

/// A file that a mail may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name.
    pub name: String,
    /// The type, from the gate's own list.
    pub content_type: &'static str,
    /// The content.
    pub bytes: Bytes,
}

/// Accepts a form's files, as its route allows.
///
/// # Errors
/// A violation for each control whose file is not accepted.
pub fn attach(
    allowed: Option<&Attachments>,
    uploads: Vec<Upload>,
    texts: &Texts,
) -> Result<Vec<Attachment>, Vec<Violation>> {
    let mut attachments: Vec<Attachment> = Vec::new();
    let mut violations = Vec::new();
    for Upload { field, name, bytes } in uploads {
        let taken = attachments.len();
        let allowed = allowed.filter(|allowed| taken < allowed.max_count);
        match allowed.map(|allowed| (allowed, recognise(allowed, &name, &bytes))) {
            Some((_, Some((file_type, name)))) => {
                let name = distinct(name, &attachments);
                attachments.push(Attachment { name, content_type: content_type(file_type, &bytes), bytes });
            }
            Some((allowed, None)) => {
                let names: Vec<_> = allowed.types.iter().map(|file_type| file_type.name).collect();
                violations.push(violation(&field, "FILE_TYPE", fill(texts.file_type, names.join(", "))));
            }
            None => violations.push(violation(&field, "TOO_MANY_FILES", texts.too_many_files.to_owned())),
        }
    }
    if violations.is_empty() { Ok(attachments) } else { Err(violations) }
}

/// The allowed type of a file, and the name that it gets.
///
/// Name and content must agree, except for pictures: phones convert a picture and keep its name, and a picture with the
/// name of another kind of picture is harmless. It gets the matching extension.
fn recognise(allowed: &Attachments, name: &str, bytes: &[u8]) -> Option<(&'static FileType, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let named = |file_type: &&&FileType| ends(file_type, extension) && content::is(file_type.content, bytes);
    if let Some(file_type) = allowed.types.iter().find(named) {
        return Some((file_type, name.to_owned()));
    }
    let says_picture = FILE_TYPES.iter().any(|file_type| is_picture(file_type) && ends(file_type, extension));
    let picture = |file_type: &&&FileType| is_picture(file_type) && content::is(file_type.content, bytes);
    let file_type = allowed.types.iter().find(picture).filter(|_| says_picture)?;
    Some((file_type, format!("{stem}.{}", file_type.extensions.first()?)))
}

/// The media type in the mail. Of a text that is not UTF-8 it does not name the encoding, which nothing in the file says.
fn content_type(file_type: &FileType, bytes: &[u8]) -> &'static str {
    match file_type.content_type.split_once(';') {
        Some((essence, _)) if std::str::from_utf8(bytes).is_err() => essence,
        _ => file_type.content_type,
    }
}

fn ends(file_type: &FileType, extension: &str) -> bool {
    file_type.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

fn is_picture(file_type: &FileType) -> bool {
    file_type.content_type.starts_with("image/")
}

/// Nobody could distinguish two files with the same name.
fn distinct(name: String, attachments: &[Attachment]) -> String {
    let taken = |name: &String| attachments.iter().any(|earlier| earlier.name.eq_ignore_ascii_case(name));
    if !taken(&name) {
        return name;
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    let numbered = (2..=MAX_FILES + 1).map(|number| format!("{stem} ({number}).{extension}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or(name)
}

fn violation(field: &str, code: &str, detail: String) -> Violation {
    let pointer = pointer::join("", field.trim_end_matches("[]"));
    Violation { pointer, keyword: "attachment".to_owned(), detail, code: code.to_owned() }
}
