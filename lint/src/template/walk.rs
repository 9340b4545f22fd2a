//! The walk over a template's syntax tree, in the order in which it would run.

use std::collections::BTreeMap;

use minijinja::machinery::{Span, ast};
use postern::policy::{CONFIRMATION_LINK, Kind, Mail, Part, Recipients, Route, TABLE, TEMPLATES_FOLDER};
use postern::render::asks;

use super::demand::place;
use super::facts::Facts;
use super::file::Block;
use super::link::Link;
use super::markup::Spot;
use super::scope::{loop_value, table};
use super::value::{Scopes, Shape, Value};
use super::{Loop, Print, Report, Sources};
use crate::field::{Field, Types};

/// One part of a template, walked for one route.
pub struct Walk<'s, 'r> {
    pub(super) sources: &'s Sources<'s>,
    pub(super) schema: &'s str,
    pub(super) root: Field<'s>,
    pub(super) part: Part,
    /// The place in the HTML; text if the part is not HTML.
    pub(super) spot: Spot,
    pub(super) report: &'r mut Report<'s>,
    pub(super) file: &'s str,
    pub(super) scopes: Scopes<'s>,
    pub(super) facts: Facts,
    /// By name, the template's own block first, then those of the files that it extends.
    pub(super) blocks: BTreeMap<&'s str, Vec<Block<'s>>>,
    /// The blocks that are being walked, with their position in that list.
    pub(super) open: Vec<(&'s str, usize)>,
    pub(super) depth: usize,
    pub(super) bindings: usize,
}

impl<'s, 'r> Walk<'s, 'r> {
    pub fn new(
        sources: &'s Sources<'s>,
        route: &'s Route,
        mail: &Mail,
        part: Part,
        report: &'r mut Report<'s>,
    ) -> Self {
        let root = Field::root(route.schema.document());
        let shown = route.kind == Kind::Form && matches!(mail.to, Recipients::Fixed(_));
        let table = shown.then(|| (TABLE.to_owned(), table(&root)));
        let link = asks(route, mail)
            .then(|| (CONFIRMATION_LINK.to_owned(), Value { link: Link::Proven, ..Value::text(CONFIRMATION_LINK) }));
        Self {
            sources,
            schema: &route.schema_name,
            root,
            part,
            spot: Spot::Text,
            report,
            file: "",
            scopes: vec![table.into_iter().chain(link).collect()],
            facts: Facts::default(),
            blocks: BTreeMap::new(),
            open: Vec::new(),
            depth: 0,
            bindings: 0,
        }
    }

    pub(super) fn body(&mut self, statements: &'s [ast::Stmt<'s>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    pub(super) fn statement(&mut self, statement: &'s ast::Stmt<'s>) {
        match statement {
            ast::Stmt::Template(_) => {}
            ast::Stmt::EmitRaw(text) => self.raw(text.raw),
            ast::Stmt::EmitExpr(emit) => {
                // What a macro or a block writes is checked where it is written.
                let value = match &emit.expr {
                    ast::Expr::Call(call) => self.call(call, None),
                    expression => self.evaluate(expression),
                };
                self.print(&value, emit.expr.span());
            }
            ast::Stmt::ForLoop(each) => self.for_loop(each),
            ast::Stmt::IfCond(condition) => self.branch(condition),
            ast::Stmt::WithBlock(with) => {
                self.scopes.push(BTreeMap::new());
                for (target, expression) in &with.assignments {
                    self.assign(target, expression);
                }
                self.body(&with.body);
                self.scopes.pop();
            }
            ast::Stmt::Set(set) => self.assign(&set.target, &set.expr),
            ast::Stmt::SetBlock(set) => {
                let text = self.captured(set.span(), |this| this.scoped(&set.body));
                let value = set.filter.as_ref().map_or(text.clone(), |filter| self.filtered(filter, text));
                self.unpack(&set.target, value);
            }
            ast::Stmt::AutoEscape(escape) => {
                let help = "HTML is always escaped; remove {% autoescape %}.";
                self.error(escape.span(), "Templates may not change escaping.", help);
                self.scoped(&escape.body);
            }
            ast::Stmt::FilterBlock(block) => {
                let text = self.captured(block.span(), |this| this.scoped(&block.body));
                let value = self.filtered(&block.filter, text);
                self.written(&value, block.span());
            }
            ast::Stmt::Block(block) => self.block(block.name, 0, block.span()),
            ast::Stmt::Import(import) => {
                let names = self.import(&import.expr);
                let value = Value::text("an import").shaped(Types::OBJECT, Shape::Names(names));
                self.unpack(&import.name, value);
            }
            ast::Stmt::FromImport(import) => self.import_names(import),
            ast::Stmt::Extends(extends) => {
                self.error(extends.span(), "`{% extends %}` must come first.", "Move it to the top of the file.");
            }
            ast::Stmt::Include(include) => {
                let blocks = std::mem::take(&mut self.blocks);
                self.scopes.push(BTreeMap::new());
                self.named(&include.name, Self::template);
                self.scopes.pop();
                self.blocks = blocks;
            }
            ast::Stmt::Macro(tree) => {
                let value = self.macro_value(tree);
                let value = self.renamed(tree.name, value);
                self.bind(tree.name, value);
            }
            ast::Stmt::CallBlock(block) => {
                let caller = self.macro_value(&block.macro_decl);
                self.call(&block.call, Some(caller));
            }
            ast::Stmt::Do(run) => {
                self.captured(run.span(), |this| drop(this.call(&run.call, None)));
            }
        }
    }

    /// Writes a value, if it writes anything.
    fn print(&mut self, value: &Value<'s>, span: Span) {
        self.needs_text(value, span);
        self.written(value, span);
        if value.name == CONFIRMATION_LINK {
            self.report.links.push(self.part);
        }
        if !value.sources.is_empty() {
            self.report.prints.push(Print {
                part: self.part,
                file: format!("{TEMPLATES_FOLDER}{}", self.file),
                place: place(span),
                name: value.name.clone(),
                sources: value.sources.clone(),
                cut: value.cut,
            });
        }
    }

    fn for_loop(&mut self, each: &'s ast::ForLoop<'s>) {
        let list = self.evaluate(&each.iter);
        if each.recursive {
            self.error(each.iter.span(), "Recursive loops cannot be checked.", "Nest plain loops instead.");
        }
        let lists: Vec<_> = list.sources.iter().filter(|field| field.is_container()).cloned().collect();
        if !lists.is_empty() {
            self.report.loops.push(Loop { part: self.part, lists, cut: list.cut });
        }
        let item = self.entry(&list, each.iter.span());
        let facts = self.facts.clone();
        self.scopes.push(BTreeMap::new());
        self.unpack(&each.target, item.clone());
        self.bindings += 1;
        self.bind("loop", loop_value(&item, self.bindings));
        if let Some(filter) = &each.filter_expr {
            let outcome = self.test(filter);
            self.facts = self.facts.clone().and(outcome.yes);
        }
        let before = self.spot.clone();
        self.body(&each.body);
        self.scopes.pop();
        self.facts = facts;
        let looped = std::mem::replace(&mut self.spot, before.clone());
        let looped = self.needs_meeting(looped, &before, each.iter.span());
        self.scoped(&each.else_body);
        let other = self.spot.clone();
        self.spot = self.needs_meeting(looped, &other, each.iter.span());
    }
}
