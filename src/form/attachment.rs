//! Files of a form on their way into a mail: few, small, of known types, and named harmlessly.

use bytes::Bytes;

use crate::policy::Attachments;
use crate::texts::{Texts, fill};
use crate::validate::Violation;

/// The most files a form may have, whatever its route says.
pub const MAX_FILES: usize = 10;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 100;

/// A file as a browser sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The control's name.
    pub field: String,
    /// The file's name, cleaned.
    pub name: String,
    /// The content.
    pub bytes: Bytes,
}

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

/// A type of file that a policy may allow.
#[derive(Debug, PartialEq, Eq)]
pub struct FileType {
    /// The name in policies.
    pub name: &'static str,
    /// The media type in mails.
    pub content_type: &'static str,
    /// How such a file's name may end, in lower case.
    pub extensions: &'static [&'static str],
    /// What its first bytes may show; `None` is text that shows nothing.
    pub shows: &'static [Option<&'static str>],
}

/// Every type that there is. What can run, in a computer or in a browser, is not among them: no program, no script, no
/// HTML, no SVG, no macro.
pub const FILE_TYPES: [FileType; 12] = [
    FileType { name: "pdf", content_type: "application/pdf", extensions: &["pdf"], shows: &[Some("application/pdf")] },
    FileType { name: "png", content_type: "image/png", extensions: &["png"], shows: &[Some("image/png")] },
    FileType { name: "jpeg", content_type: "image/jpeg", extensions: &["jpg", "jpeg"], shows: &[Some("image/jpeg")] },
    FileType { name: "gif", content_type: "image/gif", extensions: &["gif"], shows: &[Some("image/gif")] },
    FileType { name: "webp", content_type: "image/webp", extensions: &["webp"], shows: &[Some("image/webp")] },
    FileType { name: "heic", content_type: "image/heic", extensions: &["heic"], shows: &[Some("image/heif")] },
    FileType {
        name: "docx",
        content_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        extensions: &["docx"],
        shows: &[Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document")],
    },
    FileType {
        name: "xlsx",
        content_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        extensions: &["xlsx"],
        shows: &[Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")],
    },
    FileType {
        name: "odt",
        content_type: "application/vnd.oasis.opendocument.text",
        extensions: &["odt"],
        shows: &[Some("application/vnd.oasis.opendocument.text")],
    },
    FileType {
        name: "ods",
        content_type: "application/vnd.oasis.opendocument.spreadsheet",
        extensions: &["ods"],
        shows: &[Some("application/vnd.oasis.opendocument.spreadsheet")],
    },
    FileType { name: "txt", content_type: "text/plain; charset=utf-8", extensions: &["txt"], shows: &[None] },
    FileType { name: "csv", content_type: "text/csv; charset=utf-8", extensions: &["csv"], shows: &[None] },
];

/// Takes a form's files, as its route allows them.
///
/// # Errors
/// A violation for each control whose file is not taken.
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

/// Text for people: UTF-8 without control characters but those of lines and columns, and no start of markup.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let plain = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t' | '\u{c}');
        text.chars().all(plain) && !text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
    })
}

/// A name that means the same to every mail program and file system: no folder, no control character, nothing that
/// turns the direction of reading, with which `exe.pdf` can be written for what ends in `.exe`.
pub fn clean(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = crate::render::one_line(file, usize::MAX);
    let kept: String =
        kept.chars().map(|character| if "<>:\"|?*%".contains(character) { '_' } else { character }).collect();
    let kept = kept.trim_matches(['.', ' ']);
    let (stem, extension) =
        kept.rsplit_once('.').map_or((kept, String::new()), |(stem, end)| (stem, format!(".{end}")));
    let stem: String = stem.chars().take(MAX_NAME_CHARS.saturating_sub(extension.chars().count())).collect();
    if stem.is_empty() { format!("file{extension}") } else { format!("{stem}{extension}") }
}

/// Two files of one name would be told apart by nobody.
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
    let place = field.trim_end_matches("[]").replace('~', "~0").replace('/', "~1");
    Violation { pointer: format!("/{place}"), keyword: "attachment".to_owned(), detail, code: code.to_owned() }
}
