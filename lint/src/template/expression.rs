//! Expressions, and the values they give.

use minijinja::machinery::{Span, ast};
use postern::policy::TABLE;

use super::link::Link;
use super::value::{Shape, Value, longer};
use super::walk::Walk;
use crate::field::Types;

impl<'s> Walk<'s, '_> {
    /// A value that must be present.
    pub(super) fn present(&mut self, expression: &'s ast::Expr<'s>) -> Value<'s> {
        let value = self.evaluate(expression);
        self.needs_presence(&value, expression.span());
        Value { absent: false, ..value }
    }

    /// A value that may be missing.
    pub(super) fn evaluate(&mut self, expression: &'s ast::Expr<'s>) -> Value<'s> {
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
                    Value::computed(self.source_text(span), Types::NUMBER, [value])
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
                let yes = self.assuming(outcome.yes, |this| this.evaluate(&choice.true_expr));
                // Without `else`, the other result prints nothing.
                let no = choice.false_expr.as_ref().map_or(constant_value(&minijinja::Value::from("")), |other| {
                    self.assuming(outcome.no, |this| this.evaluate(other))
                });
                yes.either(no)
            }
            ast::Expr::Filter(filter) => {
                let value = filter.expr.as_ref().map_or(Value::text("a text"), |expression| self.evaluate(expression));
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
                // The result of a function is a value; what a macro or a block writes is markup.
                value.filter(|value| value.types != Types::TEXT).unwrap_or(text)
            }
            ast::Expr::List(list) => self.list(&list.items, span),
            ast::Expr::Tuple(tuple) => {
                let row: Vec<_> = tuple.items.iter().map(|item| self.evaluate(item)).collect();
                Value::computed(self.source_text(span), Types::LIST, row.clone()).shaped(Types::LIST, Shape::Row(row))
            }
            ast::Expr::Map(map) => {
                let values: Vec<_> = map.keys.iter().chain(&map.values).map(|item| self.present(item)).collect();
                Value::computed(self.source_text(span), Types::OBJECT, values)
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

    fn item(&mut self, get: &'s ast::Spanned<ast::GetItem<'s>>) -> Value<'s> {
        let value = self.present(&get.expr);
        let index = get.subscript_expr.as_const();
        match index {
            Some(name) if name.as_str().is_some() => self.member(value, name.as_str().unwrap_or_default(), get.span()),
            Some(_) => {
                let item = self.entry(&value, get.expr.span());
                Value { absent: true, name: self.source_text(get.span()), ..item }
            }
            None => {
                self.undetermined(get.span(), "Write the member's name, or loop with {% for %}.");
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
            self.error(slice.span(), message, "Only texts and lists can be cut; narrow the `type` in the schema.");
        }
        let stop = slice.stop.as_ref().and_then(at_most).and_then(|stop| usize::try_from(stop).ok());
        let tail = slice.start.as_ref().filter(|_| slice.stop.is_none()).and_then(whole);
        let tail = tail.filter(|start| *start < 0).and_then(|start| usize::try_from(start.unsigned_abs()).ok());
        let cut = [value.cut, stop, tail].into_iter().flatten().min();
        let from_start = slice.start.is_none() && slice.step.is_none();
        let link = if from_start { value.link } else { Link::Unproven };
        Value { cut, path: None, link, ..value }
    }

    fn operation(&mut self, operation: &'s ast::Spanned<ast::BinOp<'s>>) -> Value<'s> {
        let name = self.source_text(operation.span());
        match operation.op {
            ast::BinOpKind::ScOr => {
                let outcome = self.test(&operation.left);
                let left = self.assuming(outcome.yes, |this| this.evaluate(&operation.left));
                let right = self.assuming(outcome.no, |this| this.evaluate(&operation.right));
                left.either(right)
            }
            ast::BinOpKind::ScAnd => {
                let outcome = self.test(&operation.left);
                let left = self.evaluate(&operation.left);
                let right = self.assuming(outcome.yes, |this| this.evaluate(&operation.right));
                left.either(right)
            }
            ast::BinOpKind::Concat => {
                let left = self.evaluate(&operation.left);
                self.needs_text(&left, operation.left.span());
                let right = self.evaluate(&operation.right);
                self.needs_text(&right, operation.right.span());
                let cut = longer(&left, &right);
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
        Value::computed(self.source_text(span), Types::LIST, values).shaped(Types::LIST, Shape::List(Box::new(item)))
    }
}

/// A whole number that a template spells out.
fn whole(expression: &ast::Expr<'_>) -> Option<i64> {
    i64::try_from(expression.as_const()?).ok()
}

/// The most that a number can be: what it is, or what is left of it after something was counted.
fn at_most(expression: &ast::Expr<'_>) -> Option<i64> {
    let counts = |expression: &ast::Expr<'_>| matches!(expression, ast::Expr::Filter(filter) if ["count", "length"].contains(&filter.name));
    match expression {
        ast::Expr::BinOp(rest) if matches!(rest.op, ast::BinOpKind::Sub) && counts(&rest.right) => whole(&rest.left),
        expression => whole(expression),
    }
}

pub(super) fn constant_value<'s>(constant: &minijinja::Value) -> Value<'s> {
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
