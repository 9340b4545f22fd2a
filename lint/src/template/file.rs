//! Files and blocks: what a template extends, includes and imports.

use std::collections::BTreeMap;

use minijinja::machinery::{Span, ast};
use postern::policy::Markup;

use super::value::Value;
use super::walk::Walk;

/// How deep files may include each other; this ends the walk of a template that includes itself.
const MAX_DEPTH: usize = 16;

/// A block with the file that contains it.
pub(super) type Block<'s> = (&'s str, &'s ast::Block<'s>);

impl<'s> Walk<'s, '_> {
    /// Walks a file, and the one that it extends.
    pub(super) fn template(&mut self, name: &str) {
        let Some((file, source)) = self.sources.0.get_key_value(name) else { return };
        let ast::Stmt::Template(tree) = &source.tree else { return };
        let outer = std::mem::replace(&mut self.file, file);
        collect(file, &tree.children, &mut self.blocks);
        let parent = tree.children.iter().find_map(|statement| match statement {
            ast::Stmt::Extends(extends) => Some(extends),
            _ => None,
        });
        let spot = self.spot.clone();
        for statement in &tree.children {
            match statement {
                ast::Stmt::Extends(_) => {}
                // If a file extends another, its blocks replace the other's.
                ast::Stmt::Block(_) if parent.is_some() => {}
                statement => self.statement(statement),
            }
        }
        if let Some(extends) = parent {
            // In such a file, text outside the blocks is not written.
            self.spot = spot;
            self.named(&extends.name, Self::template);
        }
        self.file = outer;
    }

    /// Walks another file, unless its name is not constant or files include each other without end.
    pub(super) fn named(&mut self, name: &'s ast::Expr<'s>, walk: impl FnOnce(&mut Self, &str)) {
        let constant = name.as_const();
        let Some(target) = constant.as_ref().and_then(|name| name.as_str()) else {
            self.undetermined(name.span(), "Write the file's name in quotes.");
            return;
        };
        if !self.sources.0.contains_key(target) {
            let message = format!("There is no templates/{target}.");
            self.error(name.span(), message, "Layouts are named _NAME.txt.j2 or _NAME.html.j2.");
            return;
        }
        if Markup::of(target).is_some_and(|markup| markup != self.part.markup()) {
            // The policy does not load; its finding says why.
            return;
        }
        self.deeper(name.span(), |this| walk(this, target));
    }

    pub(super) fn deeper(&mut self, span: Span, walk: impl FnOnce(&mut Self)) {
        if self.depth == MAX_DEPTH {
            self.error(span, "Templates, blocks or macros use each other in a cycle here.", "Break the cycle.");
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    pub(super) fn block(&mut self, name: &str, depth: usize, span: Span) {
        let found = self.blocks.get_key_value(name).and_then(|(name, row)| Some((*name, *row.get(depth)?)));
        let Some((name, (file, tree))) = found else {
            self.error(span, format!("There is no block `{name}` to print here."), "Check the block's name.");
            return;
        };
        self.deeper(span, |this| {
            let outer = std::mem::replace(&mut this.file, file);
            this.open.push((name, depth));
            this.scoped(&tree.body);
            this.open.pop();
            this.file = outer;
        });
    }

    /// The names that a file defines.
    pub(super) fn import(&mut self, file: &'s ast::Expr<'s>) -> BTreeMap<String, Value<'s>> {
        let blocks = std::mem::take(&mut self.blocks);
        self.scopes.push(BTreeMap::new());
        // What the file would write is not written here.
        self.captured(file.span(), |this| this.named(file, Self::template));
        self.blocks = blocks;
        self.scopes.pop().unwrap_or_default()
    }

    pub(super) fn import_names(&mut self, import: &'s ast::FromImport<'s>) {
        let names = self.import(&import.expr);
        for (name, alias) in &import.names {
            let ast::Expr::Var(wanted) = name else { continue };
            match names.get(wanted.id) {
                Some(value) => self.unpack(alias.as_ref().unwrap_or(name), value.clone()),
                None => {
                    let message = format!("The imported file has no `{}`.", wanted.id);
                    self.error(name.span(), message, "Import a macro or a variable that it defines.");
                }
            }
        }
    }
}

/// Finds the blocks of a file, wherever they are in it.
fn collect<'s>(file: &'s str, statements: &'s [ast::Stmt<'s>], blocks: &mut BTreeMap<&'s str, Vec<Block<'s>>>) {
    for statement in statements {
        let bodies: Vec<&'s [ast::Stmt<'s>]> = match statement {
            ast::Stmt::Block(block) => {
                blocks.entry(block.name).or_default().push((file, block));
                vec![&block.body]
            }
            ast::Stmt::IfCond(condition) => vec![&condition.true_body, &condition.false_body],
            ast::Stmt::ForLoop(each) => vec![&each.body, &each.else_body],
            ast::Stmt::WithBlock(with) => vec![&with.body],
            ast::Stmt::SetBlock(set) => vec![&set.body],
            ast::Stmt::AutoEscape(escape) => vec![&escape.body],
            ast::Stmt::FilterBlock(block) => vec![&block.body],
            _ => Vec::new(),
        };
        bodies.into_iter().for_each(|body| collect(file, body, blocks));
    }
}
