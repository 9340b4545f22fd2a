//! Filters: what each does to a value, determined without calling it.

use minijinja::machinery::ast;

use super::demand::listed;
use super::expression::constant_value;
use super::value::Value;
use super::walk::Walk;
use crate::field::Types;

/// What a filter does to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Takes a text or number; gives a text that may contain its text and that of the arguments.
    Text,
    /// Takes a text or number and how much of it to keep, gives a text of that length and a note.
    Excerpt,
    /// Takes a text or number; gives a number.
    Number,
    /// Takes a number; gives a text.
    Time,
    /// Takes anything present; gives a number.
    Count,
    /// Takes anything present; gives true or false.
    Truth,
    /// Takes a list; gives a list of the same entries.
    Entries,
    /// Takes a list and the name of a member of its entries; gives a list of some of them.
    Selected,
    /// Takes a list; gives one of its entries.
    Entry,
    /// Takes a list of texts or numbers; gives a text.
    Join,
    /// Takes a text; gives a list of texts.
    Split,
    /// Takes an object whose members have the same schema; gives a list of names with values.
    Pairs,
    /// Takes anything, even a missing value.
    Default,
    /// Takes anything present; gives a text that contains all of it.
    Whole,
    /// Marks text as markup.
    Raw,
}

/// The filters that this crate can follow; `None` for all others.
fn effect(name: &str) -> Option<Effect> {
    Some(match name {
        "upper" | "lower" | "title" | "capitalize" | "trim" | "replace" | "escape" | "e" | "indent" | "string"
        | "urlencode" | "format" | "strip_ansi" => Effect::Text,
        "excerpt" => Effect::Excerpt,
        "int" | "float" | "abs" | "round" => Effect::Number,
        "utc" => Effect::Time,
        "length" | "count" => Effect::Count,
        "bool" => Effect::Truth,
        "reverse" | "sort" | "unique" | "list" => Effect::Entries,
        "rejectattr" | "selectattr" => Effect::Selected,
        "first" | "last" | "min" | "max" => Effect::Entry,
        "join" => Effect::Join,
        "split" | "lines" => Effect::Split,
        "items" | "dictsort" => Effect::Pairs,
        "default" | "d" => Effect::Default,
        "tojson" | "pprint" => Effect::Whole,
        "safe" => Effect::Raw,
        _ => return None,
    })
}

impl<'s> Walk<'s, '_> {
    /// A filter used as a statement, as in `{% filter upper %}`.
    pub(super) fn filtered(&mut self, filter: &'s ast::Expr<'s>, value: Value<'s>) -> Value<'s> {
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

    pub(super) fn filter(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, value: Value<'s>) -> Value<'s> {
        let span = filter.span();
        let arguments: Vec<_> = self.arguments(&filter.args).into_iter().map(|(_, value)| value).collect();
        let Some(effect) = effect(filter.name) else {
            let message = format!("The result of the filter `{}` cannot be determined statically.", filter.name);
            self.error(span, message, "docs/policy.md lists the filters that can be checked; use loops for the rest.");
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
                let cut = value.cut.filter(|_| arguments.iter().all(|argument| argument.sources.is_empty()));
                let text = Value { cut, ..Value::computed(name, types, std::iter::once(value).chain(arguments)) };
                if effect == Effect::Split { listed(text) } else { text }
            }
            Effect::Excerpt => {
                self.needs_text(&value, span);
                let length = match filter.args.first() {
                    Some(ast::CallArg::Pos(length)) => {
                        length.as_const().and_then(|length| usize::try_from(length).ok())
                    }
                    _ => None,
                };
                if length.is_none() {
                    self.undetermined(span, "Write how many characters to keep: {{ text | excerpt(2000) }}.");
                }
                let cut = [value.cut, length].into_iter().flatten().min();
                Value { cut, ..Value::computed(name, Types::TEXT, [value]) }
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
                    ..listed(Value::computed(name, item.types, [item.clone(), value]).shaped(item.types, item.shape))
                }
            }
            Effect::Entry => {
                let item = self.entry(&value, span);
                Value { absent: !value.is_filled(), name: format!("{name}|{}", filter.name), path: None, ..item }
            }
            Effect::Join => {
                let item = self.entry(&value, span);
                self.needs_text(&item, span);
                Value::computed(name, Types::TEXT, [item, value].into_iter().chain(arguments))
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
                    let message = format!("`{name}` comes from a payload and would be treated as markup.");
                    self.error(
                        span,
                        message,
                        "Remove `| safe`: escaping keeps the sender of a payload from writing your HTML.",
                    );
                }
                Value { markup: true, ..value }
            }
        }
    }
}
