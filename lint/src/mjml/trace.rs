//! The way back from the HTML to the MJML: where each tag came from.

use std::ops::Range;

use postern::policy::{Diagnostic, MJML_FILE, Place};

use super::place::Prepared;
use super::tag::{Kind, Tag, Tags};

/// What became of the tags of a source.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    source: String,
    text: String,
    /// Every tag that is in the HTML, in the order of the HTML; some occur more than once.
    written: Vec<Written>,
}

/// A tag in the HTML.
#[derive(Debug, Clone)]
struct Written {
    index: usize,
    /// Its range in the HTML.
    at: Range<usize>,
    /// Its range in the MJML.
    from: Range<usize>,
    /// How many bytes of the tag precede the line break that was inserted into it.
    opening: usize,
}

/// Replaces the words with their tags again, and restores the text around the document.
///
/// Each tag gets a line break after its opening delimiter, which prints nothing. Every line of the HTML then belongs to
/// one tag, and the engine's errors, which only have a line, identify it.
pub fn restore(source: &str, mark: &str, prepared: &Prepared, tags: &Tags, html: &str) -> (String, Trace) {
    let mut trace = Trace { source: source.to_owned(), text: format!("{mark}\n"), written: Vec::new() };
    let before = 0..prepared.document.start;
    let behind = prepared.document.end..source.len();
    trace.around(source, &before, tags);
    let mut from = 0;
    for (place, index) in tags.words(html) {
        trace.text.push_str(html.get(from..place.start).unwrap_or_default());
        from = place.end;
        if let Some(tag) = tags.get(index) {
            trace.write(index, tag, source);
        }
    }
    trace.text.push_str(html.get(from..).unwrap_or_default());
    trace.around(source, &behind, tags);
    (trace.text.clone(), trace)
}

impl Trace {
    fn around(&mut self, source: &str, range: &Range<usize>, tags: &Tags) {
        let mut from = range.start;
        for (index, tag) in tags.iter().filter(|(_, tag)| range.start <= tag.span.start && tag.span.end <= range.end) {
            self.text.push_str(source.get(from..tag.span.start).unwrap_or_default());
            from = tag.span.end;
            if tag.kind != Kind::Comment {
                self.write(index, tag, source);
            }
        }
        self.text.push_str(source.get(from..range.end).unwrap_or_default().trim_end());
    }

    fn write(&mut self, index: usize, tag: &Tag, source: &str) {
        let start = self.text.len();
        let tag_text = source.get(tag.span.clone()).unwrap_or_default();
        let opening = if matches!(tag_text.as_bytes().get(2), Some(b'-' | b'+')) { 3 } else { 2 };
        let (open, rest) = tag_text.split_at_checked(opening).unwrap_or((tag_text, ""));
        self.text.push_str(open);
        self.text.push('\n');
        self.text.push_str(rest);
        self.written.push(Written { index, at: start..self.text.len(), from: tag.span.clone(), opening });
    }

    /// Reports what MJML dropped, moved or repeated and should not have.
    pub fn complaints(&self, path: &str, prepared: &Prepared, tags: &Tags) -> Vec<Diagnostic> {
        let must = |(index, tag): &(usize, &Tag)| tag.kind != Kind::Comment && !prepared.hidden.contains(index);
        let missing = tags.iter().filter(must).find(|(index, _)| !self.written.iter().any(|tag| tag.index == *index));
        if let Some((_, tag)) = missing {
            let message = format!("MJML drops `{}` here.", self.shown(&tag.span));
            let help = "Use values in texts, and in attributes that MJML copies unchanged, such as href, src, alt and \
                        color; with sizes it computes.";
            return vec![Diagnostic::error(path, Place::Span(tag.span.clone()), message, help)];
        }
        let is_statement = |index: &usize| tags.get(*index).is_some_and(|tag| tag.kind == Kind::Statement);
        let wanted = tags.iter().filter(must).map(|(index, _)| index).filter(is_statement);
        let written: Vec<_> = self.written.iter().map(|tag| tag.index).filter(is_statement).collect();
        let wanted: Vec<_> = wanted.collect();
        let wrong = written.iter().zip(wanted.iter()).find(|(is, should)| is != should);
        let wrong = wrong.map(|(is, _)| *is).or_else(|| written.get(wanted.len()).copied());
        let Some(tag) = wrong.and_then(|index| tags.get(index)) else { return Vec::new() };
        let message =
            format!("MJML would move or repeat `{}`, which would change what it does.", self.shown(&tag.span));
        let help = "Put statements around whole elements, or inside <mj-text>, <mj-button>, <mj-table> or <mj-raw>.";
        vec![Diagnostic::error(path, Place::Span(tag.span.clone()), message, help)]
    }

    fn shown(&self, span: &Range<usize>) -> &str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// Turns a finding about the HTML into one about the MJML.
    pub fn original(&self, finding: Diagnostic) -> Diagnostic {
        let folder = finding.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let place = match &finding.place {
            Place::Span(span) => self.span(span),
            Place::Line(line) => self.line(*line),
            Place::File | Place::Pointer(_) => Place::File,
        };
        Diagnostic { file: format!("{folder}/{MJML_FILE}"), place, ..finding }
    }

    /// Within a tag, the texts are the same; elsewhere, this looks for the same words.
    fn span(&self, span: &Range<usize>) -> Place {
        let tag = self.written.iter().find(|tag| tag.at.start <= span.start && span.end <= tag.at.end);
        if let Some(tag) = tag {
            let back = |offset: usize| {
                let within = offset - tag.at.start;
                // Only the HTML has the line break.
                tag.from.start + if within > tag.opening { within - 1 } else { within }
            };
            return Place::Span(back(span.start)..back(span.end));
        }
        let words = self.text.get(span.clone()).filter(|words| !words.is_empty());
        match words.and_then(|words| Some((self.source.find(words)?, words.len()))) {
            Some((start, length)) => Place::Span(start..start + length),
            None => Place::File,
        }
    }

    /// The tag that fills a line, not one that only starts on it.
    fn line(&self, line: usize) -> Place {
        let number = |offset: usize| self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        let fills = |tag: &&Written| number(tag.at.start) < line && line <= number(tag.at.end);
        let begins = |tag: &&Written| number(tag.at.start) == line;
        let tag = self.written.iter().find(fills).or_else(|| self.written.iter().find(begins));
        tag.map_or(Place::File, |tag| Place::Span(tag.from.clone()))
    }
}
