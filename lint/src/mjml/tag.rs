//! The tags of the template language in a text, as the engine's own lexer finds them.

use std::ops::Range;

use minijinja::machinery::{Token, parse, tokenize};
use postern::policy::{Diagnostic, Place, TEMPLATES_FOLDER, template_finding, template_syntax};

/// Statements that combine a template with others, and so need more than the text at hand.
const INHERITANCE: [&str; 3] = ["extends", "block", "endblock"];

/// What a tag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Prints a value.
    Expression,
    /// Does anything else.
    Statement,
    /// Nothing.
    Comment,
}

/// One tag.
#[derive(Debug, Clone)]
pub struct Tag {
    /// What it does.
    pub kind: Kind,
    /// Its range in the source, including delimiters.
    pub span: Range<usize>,
}

/// All tags of a source, in order, and the words that replace them.
#[derive(Debug)]
pub struct Tags {
    list: Vec<Tag>,
    word: String,
}

impl Tags {
    /// Finds the tags; the source must be a template that compiles.
    pub fn of(path: &str, source: &str) -> Result<Self, Vec<Diagnostic>> {
        let name = path.strip_prefix(TEMPLATES_FOLDER).unwrap_or(path);
        parse(source, name, template_syntax()).map_err(|error| vec![template_finding(path, &error)])?;
        let list = with_comments(source, lexed(source));
        let refused: Vec<_> = list.iter().filter_map(|tag| refusal(path, source, tag)).collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        let mut word = "jinja".to_owned();
        while source.contains(&word) {
            word.push('q');
        }
        Ok(Self { list, word })
    }

    /// The tags, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Tag)> {
        self.list.iter().enumerate()
    }

    /// One tag.
    pub fn get(&self, index: usize) -> Option<&Tag> {
        self.list.get(index)
    }

    /// The word that replaces a tag. No word starts with another one.
    pub fn word(&self, index: usize) -> String {
        format!("{}{index}x", self.word)
    }

    /// Every word in a text, with its place and its tag's index.
    pub fn words<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (Range<usize>, usize)> + 'a {
        text.match_indices(&self.word).filter_map(|(start, _)| {
            let rest = text.get(start + self.word.len()..)?;
            let digits = rest.split_once('x')?.0;
            let end = start + self.word.len() + digits.len() + 1;
            Some((start..end, digits.parse().ok()?))
        })
    }
}

fn lexed(source: &str) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    for (token, span) in tokenize(source, false, template_syntax()).map_while(Result::ok) {
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::VariableStart => tags.push(Tag { kind: Kind::Expression, span: start..end }),
            Token::BlockStart => tags.push(Tag { kind: Kind::Statement, span: start..end }),
            Token::VariableEnd | Token::BlockEnd => {
                if let Some(last) = tags.last_mut() {
                    last.span.end = closed(source, last.span.start, end);
                }
            }
            _ => {}
        }
    }
    tags
}

/// The end of the tag itself: the engine includes the white space that it trims.
fn closed(source: &str, start: usize, end: usize) -> usize {
    source.get(start..end).map_or(end, |text| start + text.trim_end().len())
}

/// Comments are not tokens; they are between the tags.
fn with_comments(source: &str, tags: Vec<Tag>) -> Vec<Tag> {
    let ends = tags.iter().map(|tag| tag.span.end);
    let starts = tags.iter().map(|tag| tag.span.start);
    let gaps: Vec<_> = std::iter::once(0).chain(ends).zip(starts.chain([source.len()])).collect();
    let comments = gaps.into_iter().flat_map(|(start, end)| comments(source, start..end));
    let mut all: Vec<_> = comments.chain(tags).collect();
    all.sort_by_key(|tag| tag.span.start);
    all
}

fn comments(source: &str, gap: Range<usize>) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut from = gap.start;
    while let Some(start) = source.get(from..gap.end).and_then(|text| text.find("{#")).map(|at| from + at) {
        let length = source.get(start..gap.end).and_then(|text| text.find("#}")).map(|at| at + 2);
        from = length.map_or(gap.end, |length| start + length);
        found.push(Tag { kind: Kind::Comment, span: start..from });
    }
    found
}

fn refusal(path: &str, source: &str, tag: &Tag) -> Option<Diagnostic> {
    let text = source.get(tag.span.clone())?;
    let name = text.trim_start_matches(['{', '%', '-', '+']).split_whitespace().next()?;
    let refused = tag.kind == Kind::Statement && INHERITANCE.contains(&name);
    refused.then(|| {
        Diagnostic::error(
            path,
            Place::Span(tag.span.clone()),
            format!("An MJML mail is a complete document, so `{name}` cannot be used here."),
            "Write the layout into the mail, and share texts with {% include %} inside <mj-text>.",
        )
    })
}
