//! Turns the fields of a visitor's form into a payload, by the schema's types, and reads its control fields.

mod assemble;
mod coerce;
mod control;
mod name;
mod shape;
mod typed;

use bytes::Bytes;

use crate::web::header::one_line;

pub use assemble::{Contradiction, assemble, labelled, members, place_of};
pub use control::Controls;
pub use shape::Shape;
pub use typed::{correct_fields, correct_members, normalise_newlines};

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 100;

/// One field of a form, as a browser sends it: everything is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The control's name, such as `email`, `topic[]` or `address.city`.
    pub name: String,
    /// The control's value.
    pub text: String,
}

/// What a visitor's form contains besides its payload.
#[derive(Debug, Default)]
pub struct FormFields {
    /// Everything that was sent, including control fields, for a page that shows it again; empty for a script's JSON.
    pub sent: Vec<Field>,
    /// What the control fields said.
    pub controls: Controls,
}

/// A place of a form's payload that was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The place, as an RFC 6901 pointer.
    pub pointer: String,
    /// What people call it: the schema's `title`, or else the control's name.
    pub label: String,
}

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

/// A name that means the same to every mail program and file system: no folder, no control character, and nothing that
/// changes the direction of text, which could make a name that ends in `.exe` look like `exe.pdf`.
pub fn clean(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = one_line(file, usize::MAX);
    let kept: String =
        kept.chars().map(|character| if "<>:\"|?*%".contains(character) { '_' } else { character }).collect();
    let kept = kept.trim_matches(['.', ' ']);
    let (stem, extension) =
        kept.rsplit_once('.').map_or((kept, String::new()), |(stem, end)| (stem, format!(".{end}")));
    let stem: String = stem.chars().take(MAX_NAME_CHARS.saturating_sub(extension.chars().count())).collect();
    if stem.is_empty() { format!("file{extension}") } else { format!("{stem}{extension}") }
}
