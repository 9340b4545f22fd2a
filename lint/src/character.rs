//! Invisible characters that change how others are displayed: with them, a reviewer could approve a different text from
//! the one that is sent.
//!
//! Control characters control terminals, and bidirectional controls reorder the text around them (Unicode Technical
//! Report 36; CVE-2021-42574). Letters of every script, and the joiners of emoji and Indic scripts, are allowed.

use postern::policy::{Diagnostic, Files, Place};
use postern::web::header::{breaks_line, turns_direction};

use super::Findings;

/// Whether a character changes how a text is displayed, other than by ending a line or leaving a gap.
///
/// These are Unicode's control characters without line feed and tab, its line and paragraph separators, and everything
/// with its property `Bidi_Control`: embeddings, overrides and isolates, and the three marks, because a mark moves
/// adjacent punctuation and numbers. In a string, each can be written as an escape such as `\u200f`, which a reader
/// sees.
pub fn steers(character: char) -> bool {
    !matches!(character, '\n' | '\t') && (breaks_line(character) || turns_direction(character))
}

/// The characters that change how a text is displayed, with their places, except those of a Windows line ending.
pub fn steering(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|(index, character)| {
        let rest = text.get(*index..).unwrap_or_default();
        steers(*character) && !rest.starts_with("\r\n")
    })
}

/// Refuses such characters in every file that people read, and in the files' names.
pub(super) fn check(files: &Files, findings: &mut Findings) {
    for path in files.paths() {
        if let Some((_, character)) = steering(path).next() {
            let message = format!("The name of this file contains the invisible character {}.", code(character));
            findings.error(path, Place::File, message, "Rename the file without this character.");
        }
        if let Some(finding) = files.text(path).and_then(|text| first(path, text)) {
            findings.0.push(finding);
        }
    }
}

/// The first one is enough: a file with one often has many.
fn first(path: &str, text: &str) -> Option<Diagnostic> {
    let (index, character) = steering(text).next()?;
    let place = Place::Span(index..index + character.len_utf8());
    let message = format!(
        "The character {} is invisible, and changes how the text around it is shown or printed.",
        code(character)
    );
    let help = format!(
        "Remove it. If you need it, write it so that a reader sees it: `\\u{:04x}` in a string.",
        u32::from(character)
    );
    Some(Diagnostic::error(path, place, message, help))
}

fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}
