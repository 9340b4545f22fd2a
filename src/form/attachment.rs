//! Files of a form on their way into a mail: few, small, of known types, and named harmlessly.

use bytes::Bytes;

use super::content::Content;
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
    /// How such a file's name may end, in lower case; the usual ending first.
    pub extensions: &'static [&'static str],
    /// What it is.
    pub content: Content,
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ODT: &str = "application/vnd.oasis.opendocument.text";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
const TXT: &str = "text/plain; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";

/// Every type that there is. What can run, in a computer or in a browser, is not among them: no program, no script, no
/// HTML, no SVG, no macro. Endings are those of IANA's registrations and of mime-db, which browsers follow.
pub const FILE_TYPES: [FileType; 12] = [
    FileType { name: "pdf", content_type: "application/pdf", extensions: &["pdf"], content: Content::Pdf },
    FileType { name: "png", content_type: "image/png", extensions: &["png"], content: Content::Png },
    FileType {
        name: "jpeg",
        content_type: "image/jpeg",
        extensions: &["jpg", "jpeg", "jpe", "jfif"],
        content: Content::Jpeg,
    },
    FileType { name: "gif", content_type: "image/gif", extensions: &["gif"], content: Content::Gif },
    FileType { name: "webp", content_type: "image/webp", extensions: &["webp"], content: Content::Webp },
    FileType { name: "heic", content_type: "image/heic", extensions: &["heic", "heif"], content: Content::Heif },
    FileType { name: "docx", content_type: DOCX, extensions: &["docx"], content: Content::Office("word/") },
    FileType { name: "xlsx", content_type: XLSX, extensions: &["xlsx"], content: Content::Office("xl/") },
    FileType { name: "odt", content_type: ODT, extensions: &["odt"], content: Content::OpenDocument(ODT) },
    FileType { name: "ods", content_type: ODS, extensions: &["ods"], content: Content::OpenDocument(ODS) },
    FileType { name: "txt", content_type: TXT, extensions: &["txt"], content: Content::Text },
    FileType { name: "csv", content_type: CSV, extensions: &["csv"], content: Content::Text },
];

impl FileType {
    fn ends(&self, extension: &str) -> bool {
        self.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
    }

    fn is_picture(&self) -> bool {
        self.content_type.starts_with("image/")
    }
}

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
        match allowed.map(|allowed| (allowed, recognise(allowed, &name, &bytes))) {
            Some((_, Some((file_type, name)))) => {
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

/// The allowed type that a file has, and the name that it gets.
///
/// Name and content must agree, but for pictures: phones convert one and keep its name, and a picture under the name of
/// another kind of picture shows nothing dangerous. It gets the ending that fits.
fn recognise(allowed: &Attachments, name: &str, bytes: &[u8]) -> Option<(&'static FileType, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let named = |file_type: &&&FileType| file_type.ends(extension) && file_type.content.is(bytes);
    if let Some(file_type) = allowed.types.iter().find(named) {
        return Some((file_type, name.to_owned()));
    }
    let says_picture = FILE_TYPES.iter().any(|file_type| file_type.is_picture() && file_type.ends(extension));
    let picture = |file_type: &&&FileType| file_type.is_picture() && file_type.content.is(bytes);
    let file_type = allowed.types.iter().find(picture).filter(|_| says_picture)?;
    Some((file_type, format!("{stem}.{}", file_type.extensions.first()?)))
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
