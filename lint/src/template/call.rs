//! Calls of macros, blocks and functions.

use std::collections::BTreeMap;
use std::rc::Rc;

use minijinja::machinery::ast;

use super::demand::listed;
use super::value::{Macro, Shape, Value};
use super::walk::Walk;
use crate::field::Types;

impl<'s> Walk<'s, '_> {
    pub(super) fn macro_value(&self, tree: &'s ast::Macro<'s>) -> Value<'s> {
        let of = Macro { file: self.file, tree, scopes: self.scopes.clone() };
        Value::text(tree.name).shaped(Types::OBJECT, Shape::Macro(Rc::new(of)))
    }

    pub(super) fn call(&mut self, call: &'s ast::Spanned<ast::Call<'s>>, caller: Option<Value<'s>>) -> Value<'s> {
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
        // What a block or a macro writes was recorded when it was walked.
        Value::text(self.source_text(span))
    }

    fn run(&mut self, call: &'s ast::Spanned<ast::Call<'s>>, target: Option<Value<'s>>, caller: Option<Value<'s>>) {
        let arguments = self.arguments(&call.args);
        let Some(Shape::Macro(body)) = target.map(|target| target.shape) else {
            return self.undetermined(call.span(), "Call only macros, blocks, `super()`, `caller()` and `range()`.");
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
                (None, Some(default)) => self.evaluate(default),
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

    pub(super) fn arguments(&mut self, arguments: &'s [ast::CallArg<'s>]) -> Vec<(Option<&'s str>, Value<'s>)> {
        let argument = |argument: &'s ast::CallArg<'s>| match argument {
            ast::CallArg::Pos(value) => (None, self.present(value)),
            ast::CallArg::Kwarg(name, value) => (Some(*name), self.present(value)),
            ast::CallArg::PosSplat(value) | ast::CallArg::KwargSplat(value) => {
                self.undetermined(value.span(), "Write the arguments one by one.");
                (None, Value::text("an argument"))
            }
        };
        arguments.iter().map(argument).collect()
    }
}
