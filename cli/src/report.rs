//! Findings: in the style of rustc for people, as JSON for programs.

use std::fmt::{self, Write as _};
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use postern::policy::{Diagnostic, Files, Severity};
use serde::Serialize;

use crate::visible;

/// If source lines are wider than this, they are cut around the relevant part.
const COLUMNS: usize = 80;

/// A policy that is not usable, with the report that says why.
#[derive(Debug)]
pub struct BrokenPolicy {
    report: String,
    summary: String,
    entries: Vec<Entry>,
}

impl BrokenPolicy {
    /// Reports the findings about the policy in a directory.
    pub fn new(directory: &Path, files: &Files, findings: &[Diagnostic]) -> Self {
        Self {
            report: text(directory, files, findings),
            summary: summary(findings),
            entries: entries(directory, files, findings),
        }
    }

    /// One sentence, without the findings.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The findings, for programs.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl fmt::Display for BrokenPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.report, self.summary)
    }
}

impl std::error::Error for BrokenPolicy {}

/// The findings, each with its place and help and followed by an empty line.
pub fn text(directory: &Path, files: &Files, findings: &[Diagnostic]) -> String {
    let renderer = Renderer::styled().term_width(COLUMNS);
    findings.iter().fold(String::new(), |mut text, finding| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}\n", renderer.render(&[group(directory, files, finding)]));
        text
    })
}

fn group<'a>(directory: &Path, files: &'a Files, finding: &'a Diagnostic) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(visible::text(&finding.message));
    let path = visible::line(&shown(directory, &finding.file));
    let group = match (files.text(&finding.file), finding.span(files)) {
        (Some(source), Some(span)) => {
            title.element(Snippet::source(source).path(path).annotation(AnnotationKind::Primary.span(span)))
        }
        _ => title.element(Origin::path(path)),
    };
    group.element(Level::HELP.message(visible::text(&finding.help)))
}

/// A file's path relative to the working directory, so that editors and terminals can open it.
fn shown(directory: &Path, file: &str) -> String {
    let file = if directory == Path::new(".") { file.into() } else { directory.join(file) };
    file.display().to_string()
}

/// A finding for programs; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    severity: Severity,
    file: String,
    line: usize,
    column: usize,
    message: String,
    help: String,
}

/// The findings as one JSON array.
pub fn json(directory: &Path, files: &Files, findings: &[Diagnostic]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&entries(directory, files, findings))
}

/// The findings for programs.
pub fn entries(directory: &Path, files: &Files, findings: &[Diagnostic]) -> Vec<Entry> {
    findings.iter().map(|finding| entry(directory, files, finding)).collect()
}

fn entry(directory: &Path, files: &Files, finding: &Diagnostic) -> Entry {
    Entry {
        severity: finding.severity,
        file: shown(directory, &finding.file),
        line: finding.line(files),
        column: column(files, finding),
        message: finding.message.clone(),
        help: finding.help.clone(),
    }
}

fn column(files: &Files, finding: &Diagnostic) -> usize {
    let text = files.text(&finding.file).unwrap_or_default();
    let before = finding.span(files).and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
}

/// One sentence: how many errors and warnings.
pub fn summary(findings: &[Diagnostic]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    // Notes need no action, so they are not counted.
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "The policy has no errors.".to_owned(),
        (0, warnings) => format!("The policy can be used; it has {}.", counted(warnings, "warning")),
        (errors, 0) => format!("The policy cannot be used: {}.", counted(errors, "error")),
        (errors, warnings) => {
            format!("The policy cannot be used: {}, {}.", counted(errors, "error"), counted(warnings, "warning"))
        }
    }
}

/// Whether a finding makes the policy unusable.
pub fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// A number with its noun.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
