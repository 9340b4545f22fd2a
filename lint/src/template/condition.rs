//! Conditions, and what is known in the branch for each result.

use minijinja::machinery::ast;

use super::facts::{Facts, Outcome};
use super::link::SCHEMES;
use super::scope::joined;
use super::walk::Walk;
use crate::field::Types;

impl<'s> Walk<'s, '_> {
    pub(super) fn branch(&mut self, condition: &'s ast::IfCond<'s>) {
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

    pub(super) fn assuming<T>(&mut self, facts: Facts, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.facts);
        self.facts = outer.clone().and(facts);
        let done = work(self);
        self.facts = outer;
        done
    }

    /// What follows from a condition's result.
    pub(super) fn test(&mut self, expression: &'s ast::Expr<'s>) -> Outcome {
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
                let value = self.evaluate(expression);
                let types = value.types.without(Types::NULL);
                Outcome { yes: Facts::one(value.path.as_deref(), true, types), no: Facts::default() }
            }
        }
    }

    pub(super) fn named_test(&mut self, test: &'s ast::Test<'s>) -> Outcome {
        let value = self.evaluate(&test.expr);
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
            // To the engine, what is missing is a sequence too.
            "sequence" => Outcome {
                yes: Facts::one(path, false, value.types.and(Types::LIST)),
                no: Facts::one(path, true, value.types.without(Types::LIST)),
            },
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
}
