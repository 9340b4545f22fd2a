//! Mails written in MJML: converted to HTML when the tool reads a policy, so that nothing at run time knows MJML.
//!
//! To MJML, the template language's tags mean nothing. This code replaces each tag with a word, converts the rest, and
//! turns the words back into tags. The gate then escapes the values when it renders the HTML, as in a hand-written
//! template. Anything that MJML would drop, move or repeat is an error.

mod place;
mod tag;
mod trace;

use std::collections::{BTreeMap, HashMap};

use mrml::prelude::parser::{Error, ParserOptions};
use mrml::prelude::render::RenderOptions;
use postern::policy::{Diagnostic, Files, MJML_FILE, Part, Place, TEMPLATES_FOLDER, is_translated, translation_mark};

use place::{Prepared, prepare};
use tag::Tags;
use trace::Trace;

const HELP: &str = "MJML's elements and their attributes are described at https://documentation.mjml.io.";

/// A policy's files with HTML in place of MJML, and the way back.
#[derive(Debug, Clone, Default)]
pub struct Translation {
    files: Files,
    findings: Vec<Diagnostic>,
    traces: BTreeMap<String, Trace>,
}

impl Translation {
    /// Converts every template that is written in MJML.
    pub fn of(sources: &Files) -> Self {
        let mut translation = Self::default();
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for path in sources.paths() {
            let text = sources.text(path).unwrap_or_default();
            match html_path(path) {
                Some(html) if sources.text(&html).is_some() => translation.findings.push(both(path)),
                Some(html) => match translate(path, text) {
                    Ok((translated, trace)) => {
                        files.insert(html.clone(), translated);
                        translation.traces.insert(html, trace);
                    }
                    Err(findings) => translation.findings.extend(findings),
                },
                None => {
                    if is_translated(text) {
                        translation.findings.push(forged(path));
                    }
                    files.insert(path.to_owned(), text.to_owned());
                }
            }
        }
        translation.files = files.into_iter().collect();
        translation
    }

    /// The files for the gate.
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// Why some templates could not be converted.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// Turns a finding about the gate's files into one about the files that people wrote.
    pub fn original(&self, finding: Diagnostic) -> Diagnostic {
        match self.traces.get(&finding.file) {
            Some(trace) => trace.original(finding),
            None => finding,
        }
    }
}

/// The path of the HTML part, if this is one in MJML.
fn html_path(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/')?;
    (folder.starts_with(TEMPLATES_FOLDER) && file == MJML_FILE).then(|| format!("{folder}/{}", Part::Html.file()))
}

fn both(path: &str) -> Diagnostic {
    let message = format!("The template has {MJML_FILE} and {}, but a mail has only one HTML part.", Part::Html.file());
    Diagnostic::error(path, Place::File, message, "Remove one of the two.")
}

fn forged(path: &str) -> Diagnostic {
    let message = "This file claims to be translated from MJML, but only Postern's own output may say so.";
    Diagnostic::error(path, Place::Line(1), message, "Remove the first comment, or keep the MJML instead.")
}

fn translate(path: &str, source: &str) -> Result<(String, Trace), Vec<Diagnostic>> {
    let tags = Tags::of(path, source)?;
    let prepared = prepare(path, source, &tags)?;
    let html = render(path, &prepared)?;
    unknown(path, &prepared, &html)?;
    let mark = translation_mark(source);
    let (text, trace) = trace::restore(source, &mark, &prepared, &tags, &html);
    let findings = trace.complaints(path, &prepared, &tags);
    if findings.is_empty() { Ok((text, trace)) } else { Err(findings) }
}

/// Without files, fonts and pictures from elsewhere: everything that is sent is in the policy.
fn render(path: &str, prepared: &Prepared) -> Result<String, Vec<Diagnostic>> {
    let error = |place, reason: String| vec![Diagnostic::error(path, place, format!("Invalid MJML: {reason}"), HELP)];
    let parsed = mrml::parse_with_options(&prepared.text, &ParserOptions::default()).map_err(|reason| {
        let place = position(&reason, &prepared.text).map_or(Place::File, |start| Place::Line(prepared.line(start)));
        error(place, sentence(&reason))
    })?;
    let warnings: Vec<_> = parsed.warnings.iter().map(|warning| warned(path, prepared, warning)).collect();
    if !warnings.is_empty() {
        return Err(warnings);
    }
    let options = RenderOptions { disable_comments: true, social_icon_origin: Some("".into()), fonts: HashMap::new() };
    parsed.element.render(&options).map_err(|reason| error(Place::File, format!("{reason}.")))
}

/// MJML treats elements that it does not know as HTML.
fn unknown(path: &str, prepared: &Prepared, html: &str) -> Result<(), Vec<Diagnostic>> {
    let Some(start) = html.find("<mj-") else { return Ok(()) };
    let rest = html.get(start + 1..).unwrap_or_default();
    let name =
        rest.split(|character: char| character != '-' && !character.is_alphanumeric()).next().unwrap_or_default();
    let place = prepared.text.find(&format!("<{name}")).map_or(Place::File, |at| Place::Line(prepared.line(at)));
    Err(vec![Diagnostic::error(path, place, format!("MJML has no element <{name}>."), HELP)])
}

fn warned(path: &str, prepared: &Prepared, warning: &mrml::prelude::parser::Warning) -> Diagnostic {
    let place = Place::Line(prepared.line(warning.span.start));
    Diagnostic::error(path, place, format!("MJML ignores this: {}.", warning.kind), HELP)
}

/// The place in the text that MJML received.
fn position(error: &Error, text: &str) -> Option<usize> {
    match error {
        Error::UnexpectedElement { position, .. }
        | Error::UnexpectedToken { position, .. }
        | Error::MissingAttribute { position, .. }
        | Error::InvalidAttribute { position, .. }
        | Error::InvalidFormat { position, .. }
        | Error::IncludeLoaderError { position, .. } => Some(position.start),
        Error::ParserError { source, .. } => {
            let rows = usize::try_from(source.pos().row).unwrap_or_default().saturating_sub(1);
            Some(text.split_inclusive('\n').take(rows).map(str::len).sum())
        }
        Error::EndOfStream { .. } | Error::SizeLimit { .. } | Error::NoRootNode => None,
    }
}

/// Our own words for the crate's errors, because their positions refer to another text.
fn sentence(error: &Error) -> String {
    match error {
        Error::UnexpectedElement { .. } => "this element is not allowed here.".to_owned(),
        Error::UnexpectedToken { .. } => "this is not allowed here.".to_owned(),
        Error::MissingAttribute { name, .. } => format!("the attribute `{name}` is missing."),
        Error::InvalidAttribute { .. } => "an attribute has an invalid value.".to_owned(),
        Error::InvalidFormat { .. } => "the format is invalid.".to_owned(),
        Error::EndOfStream { .. } => "an element is not closed.".to_owned(),
        Error::SizeLimit { .. } => "it is too large.".to_owned(),
        Error::ParserError { .. } => "a `<` does not start an element; write `&lt;` for the character.".to_owned(),
        Error::NoRootNode => "the element <mjml> is missing.".to_owned(),
        Error::IncludeLoaderError { .. } => "other files are not included: use {% include %} inside a text.".to_owned(),
    }
}
