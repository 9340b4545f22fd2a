//! The names that are bound at a place in a template, and their values.

use std::collections::BTreeMap;

use minijinja::machinery::ast;
use postern::policy::TABLE;

use super::value::{Shape, Value};
use super::walk::Walk;
use crate::field::{Field, Types};

impl<'s> Walk<'s, '_> {
    pub(super) fn scoped(&mut self, statements: &'s [ast::Stmt<'s>]) {
        self.scopes.push(BTreeMap::new());
        self.body(statements);
        self.scopes.pop();
    }

    pub(super) fn bind(&mut self, name: &str, value: Value<'s>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), value);
        }
    }

    pub(super) fn assign(&mut self, target: &'s ast::Expr<'s>, expression: &'s ast::Expr<'s>) {
        let value = self.evaluate(expression);
        self.unpack(target, value);
    }

    /// Binds a value to a name, or its parts to names.
    pub(super) fn unpack(&mut self, target: &'s ast::Expr<'s>, value: Value<'s>) {
        let targets = match target {
            ast::Expr::Var(name) => {
                let value = self.renamed(name.id, value);
                self.bind(name.id, value);
                return;
            }
            ast::Expr::List(list) => &list.items,
            ast::Expr::Tuple(tuple) => &tuple.items,
            target => return self.undetermined(target.span(), "Assign to a plain name."),
        };
        match value.shape {
            Shape::Row(values) if values.len() == targets.len() => {
                for (target, value) in targets.iter().zip(values) {
                    self.unpack(target, value);
                }
            }
            _ => {
                self.undetermined(
                    target.span(),
                    "Unpack only what `items` gives: {% for name, value in object|items %}.",
                );
                for target in targets {
                    if let ast::Expr::Var(name) = target {
                        self.bind(name.id, Value::text(name.id));
                    }
                }
            }
        }
    }

    /// A value without a path gets one with its name, so that conditions can refer to it.
    pub(super) fn renamed(&mut self, name: &str, mut value: Value<'s>) -> Value<'s> {
        if value.path.is_none() {
            self.bindings += 1;
            value.path = Some(format!("#{}", self.bindings));
        }
        value.name = name.to_owned();
        value
    }
}

/// The result of two branches: a name that one of them does not set may be missing.
pub(super) fn joined<'s>(
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

/// The members of `loop` inside a loop.
pub(super) fn loop_value<'s>(item: &Value<'s>, binding: usize) -> Value<'s> {
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
    // Its path makes it the same value after the branches of an `{% if %}`.
    let named = Value { path: Some(format!("#{binding}")), ..Value::text("loop") };
    named.shaped(Types::OBJECT, Shape::Names(names))
}

/// The table of all fields, whose values may contain anything that was typed into the form.
pub(super) fn table<'s>(root: &Field<'s>) -> Value<'s> {
    let text = |name: &str| Value { sources: vec![root.clone()], ..Value::text(name) };
    let row = BTreeMap::from([("label".to_owned(), text("field.label")), ("value".to_owned(), text("field.value"))]);
    let row = Value::text("field").shaped(Types::OBJECT, Shape::Names(row));
    Value::text(TABLE).shaped(Types::LIST, Shape::List(Box::new(row)))
}
