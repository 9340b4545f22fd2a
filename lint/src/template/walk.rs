//! The walk over a template's syntax tree, in the order in which it would run.

use std::collections::BTreeMap;
use std::rc::Rc;

use minijinja::machinery::{Span, ast};
use postern::guard::CONFIRMATION_LINK;
use postern::policy::{Diagnostic, Kind, Mail, Markup, Part, Place, Recipients, Route, TABLE, TEMPLATES_FOLDER};
use postern::render::asks;

use super::facts::{Facts, Outcome};
use super::filter::{self, Effect};
use super::link::{Link, SCHEMES};
use super::markup::{Spot, Written};
use super::value::{Macro, Scopes, Shape, Value};
use super::{Print, Report, Sources};
use crate::field::{Field, Types};

/// How deep templates may be nested in one another; a template that includes itself ends here.
const MAX_DEPTH: usize = 16;

/// A block with the file it stands in.
type Block<'s> = (&'s str, &'s ast::Block<'s>);

/// One part of a template, walked for one route.
pub struct Walk<'s, 'r> {
    sources: &'s Sources<'s>,
    schema: &'s str,
    root: Field<'s>,
    part: Part,
    /// Where in the HTML it is; text where the part is none.
    spot: Spot,
    report: &'r mut Report<'s>,
    file: &'s str,
    scopes: Scopes<'s>,
    facts: Facts,
    /// By name, the block of the template itself first, then those of what it extends.
    blocks: BTreeMap<&'s str, Vec<Block<'s>>>,
    /// The blocks that are being walked, with their place in the row above.
    open: Vec<(&'s str, usize)>,
    depth: usize,
    bindings: usize,
}

/// The table of all fields, whose values may say whatever the form was filled in with.
fn table<'s>(root: &Field<'s>) -> Value<'s> {
    let text = |name: &str| Value { sources: vec![root.clone()], ..Value::text(name) };
    let row = BTreeMap::from([("label".to_owned(), text("field.label")), ("value".to_owned(), text("field.value"))]);
    let row = Value::text("field").shaped(Types::OBJECT, Shape::Names(row));
    Value::text(TABLE).shaped(Types::LIST, Shape::List(Box::new(row)))
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

    /// Walks a file, and what it extends.
    pub fn template(&mut self, name: &str) {
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
                // Where a file extends another, its blocks stand where the other has them.
                ast::Stmt::Block(_) if parent.is_some() => {}
                statement => self.statement(statement),
            }
        }
        if let Some(extends) = parent {
            // What stands beside the blocks of such a file is not written.
            self.spot = spot;
            self.named(&extends.name, Self::template);
        }
        self.file = outer;
    }

    /// Walks another file, unless it is not known which or files nest without end.
    fn named(&mut self, name: &'s ast::Expr<'s>, walk: impl FnOnce(&mut Self, &str)) {
        let constant = name.as_const();
        let Some(target) = constant.as_ref().and_then(|name| name.as_str()) else {
            self.unknowable(name.span(), "Write the file's name in quotes.");
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

    fn deeper(&mut self, span: Span, walk: impl FnOnce(&mut Self)) {
        if self.depth == MAX_DEPTH {
            self.error(span, "Templates, blocks and macros are nested without end here.", "Break the circle.");
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let file = format!("{TEMPLATES_FOLDER}{}", self.file);
        self.report.findings.push(Diagnostic::error(&file, place(span), message, help));
    }

    fn unknowable(&mut self, span: Span, help: &str) {
        let text = self.excerpt(span);
        self.error(span, format!("What `{text}` gives cannot be known before a payload comes."), help);
    }

    fn excerpt(&self, span: Span) -> String {
        let text = self.sources.0.get(self.file).map_or("", |source| source.text);
        text.get(span.start_offset as usize..span.end_offset as usize).unwrap_or_default().to_owned()
    }

    fn body(&mut self, statements: &'s [ast::Stmt<'s>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn scoped(&mut self, statements: &'s [ast::Stmt<'s>]) {
        self.scopes.push(BTreeMap::new());
        self.body(statements);
        self.scopes.pop();
    }

    fn bind(&mut self, name: &str, value: Value<'s>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), value);
        }
    }

    fn statement(&mut self, statement: &'s ast::Stmt<'s>) {
        match statement {
            ast::Stmt::Template(_) => {}
            ast::Stmt::EmitRaw(text) => self.raw(text.raw),
            ast::Stmt::EmitExpr(emit) => {
                // What a macro or a block writes is walked where it is written.
                let value = match &emit.expr {
                    ast::Expr::Call(call) => self.call(call, None),
                    expression => self.maybe(expression),
                };
                self.print(&value, emit.expr.span());
            }
            ast::Stmt::ForLoop(each) => self.each(each),
            ast::Stmt::IfCond(condition) => self.condition(condition),
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
                self.take_apart(&set.target, value);
            }
            ast::Stmt::AutoEscape(escape) => {
                let help = "HTML is always escaped; remove {% autoescape %}.";
                self.error(escape.span(), "Escaping may not be changed.", help);
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
                self.take_apart(&import.name, value);
            }
            ast::Stmt::FromImport(import) => self.import_names(import),
            ast::Stmt::Extends(extends) => {
                self.error(extends.span(), "A template extends another as a whole.", "Write {% extends %} first.");
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

    fn macro_value(&self, tree: &'s ast::Macro<'s>) -> Value<'s> {
        let of = Macro { file: self.file, tree, scopes: self.scopes.clone() };
        Value::text(tree.name).shaped(Types::OBJECT, Shape::Macro(Rc::new(of)))
    }

    fn raw(&mut self, text: &str) {
        if self.part == Part::Html {
            self.spot = std::mem::replace(&mut self.spot, Spot::Text).after(text);
        }
    }

    /// What is written while something is walked, as a value: markup, where it holds text of a payload.
    fn captured(&mut self, span: Span, walk: impl FnOnce(&mut Self)) -> Value<'s> {
        let (outer, prints) = (std::mem::replace(&mut self.spot, Spot::Text), self.report.prints.len());
        walk(self);
        let inner = std::mem::replace(&mut self.spot, outer);
        self.needs_meeting(inner, &Spot::Text, span);
        let markup = self.part == Part::Html && self.report.prints.len() > prints;
        Value { markup, ..Value::text("a text") }
    }

    /// The place where two ways meet, which must be one.
    fn needs_meeting(&mut self, one: Spot, other: &Spot, span: Span) -> Spot {
        one.join(other).unwrap_or_else(|| {
            let message = "The HTML is in the middle of a tag or an element at one end of this, and not at the other.";
            self.error(span, message, "Write whole attributes, tags and comments inside it.");
            other.clone()
        })
    }

    /// Looks whether escaping makes a value harmless at its place in the HTML.
    fn written(&mut self, value: &Value<'s>, span: Span) {
        if self.part != Part::Html {
            return;
        }
        let foreign = !value.sources.is_empty() || value.markup;
        let written = Written { foreign, listed: value.is_listed(), markup: value.markup, link: value.link };
        match self.spot.write(written) {
            Ok(spot) => self.spot = spot,
            Err(objection) => {
                let (message, help) = objection.words(&value.name);
                self.error(span, message, help);
            }
        }
    }

    /// Writes a value, if it is something to write.
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

    fn needs_presence(&mut self, value: &Value<'s>, span: Span) -> bool {
        if value.absent {
            let name = &value.name;
            let message = format!("`{name}` may be missing: the schema `{}` does not demand it.", self.schema);
            let help = format!(
                "Use it inside {{% if {name} %}}, give it a default with `{name} | default(\"…\")`, or demand it in the schema."
            );
            self.error(span, message, help);
        }
        !value.absent
    }

    fn needs_text(&mut self, value: &Value<'s>, span: Span) {
        if !self.needs_presence(value, span) {
            return;
        }
        let wrong = value.types.and(Types::LIST.or(Types::OBJECT).or(Types::NULL));
        if value.types.may_be(wrong) {
            let name = &value.name;
            let message = format!("`{name}` may be {}, where a text is needed.", wrong.words());
            let help = if wrong == Types::NULL {
                format!("Use it inside {{% if {name} %}}, or narrow its `type` in the schema.")
            } else {
                "Print one of its members, loop over it with {% for %}, or narrow its `type` in the schema.".to_owned()
            };
            self.error(span, message, help);
        }
    }

    fn needs_number(&mut self, value: &Value<'s>, span: Span) {
        if value.types != Types::NUMBER {
            let wrong = value.types.without(Types::NUMBER).words();
            let message = format!("`{}` may be {wrong}, where a number is needed.", value.name);
            self.error(span, message, "Join texts with `~`; narrow the `type` in the schema.");
        }
    }

    fn each(&mut self, each: &'s ast::ForLoop<'s>) {
        let list = self.maybe(&each.iter);
        if each.recursive {
            self.error(each.iter.span(), "A loop that calls itself cannot be followed.", "Write loops inside loops.");
        }
        if let Shape::Field(field) = &list.shape {
            self.report.loops.push((self.part, field.clone()));
        }
        let item = self.entry(&list, each.iter.span());
        let facts = self.facts.clone();
        self.scopes.push(BTreeMap::new());
        self.take_apart(&each.target, item.clone());
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

    /// An entry of what must be a list.
    fn entry(&mut self, list: &Value<'s>, span: Span) -> Value<'s> {
        if !self.needs_presence(list, span) {
            return Value::text("an entry");
        }
        if list.types != Types::LIST {
            let wrong = list.types.without(Types::LIST).words();
            let message = format!("`{}` may be {wrong}, where a list is needed.", list.name);
            let help = "Demand \"type\": \"array\" in the schema; loop over an object with `| items`.";
            self.error(span, message, help);
            return Value::text("an entry");
        }
        let Some(item) = list.item() else {
            let message = format!("The schema `{}` does not say what an entry of `{}` is.", self.schema, list.name);
            self.error(span, message, "Describe the entries under `items`.");
            return Value::text("an entry");
        };
        item
    }

    fn condition(&mut self, condition: &'s ast::IfCond<'s>) {
        let outcome = self.test(&condition.expr);
        let (facts, scopes) = (self.facts.clone(), self.scopes.clone());
        let before = self.spot.clone();
        self.facts = facts.clone().and(outcome.yes);
        self.body(&condition.true_body);
        let after = std::mem::replace(&mut self.spot, before);
        let chosen = std::mem::replace(&mut self.scopes, scopes.clone());
        self.facts = facts.clone().and(outcome.no);
        self.body(&condition.false_body);
        let otherwise = self.spot.clone();
        self.spot = self.needs_meeting(after, &otherwise, condition.expr.span());
        self.facts = facts;
        let other = std::mem::replace(&mut self.scopes, scopes);
        self.scopes = chosen.into_iter().zip(other).map(|(chosen, other)| joined(chosen, other)).collect();
    }

    fn assign(&mut self, target: &'s ast::Expr<'s>, expression: &'s ast::Expr<'s>) {
        let value = self.maybe(expression);
        self.take_apart(target, value);
    }

    /// Binds a value to a name, or its parts to names.
    fn take_apart(&mut self, target: &'s ast::Expr<'s>, value: Value<'s>) {
        let targets = match target {
            ast::Expr::Var(name) => {
                let value = self.renamed(name.id, value);
                self.bind(name.id, value);
                return;
            }
            ast::Expr::List(list) => &list.items,
            ast::Expr::Tuple(tuple) => &tuple.items,
            target => return self.unknowable(target.span(), "Assign to a plain name."),
        };
        match value.shape {
            Shape::Row(values) if values.len() == targets.len() => {
                for (target, value) in targets.iter().zip(values) {
                    self.take_apart(target, value);
                }
            }
            _ => {
                self.unknowable(target.span(), "Take apart what `items` gives: {% for name, value in object|items %}.");
                for target in targets {
                    if let ast::Expr::Var(name) = target {
                        self.bind(name.id, Value::text(name.id));
                    }
                }
            }
        }
    }

    /// What has no path gets one with its name, so that conditions can speak of it.
    fn renamed(&mut self, name: &str, mut value: Value<'s>) -> Value<'s> {
        if value.path.is_none() {
            self.bindings += 1;
            value.path = Some(format!("#{}", self.bindings));
        }
        value.name = name.to_owned();
        value
    }

    fn block(&mut self, name: &str, depth: usize, span: Span) {
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
    fn import(&mut self, file: &'s ast::Expr<'s>) -> BTreeMap<String, Value<'s>> {
        let blocks = std::mem::take(&mut self.blocks);
        self.scopes.push(BTreeMap::new());
        // What the file would write is not written here.
        self.captured(file.span(), |this| this.named(file, Self::template));
        self.blocks = blocks;
        self.scopes.pop().unwrap_or_default()
    }

    fn import_names(&mut self, import: &'s ast::FromImport<'s>) {
        let names = self.import(&import.expr);
        for (name, alias) in &import.names {
            let ast::Expr::Var(wanted) = name else { continue };
            match names.get(wanted.id) {
                Some(value) => self.take_apart(alias.as_ref().unwrap_or(name), value.clone()),
                None => {
                    let message = format!("The imported file has no `{}`.", wanted.id);
                    self.error(name.span(), message, "Import a macro or a variable that it defines.");
                }
            }
        }
    }

    /// What a condition tells by how it comes out.
    fn test(&mut self, expression: &'s ast::Expr<'s>) -> Outcome {
        match expression {
            ast::Expr::UnaryOp(unary) if matches!(unary.op, ast::UnaryOpKind::Not) => self.test(&unary.expr).not(),
            ast::Expr::BinOp(both) if matches!(both.op, ast::BinOpKind::ScAnd) => {
                let left = self.test(&both.left);
                let right = self.assuming(left.yes.clone(), |this| this.test(&both.right));
                Outcome { yes: left.yes.and(right.yes), no: left.no.or(&right.no) }
            }
            ast::Expr::BinOp(either) if matches!(either.op, ast::BinOpKind::ScOr) => {
                let left = self.test(&either.left);
                let right = self.assuming(left.no.clone(), |this| this.test(&either.right));
                Outcome { yes: left.yes.or(&right.yes), no: left.no.and(right.no) }
            }
            ast::Expr::Test(test) => self.named_test(test),
            expression => {
                let value = self.maybe(expression);
                let types = value.types.without(Types::NULL);
                Outcome { yes: Facts::one(value.path.as_deref(), true, types), no: Facts::default() }
            }
        }
    }

    fn assuming<T>(&mut self, facts: Facts, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.facts);
        self.facts = outer.clone().and(facts);
        let done = work(self);
        self.facts = outer;
        done
    }

    fn named_test(&mut self, test: &'s ast::Test<'s>) -> Outcome {
        let value = self.maybe(&test.expr);
        self.arguments(&test.args);
        let path = value.path.as_deref();
        let is = |types: Types| Outcome {
            yes: Facts::one(path, true, value.types.and(types)),
            no: Facts::one(path, false, value.types.without(types)),
        };
        match test.name {
            "defined" => Outcome { yes: Facts::one(path, true, Types::ALL), no: Facts::default() },
            "undefined" => Outcome { yes: Facts::default(), no: Facts::one(path, true, Types::ALL) },
            "none" => is(Types::NULL),
            "string" => is(Types::TEXT),
            "number" => is(Types::NUMBER),
            "boolean" => is(Types::BOOLEAN),
            "sequence" => is(Types::LIST),
            "mapping" => is(Types::OBJECT),
            "startingwith" => {
                self.needs_presence(&value, test.expr.span());
                let start = match test.args.first() {
                    Some(ast::CallArg::Pos(start)) => start.as_const(),
                    _ => None,
                };
                let harmless = start.is_some_and(|start| start.as_str().is_some_and(|start| SCHEMES.contains(&start)));
                let yes = if harmless { Facts::link(path) } else { Facts::default() };
                Outcome { yes, no: Facts::default() }
            }
            "true" | "false" => Outcome { yes: Facts::one(path, true, Types::BOOLEAN), no: Facts::default() },
            _ => {
                self.needs_presence(&value, test.expr.span());
                Outcome::default()
            }
        }
    }

    /// A value that must be there.
    fn present(&mut self, expression: &'s ast::Expr<'s>) -> Value<'s> {
        let value = self.maybe(expression);
        self.needs_presence(&value, expression.span());
        Value { absent: false, ..value }
    }

    /// A value that may be missing.
    fn maybe(&mut self, expression: &'s ast::Expr<'s>) -> Value<'s> {
        let span = expression.span();
        match expression {
            ast::Expr::Var(name) => self.variable(name.id, span),
            ast::Expr::Const(constant) => constant_value(&constant.value),
            ast::Expr::Slice(slice) => self.slice(slice),
            ast::Expr::UnaryOp(unary) => match unary.op {
                ast::UnaryOpKind::Not => {
                    self.test(&unary.expr);
                    Value::computed("a truth value", Types::BOOLEAN, [])
                }
                ast::UnaryOpKind::Neg => {
                    let value = self.present(&unary.expr);
                    Value::computed(self.excerpt(span), Types::NUMBER, [value])
                }
            },
            ast::Expr::BinOp(operation) => self.operation(operation),
            ast::Expr::Compare(compare) => {
                self.present(&compare.expr);
                for operand in &compare.ops {
                    self.present(&operand.expr);
                }
                Value::computed("a truth value", Types::BOOLEAN, [])
            }
            ast::Expr::IfExpr(choice) => {
                let outcome = self.test(&choice.test_expr);
                let yes = self.assuming(outcome.yes, |this| this.maybe(&choice.true_expr));
                // Without `else` the other outcome prints nothing.
                let no = choice.false_expr.as_ref().map_or(constant_value(&minijinja::Value::from("")), |other| {
                    self.assuming(outcome.no, |this| this.maybe(other))
                });
                yes.either(no)
            }
            ast::Expr::Filter(filter) => {
                let value = filter.expr.as_ref().map_or(Value::text("a text"), |expression| self.maybe(expression));
                self.filter(filter, value)
            }
            ast::Expr::Test(test) => {
                self.named_test(test);
                Value::computed("a truth value", Types::BOOLEAN, [])
            }
            ast::Expr::GetAttr(get) => {
                let value = self.present(&get.expr);
                self.member(value, get.name, span)
            }
            ast::Expr::GetItem(get) => self.item(get),
            ast::Expr::Call(call) => {
                let mut value = None;
                let text = self.captured(span, |this| value = Some(this.call(call, None)));
                // What a function gives is a value, what a macro or a block writes is markup.
                value.filter(|value| value.types != Types::TEXT).unwrap_or(text)
            }
            ast::Expr::List(list) => self.list(&list.items, span),
            ast::Expr::Tuple(tuple) => {
                let row: Vec<_> = tuple.items.iter().map(|item| self.maybe(item)).collect();
                Value::computed(self.excerpt(span), Types::LIST, row.clone()).shaped(Types::LIST, Shape::Row(row))
            }
            ast::Expr::Map(map) => {
                let values: Vec<_> = map.keys.iter().chain(&map.values).map(|item| self.present(item)).collect();
                Value::computed(self.excerpt(span), Types::OBJECT, values)
            }
        }
    }

    fn variable(&mut self, name: &str, span: Span) -> Value<'s> {
        if let Some(value) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            let value = value.clone();
            if value.name == TABLE {
                self.report.used.extend(
                    self.root
                        .names()
                        .filter_map(|name| self.root.property(name).map(|(member, _)| member.pointer().to_owned())),
                );
            }
            return self.refined(value);
        }
        let root = Value {
            absent: false,
            ..Value::field("the payload".to_owned(), Some(String::new()), self.root.clone(), true)
        };
        self.member(root, name, span)
    }

    fn refined(&self, mut value: Value<'s>) -> Value<'s> {
        if let Some(fact) = value.path.as_deref().and_then(|path| self.facts.get(path)) {
            value.absent &= !fact.present;
            value.types = value.types.and(fact.types);
            if fact.link {
                value.link = Link::Proven;
            }
        }
        value
    }

    fn member(&mut self, of: Value<'s>, name: &str, span: Span) -> Value<'s> {
        match &of.shape {
            Shape::Names(names) => {
                if let Some(value) = names.get(name) {
                    let value = value.clone();
                    return self.refined(value);
                }
                self.error(span, format!("`{}` has no `{name}`.", of.name), "Check the name.");
                Value::text(name)
            }
            Shape::Field(field) if of.types == Types::OBJECT => {
                let root = of.path.as_deref() == Some("");
                let full = if root { name.to_owned() } else { format!("{}.{name}", of.name) };
                let Some((member, required)) = field.property(name) else {
                    let message = format!("The schema `{}` has no field `{full}`.", self.schema);
                    let help = format!("Correct the name, or add it to `properties` in schemas/{}.json.", self.schema);
                    self.error(span, message, help);
                    return Value::text(full);
                };
                self.report.used.insert(member.pointer().to_owned());
                // No name in a payload has this character in a template, so no two paths are the same by accident.
                let path = of.path.as_ref().map(|path| format!("{path}\u{1f}{name}"));
                self.refined(Value::field(full, path, member, required))
            }
            Shape::Field(_) => {
                let wrong = of.types.without(Types::OBJECT).words();
                let message = format!("`{}` may be {wrong}, where an object is needed.", of.name);
                self.error(span, message, "Demand \"type\": \"object\" in the schema.");
                Value::text(name)
            }
            _ => {
                self.unknowable(span, "Take members of the payload's own objects.");
                Value::text(name)
            }
        }
    }

    fn item(&mut self, get: &'s ast::Spanned<ast::GetItem<'s>>) -> Value<'s> {
        let value = self.present(&get.expr);
        let index = get.subscript_expr.as_const();
        match index {
            Some(name) if name.as_str().is_some() => self.member(value, name.as_str().unwrap_or_default(), get.span()),
            Some(_) => {
                let item = self.entry(&value, get.expr.span());
                Value { absent: true, name: self.excerpt(get.span()), ..item }
            }
            None => {
                self.unknowable(get.span(), "Write the member's name, or loop with {% for %}.");
                Value::text("an entry")
            }
        }
    }

    fn slice(&mut self, slice: &'s ast::Spanned<ast::Slice<'s>>) -> Value<'s> {
        let value = self.present(&slice.expr);
        for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
            self.present(bound);
        }
        let wrong = value.types.without(Types::TEXT.or(Types::LIST));
        if value.types.may_be(wrong) {
            let message = format!("`{}` may be {}, which cannot be cut.", value.name, wrong.words());
            self.error(slice.span(), message, "Cut texts and lists; narrow the `type` in the schema.");
        }
        let end = slice.stop.as_ref().and_then(ast::Expr::as_const).and_then(|stop| i64::try_from(stop).ok());
        let from_start = slice.start.is_none() && slice.step.is_none();
        let link = if from_start { value.link } else { Link::Unproven };
        Value { cut: value.cut || end.is_some_and(|end| end >= 0), path: None, link, ..value }
    }

    fn operation(&mut self, operation: &'s ast::Spanned<ast::BinOp<'s>>) -> Value<'s> {
        let name = self.excerpt(operation.span());
        match operation.op {
            ast::BinOpKind::ScOr => {
                let outcome = self.test(&operation.left);
                let left = self.assuming(outcome.yes, |this| this.maybe(&operation.left));
                let right = self.assuming(outcome.no, |this| this.maybe(&operation.right));
                left.either(right)
            }
            ast::BinOpKind::ScAnd => {
                let outcome = self.test(&operation.left);
                let left = self.maybe(&operation.left);
                let right = self.assuming(outcome.yes, |this| this.maybe(&operation.right));
                left.either(right)
            }
            ast::BinOpKind::Concat => {
                let left = self.maybe(&operation.left);
                self.needs_text(&left, operation.left.span());
                let right = self.maybe(&operation.right);
                self.needs_text(&right, operation.right.span());
                let cut = [&left, &right].into_iter().all(|value| value.cut || value.sources.is_empty());
                let link = if left.link == Link::Proven { Link::Proven } else { Link::Unproven };
                Value { cut, link, ..Value::computed(name, Types::TEXT, [left, right]) }
            }
            ast::BinOpKind::Eq
            | ast::BinOpKind::Ne
            | ast::BinOpKind::Lt
            | ast::BinOpKind::Lte
            | ast::BinOpKind::Gt
            | ast::BinOpKind::Gte
            | ast::BinOpKind::In => {
                self.present(&operation.left);
                self.present(&operation.right);
                Value::computed("a truth value", Types::BOOLEAN, [])
            }
            _ => {
                let values = [&operation.left, &operation.right].map(|operand| {
                    let value = self.present(operand);
                    self.needs_number(&value, operand.span());
                    value
                });
                Value::computed(name, Types::NUMBER, values)
            }
        }
    }

    fn list(&mut self, items: &'s [ast::Expr<'s>], span: Span) -> Value<'s> {
        let values: Vec<_> = items.iter().map(|item| self.present(item)).collect();
        let item = values.clone().into_iter().reduce(Value::either).unwrap_or_else(|| Value::text("an entry"));
        Value::computed(self.excerpt(span), Types::LIST, values).shaped(Types::LIST, Shape::List(Box::new(item)))
    }

    fn arguments(&mut self, arguments: &'s [ast::CallArg<'s>]) -> Vec<(Option<&'s str>, Value<'s>)> {
        let argument = |argument: &'s ast::CallArg<'s>| match argument {
            ast::CallArg::Pos(value) => (None, self.present(value)),
            ast::CallArg::Kwarg(name, value) => (Some(*name), self.present(value)),
            ast::CallArg::PosSplat(value) | ast::CallArg::KwargSplat(value) => {
                self.unknowable(value.span(), "Write the arguments one by one.");
                (None, Value::text("an argument"))
            }
        };
        arguments.iter().map(argument).collect()
    }

    /// A filter that stands alone, as in `{% filter upper %}`.
    fn filtered(&mut self, filter: &'s ast::Expr<'s>, value: Value<'s>) -> Value<'s> {
        match filter {
            ast::Expr::Filter(filter) => {
                let value = match &filter.expr {
                    Some(inner) => self.filtered(inner, value),
                    None => value,
                };
                self.filter(filter, value)
            }
            _ => value,
        }
    }

    fn filter(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, value: Value<'s>) -> Value<'s> {
        let span = filter.span();
        let arguments: Vec<_> = self.arguments(&filter.args).into_iter().map(|(_, value)| value).collect();
        let Some(effect) = filter::effect(filter.name) else {
            let message = format!("What the filter `{}` gives cannot be known before a payload comes.", filter.name);
            self.error(span, message, "docs/policy.md lists the filters that can be followed; loops do the rest.");
            return Value::text("a text");
        };
        if effect != Effect::Default && !self.needs_presence(&value, span) {
            return Value::text(value.name);
        }
        let name = value.name.clone();
        match effect {
            Effect::Text | Effect::Number | Effect::Split => {
                self.needs_text(&value, span);
                self.needs_escapes_kept(filter, &arguments);
                let types = if effect == Effect::Number { Types::NUMBER } else { Types::TEXT };
                let cut = value.cut && arguments.iter().all(|argument| argument.sources.is_empty());
                let text = Value { cut, ..Value::computed(name, types, std::iter::once(value).chain(arguments)) };
                if effect == Effect::Split { listed(text) } else { text }
            }
            Effect::Time => {
                self.needs_number(&value, span);
                Value::computed(name, Types::TEXT, [value])
            }
            Effect::Count => Value::computed(name, Types::NUMBER, []),
            Effect::Truth => Value::computed(name, Types::BOOLEAN, []),
            Effect::Entries | Effect::Selected => {
                let item = self.entry(&value, span);
                if effect == Effect::Selected {
                    self.attribute(filter, &item);
                }
                let cut = value.cut;
                Value {
                    cut,
                    ..listed(Value::computed(name, item.types, [item.clone()]).shaped(item.types, item.shape))
                }
            }
            Effect::Entry => {
                let item = self.entry(&value, span);
                Value { absent: !value.is_filled(), name: format!("{name}|{}", filter.name), path: None, ..item }
            }
            Effect::Join => {
                let item = self.entry(&value, span);
                self.needs_text(&item, span);
                Value::computed(name, Types::TEXT, std::iter::once(item).chain(arguments))
            }
            Effect::Pairs => self.pairs(&value, span),
            Effect::Default => {
                let given = Value { absent: false, ..value };
                match arguments.into_iter().next() {
                    Some(other) => Value { name, ..given.either(other) },
                    None => given.either(constant_value(&minijinja::Value::from(""))),
                }
            }
            Effect::Whole => Value::computed(name, Types::TEXT, [value]),
            Effect::Raw => {
                if !value.sources.is_empty() {
                    let message = format!("`{name}` comes from a payload and would be taken for markup.");
                    self.error(span, message, "Remove `| safe`: HTML is escaped so that nobody writes it for you.");
                }
                Value { markup: true, ..value }
            }
        }
    }

    /// Markup may take the place of signs that escaping leaves alone, such as line breaks; in the place of others it
    /// could undo what escaping did.
    fn needs_escapes_kept(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, arguments: &[Value<'s>]) {
        if filter.name != "replace" || !arguments.iter().any(|argument| argument.markup) {
            return;
        }
        let replaced = match filter.args.first() {
            Some(ast::CallArg::Pos(replaced)) => replaced.as_const(),
            _ => None,
        };
        let of_escapes = |character: char| character.is_alphanumeric() || "&#;".contains(character);
        let kept = replaced.is_some_and(|text| text.as_str().is_some_and(|text| !text.contains(of_escapes)));
        if !kept {
            let message = "Markup in the place of these signs could undo the escaping of a value.";
            self.error(
                filter.span(),
                message,
                "Replace line breaks or single signs, but no `&`, `#`, `;`, letter or digit.",
            );
        }
    }

    /// The member of a list's entries that a filter names in its first argument.
    fn attribute(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, item: &Value<'s>) {
        let named = match filter.args.first() {
            Some(ast::CallArg::Pos(name)) => name.as_const(),
            _ => None,
        };
        match named.as_ref().and_then(|name| name.as_str()) {
            Some(name) if !name.contains('.') => {
                self.member(item.clone(), name, filter.span());
            }
            _ => self.unknowable(filter.span(), "Write the name of a member in quotes, without dots."),
        }
    }

    fn pairs(&mut self, object: &Value<'s>, span: Span) -> Value<'s> {
        let member = match &object.shape {
            Shape::Field(field) if object.types == Types::OBJECT => field.member(),
            _ => None,
        };
        let Some(member) = member else {
            let message = format!("The schema `{}` does not say what a member of `{}` is.", self.schema, object.name);
            self.error(span, message, "Describe it under `additionalProperties`, without `properties`.");
            let row = vec![Value::text("a name"), Value::text("a member")];
            return listed(Value::text("a member").shaped(Types::LIST, Shape::Row(row)));
        };
        let name = Value::computed("a name", Types::TEXT, [object.clone()]);
        let value = Value::field(format!("a member of {}", object.name), None, member, true);
        let row = Value::computed("a member", Types::LIST, [object.clone()]);
        listed(row.shaped(Types::LIST, Shape::Row(vec![name, value])))
    }

    fn call(&mut self, call: &'s ast::Spanned<ast::Call<'s>>, caller: Option<Value<'s>>) -> Value<'s> {
        let span = call.span();
        match call.identify_call() {
            ast::CallType::Block(name) => self.block(name, 0, span),
            ast::CallType::Function("super") => {
                let open = self.open.last().copied();
                match open {
                    Some((name, depth)) => self.block(name, depth + 1, span),
                    None => self.error(span, "Only a block has a parent.", "Use `super()` inside {% block %}."),
                }
            }
            ast::CallType::Function("range") => {
                let numbers = self.arguments(&call.args).into_iter().map(|(_, value)| value);
                return listed(Value::computed("a number", Types::NUMBER, numbers.collect::<Vec<_>>()));
            }
            ast::CallType::Function(name) => {
                let target = self.scopes.iter().rev().find_map(|scope| scope.get(name)).cloned();
                self.run(call, target, caller);
            }
            ast::CallType::Method(of, name) => {
                let of = self.present(of);
                let target = match &of.shape {
                    Shape::Names(names) => names.get(name).cloned(),
                    _ => None,
                };
                self.run(call, target, caller);
            }
            ast::CallType::Object(_) => self.run(call, None, None),
        }
        // What a block or a macro writes was noted while it was walked.
        Value::text(self.excerpt(span))
    }

    fn run(&mut self, call: &'s ast::Spanned<ast::Call<'s>>, target: Option<Value<'s>>, caller: Option<Value<'s>>) {
        let arguments = self.arguments(&call.args);
        let Some(Shape::Macro(body)) = target.map(|target| target.shape) else {
            return self.unknowable(call.span(), "Call macros, blocks, `super()`, `caller()` and `range()` alone.");
        };
        self.deeper(call.span(), |this| this.macro_body(&body, arguments, caller));
    }

    fn macro_body(
        &mut self,
        body: &Macro<'s>,
        arguments: Vec<(Option<&'s str>, Value<'s>)>,
        caller: Option<Value<'s>>,
    ) {
        let scopes = std::mem::replace(&mut self.scopes, body.scopes.clone());
        let file = std::mem::replace(&mut self.file, body.file);
        self.scopes.push(BTreeMap::new());
        let first_default = body.tree.args.len().saturating_sub(body.tree.defaults.len());
        for (index, target) in body.tree.args.iter().enumerate() {
            let ast::Expr::Var(name) = target else { continue };
            let named = arguments.iter().find(|(argument, _)| *argument == Some(name.id));
            let given = named.or_else(|| arguments.iter().filter(|(name, _)| name.is_none()).nth(index));
            let default = index.checked_sub(first_default).and_then(|index| body.tree.defaults.get(index));
            let value = match (given, default) {
                (Some((_, value)), _) => value.clone(),
                (None, Some(default)) => self.maybe(default),
                (None, None) => Value { absent: true, ..Value::text(name.id) },
            };
            let value = self.renamed(name.id, value);
            self.bind(name.id, value);
        }
        if let Some(caller) = caller {
            self.bind("caller", caller);
        }
        self.body(&body.tree.body);
        self.file = file;
        self.scopes = scopes;
    }
}

fn place(span: Span) -> Place {
    Place::Span(span.start_offset as usize..span.end_offset as usize)
}

fn listed(item: Value<'_>) -> Value<'_> {
    let list = Value::computed(item.name.clone(), Types::LIST, [item.clone()]);
    list.shaped(Types::LIST, Shape::List(Box::new(item)))
}

fn constant_value<'s>(constant: &minijinja::Value) -> Value<'s> {
    use minijinja::value::ValueKind;
    let types = match constant.kind() {
        ValueKind::None | ValueKind::Undefined => Types::NULL,
        ValueKind::Bool => Types::BOOLEAN,
        ValueKind::Number => Types::NUMBER,
        ValueKind::String => Types::TEXT,
        _ => Types::LIST.or(Types::OBJECT),
    };
    let link = constant.as_str().map_or(Link::Unproven, Link::of_text);
    Value { link, ..Value::computed(constant.to_string(), types, []) }
}

/// What `loop` offers inside a loop.
fn loop_value<'s>(item: &Value<'s>, binding: usize) -> Value<'s> {
    let number = |name: &str| (name.to_owned(), Value::computed(name, Types::NUMBER, []));
    let truth = |name: &str| (name.to_owned(), Value::computed(name, Types::BOOLEAN, []));
    let other = |name: &str| {
        let path = Some(format!("#{binding}.{name}"));
        (name.to_owned(), Value { absent: true, name: format!("loop.{name}"), path, ..item.clone() })
    };
    let numbers = ["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"].map(number);
    let truths = ["first", "last"].map(truth);
    let others = ["previtem", "nextitem"].map(other);
    let names = numbers.into_iter().chain(truths).chain(others).collect();
    Value::text("loop").shaped(Types::OBJECT, Shape::Names(names))
}

/// What two branches leave behind: a name that one of them does not set may be missing.
fn joined<'s>(
    chosen: BTreeMap<String, Value<'s>>,
    mut other: BTreeMap<String, Value<'s>>,
) -> BTreeMap<String, Value<'s>> {
    let mut names = BTreeMap::new();
    for (name, value) in chosen {
        let value = match other.remove(&name) {
            Some(other) => value.either(other),
            None => Value { absent: true, ..value },
        };
        names.insert(name, value);
    }
    names.extend(other.into_iter().map(|(name, value)| (name, Value { absent: true, ..value })));
    names
}

/// Finds the blocks of a file, wherever they stand in it.
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
            ast::Stmt::FilterBlock(block) => vec![&block.body],
            _ => Vec::new(),
        };
        bodies.into_iter().for_each(|body| collect(file, body, blocks));
    }
}
