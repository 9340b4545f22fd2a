//! What is wrong with a policy, where, and how to fix it.

use std::fmt;
use std::ops::Range;

use super::files::Files;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy works, but something in it is probably a mistake.
    Warning,
    /// Nothing is wrong; something is worth knowing.
    Note,
}

/// Where in a file a finding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A byte range of the text.
    Span(Range<usize>),
    /// A line, counted from 1.
    Line(usize),
    /// A place in a JSON text, as an RFC 6901 pointer.
    Pointer(String),
}

/// One finding: a sentence that says what is wrong, its place, and a sentence that says how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its severity.
    pub severity: Severity,
    /// The file, relative to the policy directory.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: String,
}

impl Diagnostic {
    /// A finding that makes the policy unusable.
    pub fn error(file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Error, file: file.to_owned(), place, message: message.into(), help: help.into() }
    }

    /// A finding that leaves the policy usable.
    pub fn warning(file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, place, message, help) }
    }

    /// A finding that needs no action.
    pub fn note(file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(file, place, message, help) }
    }

    /// The byte range to underline, if the place is in the text.
    pub fn span(&self, files: &Files) -> Option<Range<usize>> {
        let text = files.text(&self.file)?;
        match &self.place {
            Place::File => None,
            Place::Span(span) => Some(span.clone()),
            Place::Line(line) => Some(line_span(text, *line)),
            Place::Pointer(pointer) => super::json::span(text, pointer),
        }
    }

    /// The line of the finding, counted from 1; 1 for the file as a whole.
    pub fn line(&self, files: &Files) -> usize {
        let start = self.span(files).map_or(0, |span| span.start);
        let text = files.text(&self.file).unwrap_or_default();
        text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count() + 1
    }
}

fn line_span(text: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            return start..start + content.trim_end().len();
        }
        start += content.len();
    }
    start..start
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} {}", self.file, self.message, self.help)
    }
}

/// Collects findings, so that an author sees all of them at once.
#[derive(Debug, Default)]
pub(super) struct Findings(pub Vec<Diagnostic>);

impl Findings {
    pub fn error(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::error(file, place, message, help));
    }

    pub fn warning(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::warning(file, place, message, help));
    }
}
