//! What a template does with a payload, from its syntax tree: what it prints, loops over and requires, and which of
//! that its schema does not guarantee.

mod call;
mod condition;
mod demand;
mod expression;
mod facts;
mod file;
mod filter;
mod link;
mod markup;
mod scope;
mod value;
mod walk;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::{ast, parse};
use postern::policy::{Diagnostic, Files, Mail, Part, Place, Route, TEMPLATES_FOLDER, template_syntax};

use crate::field::Field;

/// The syntax trees of all templates and layouts, by path below `templates/`.
#[derive(Default)]
pub struct Sources<'a>(BTreeMap<&'a str, Source<'a>>);

struct Source<'a> {
    text: &'a str,
    tree: ast::Stmt<'a>,
}

impl<'a> Sources<'a> {
    /// Parses everything that is a template.
    pub fn parse(files: &'a Files) -> Self {
        let parsed = files.paths().filter_map(|path| {
            let name = path.strip_prefix(TEMPLATES_FOLDER).filter(|name| name.ends_with(".j2"))?;
            let text = files.text(path)?;
            // A template that does not parse did not compile either, so nothing asks for its tree.
            let tree = parse(text, name, template_syntax()).ok()?;
            Some((name, Source { text, tree }))
        });
        Self(parsed.collect())
    }
}

/// A place where a template writes a value.
#[derive(Debug, Clone)]
pub struct Print<'s> {
    /// The part that contains it.
    pub part: Part,
    /// The file, relative to the policy directory.
    pub file: String,
    /// The expression.
    pub place: Place,
    /// The value, as the template names it.
    pub name: String,
    /// The fields whose text it may contain.
    pub sources: Vec<Field<'s>>,
    /// The most characters of it that are written, where the template cuts it.
    pub cut: Option<usize>,
}

/// A loop over lists, or over the members of objects.
#[derive(Debug, Clone)]
pub struct Loop<'s> {
    /// The part that it is in.
    pub part: Part,
    /// What it takes its entries from.
    pub lists: Vec<Field<'s>>,
    /// The most entries that it takes, where the template cuts the list.
    pub cut: Option<usize>,
}

/// What a mail's template does with the payload.
#[derive(Debug, Default)]
pub struct Report<'s> {
    /// The findings about what the schema does not guarantee.
    pub findings: Vec<Diagnostic>,
    /// The parts that show the confirmation link.
    pub links: Vec<Part>,
    /// Every value that it writes.
    pub prints: Vec<Print<'s>>,
    /// Every loop over something of the payload.
    pub loops: Vec<Loop<'s>>,
    /// The fields that the mail uses, by their pointers in the schema.
    pub used: BTreeSet<String>,
}

/// Walks the parts of a mail's template.
pub fn walk<'a>(sources: &'a Sources<'a>, route: &'a Route, mail: &Mail) -> Report<'a> {
    let mut report = Report::default();
    let parts = [Part::Subject, Part::Text].into_iter().chain(mail.template.has_html().then_some(Part::Html));
    for part in parts {
        let name = format!("{}/{}", mail.template.name(), part.file());
        walk::Walk::new(sources, route, mail, part, &mut report).template(&name);
    }
    report.findings.dedup();
    report
}
