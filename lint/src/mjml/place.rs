//! Where tags are in the MJML, and the text that MJML receives instead of the source.

use std::collections::BTreeSet;
use std::ops::Range;

use htmlparser::{ElementEnd, Token, Tokenizer};
use postern::policy::{Diagnostic, Place};

use super::tag::{Kind, Tags};

/// Elements whose content is text or HTML; MJML lays out the content of all others.
const CONTENT: [&str; 11] = [
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-button",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-social-element",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
];

/// The text for MJML.
#[derive(Debug)]
pub struct Prepared {
    /// The document, with words in place of tags.
    pub text: String,
    /// The range of the document in the source.
    pub document: Range<usize>,
    /// The tags in comments of the document, which are not part of the mail.
    pub hidden: BTreeSet<usize>,
    /// For each piece of the text that is not a copy: its range, and the range of the source that it replaces.
    pieces: Vec<(Range<usize>, Range<usize>)>,
    /// Where the lines of the source start, except the first.
    lines: Vec<usize>,
}

impl Prepared {
    /// The source's line of a place in the text, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let source = self.source(offset);
        1 + self.lines.iter().take_while(|start| **start <= source).count()
    }

    fn source(&self, offset: usize) -> usize {
        let before = self.pieces.iter().rev().find(|(text, _)| text.start <= offset);
        match before {
            None => self.document.start + offset,
            Some((text, source)) if offset < text.end => source.start,
            Some((text, source)) => source.end + (offset - text.end),
        }
    }
}

/// Puts words in place of tags, and turns statements between elements into elements.
pub fn prepare(path: &str, source: &str, tags: &Tags) -> Result<Prepared, Vec<Diagnostic>> {
    let document = document(source, tags).ok_or_else(|| {
        let message = "Invalid MJML: the element <mjml> is missing.";
        vec![Diagnostic::error(path, Place::File, message, "Write the mail between <mjml> and </mjml>.")]
    })?;
    let bare = replaced(source, &document, tags, &BTreeSet::new());
    let placement = Placement::of(&bare.text, tags);
    let findings: Vec<_> =
        placement.misplaced.iter().map(|misplaced| misplaced.finding(path, source, &bare, tags)).collect();
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Prepared { hidden: placement.hidden, ..replaced(source, &document, tags, &placement.between) })
}

/// From `<mjml` to `</mjml>`; tags may come before and after.
fn document(source: &str, tags: &Tags) -> Option<Range<usize>> {
    let outside = |at: &usize| !tags.iter().any(|(_, tag)| tag.span.contains(at));
    let start = source.match_indices("<mjml").map(|(at, _)| at).find(outside)?;
    let end = source.rmatch_indices("</mjml>").map(|(at, end)| at + end.len()).find(|end| outside(&(end - 1)));
    Some(start..end.unwrap_or(source.len()).max(start))
}

fn replaced(source: &str, document: &Range<usize>, tags: &Tags, between: &BTreeSet<usize>) -> Prepared {
    let (mut text, mut pieces, mut from) = (String::new(), Vec::new(), document.start);
    let inside = tags.iter().filter(|(_, tag)| document.start <= tag.span.start && tag.span.end <= document.end);
    for (index, tag) in inside {
        text.push_str(source.get(from..tag.span.start).unwrap_or_default());
        let start = text.len();
        match tag.kind {
            Kind::Comment => {}
            _ if between.contains(&index) => text.push_str(&format!("<mj-raw>{}</mj-raw>", tags.word(index))),
            _ => text.push_str(&tags.word(index)),
        }
        pieces.push((start..text.len(), tag.span.clone()));
        from = tag.span.end;
    }
    text.push_str(source.get(from..document.end).unwrap_or_default());
    let lines = source.match_indices('\n').map(|(at, _)| at + 1).collect();
    Prepared { text, document: document.clone(), hidden: BTreeSet::new(), pieces, lines }
}

/// The finding about a tag at a place where it is not allowed.
enum Misplaced {
    /// A value between elements.
    Value(usize),
    /// A statement between the settings of the head.
    Setting(usize),
    /// Text between elements, at a place of the document.
    Text(usize),
}

/// Where the words are.
#[derive(Default)]
struct Placement {
    between: BTreeSet<usize>,
    hidden: BTreeSet<usize>,
    misplaced: Vec<Misplaced>,
}

impl Placement {
    /// Reads as far as the document is well-formed; MJML itself reports what is wrong after that.
    fn of(text: &str, tags: &Tags) -> Self {
        let mut placement = Self::default();
        let mut open: Vec<&str> = Vec::new();
        let mut started = "";
        for token in Tokenizer::from(text).map_while(Result::ok) {
            match token {
                Token::ElementStart { local, .. } => started = local.as_str(),
                Token::ElementEnd { end: ElementEnd::Open, .. } => open.push(started),
                Token::ElementEnd { end: ElementEnd::Close(_, name), .. } => {
                    if let Some(at) = open.iter().rposition(|element| *element == name.as_str()) {
                        open.truncate(at);
                    }
                }
                Token::Comment { text, .. } => placement.hidden.extend(tags.words(text.as_str()).map(|(_, tag)| tag)),
                Token::Text { text } if !open.iter().any(|element| CONTENT.contains(element)) => {
                    placement.text(text.as_str(), text.start(), open.contains(&"mj-head"), tags);
                }
                _ => {}
            }
        }
        placement
    }

    /// Text between elements may contain only statements.
    fn text(&mut self, text: &str, start: usize, head: bool, tags: &Tags) {
        let mut rest = 0;
        for (place, index) in tags.words(text) {
            self.blank(text, rest..place.start, start);
            rest = place.end;
            match tags.get(index).map(|tag| tag.kind) {
                Some(Kind::Statement) if head => self.misplaced.push(Misplaced::Setting(index)),
                Some(Kind::Statement) => drop(self.between.insert(index)),
                _ => self.misplaced.push(Misplaced::Value(index)),
            }
        }
        self.blank(text, rest..text.len(), start);
    }

    fn blank(&mut self, text: &str, range: Range<usize>, start: usize) {
        let part = text.get(range.clone()).unwrap_or_default();
        if let Some(at) = part.find(|character: char| !character.is_whitespace()) {
            self.misplaced.push(Misplaced::Text(start + range.start + at));
        }
    }
}

impl Misplaced {
    fn finding(&self, path: &str, source: &str, bare: &Prepared, tags: &Tags) -> Diagnostic {
        let span = |index: &usize| tags.get(*index).map(|tag| tag.span.clone()).unwrap_or_default();
        let shown = |index| source.get(span(index)).unwrap_or_default();
        match self {
            Self::Value(index) => Diagnostic::error(
                path,
                Place::Span(span(index)),
                format!("`{}` is between elements, where MJML shows no text.", shown(index)),
                "Put it into <mj-text>.",
            ),
            Self::Setting(index) => Diagnostic::error(
                path,
                Place::Span(span(index)),
                format!(
                    "`{}` is between the settings of <mj-head>, which MJML does not write in their order.",
                    shown(index)
                ),
                "Put it inside <mj-title>, <mj-preview> or <mj-style>, or into <mj-body>.",
            ),
            Self::Text(offset) => Diagnostic::error(
                path,
                Place::Line(bare.line(*offset)),
                "Text is between elements, where MJML shows none.",
                "Put it into <mj-text>.",
            ),
        }
    }
}
