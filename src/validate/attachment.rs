//! Checks a form's files before they go into a mail: few, small, of known types, with harmless names.

use bytes::Bytes;

use super::Violation;
use crate::decode::form::Upload;
use crate::pointer;
use crate::policy::{Attachments, FileType, MAX_FILES};
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
        match allowed.map(|allowed| (allowed, file_type(allowed, &name, &bytes))) {
            Some((_, Some(file_type))) => {
                let name = distinct(name, &attachments);
                attachments.push(Attachment { name, content_type: file_type.content_type, bytes });
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

/// The allowed type that both name and content have.
fn file_type(allowed: &Attachments, name: &str, bytes: &[u8]) -> Option<&'static FileType> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let shown = infer::get(bytes).map(|shown| shown.mime_type());
    let fits = |file_type: &&&FileType| {
        file_type.extensions.contains(&extension.as_str())
            && file_type.shows.contains(&shown)
            && (shown.is_some() || is_text(bytes))
    };
    allowed.types.iter().find(fits).copied()
}

/// Text for people: UTF-8 without control characters except line breaks and tabs, and not the start of markup.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let plain = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t' | '\u{c}');
        text.chars().all(plain) && !text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
    })
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
