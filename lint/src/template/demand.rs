//! What a template requires of values, and the findings about requirements that the schema does not guarantee.

use minijinja::machinery::{Span, ast};
use postern::policy::{Diagnostic, Place, TEMPLATES_FOLDER};

use super::link::Link;
use super::value::{Shape, Value};
use super::walk::Walk;
use crate::field::Types;

impl<'s> Walk<'s, '_> {
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let file = format!("{TEMPLATES_FOLDER}{}", self.file);
        self.report.findings.push(Diagnostic::error(&file, place(span), message, help));
    }

    pub(super) fn undetermined(&mut self, span: Span, help: &str) {
        let text = self.source_text(span);
        self.error(span, format!("The value of `{text}` cannot be determined statically."), help);
    }

    pub(super) fn source_text(&self, span: Span) -> String {
        let text = self.sources.0.get(self.file).map_or("", |source| source.text);
        text.get(span.start_offset as usize..span.end_offset as usize).unwrap_or_default().to_owned()
    }

    pub(super) fn needs_presence(&mut self, value: &Value<'s>, span: Span) -> bool {
        if value.absent {
            let name = &value.name;
            let message = format!("`{name}` may be missing: the schema `{}` does not require it.", self.schema);
            let help = format!(
                "Use it inside {{% if {name} %}}, give it a default with `{name} | default(\"…\")`, or require it in the schema."
            );
            self.error(span, message, help);
        }
        !value.absent
    }

    pub(super) fn needs_text(&mut self, value: &Value<'s>, span: Span) {
        if !self.needs_presence(value, span) {
            return;
        }
        let wrong = value.types.and(Types::LIST.or(Types::OBJECT).or(Types::NULL));
        if value.types.may_be(wrong) {
            let name = &value.name;
            let message = format!("`{name}` may be {}, but a text is required here.", wrong.words());
            let help = if wrong == Types::NULL {
                format!("Use it inside {{% if {name} %}}, or narrow its `type` in the schema.")
            } else {
                "Print one of its members, loop over it with {% for %}, or narrow its `type` in the schema.".to_owned()
            };
            self.error(span, message, help);
        }
    }

    pub(super) fn needs_number(&mut self, value: &Value<'s>, span: Span) {
        if value.types != Types::NUMBER {
            let wrong = value.types.without(Types::NUMBER).words();
            let message = format!("`{}` may be {wrong}, but a number is required here.", value.name);
            self.error(span, message, "Join texts with `~`; narrow the `type` in the schema.");
        }
    }

    pub(super) fn refined(&self, mut value: Value<'s>) -> Value<'s> {
        if let Some(fact) = value.path.as_deref().and_then(|path| self.facts.get(path)) {
            value.absent &= !fact.present;
            value.types = value.types.and(fact.types);
            if fact.link {
                value.link = Link::Proven;
            }
        }
        value
    }

    pub(super) fn member(&mut self, of: Value<'s>, name: &str, span: Span) -> Value<'s> {
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
                    let help = format!("Fix the name, or add it to `properties` in schemas/{}.json.", self.schema);
                    self.error(span, message, help);
                    return Value::text(full);
                };
                self.report.used.insert(member.pointer().to_owned());
                // In a template, no name in a payload can have this character, so two paths are never the same by
                // accident.
                let path = of.path.as_ref().map(|path| format!("{path}\u{1f}{name}"));
                self.refined(Value::field(full, path, member, required))
            }
            Shape::Field(_) => {
                let wrong = of.types.without(Types::OBJECT).words();
                let message = format!("`{}` may be {wrong}, but an object is required here.", of.name);
                self.error(span, message, "Require \"type\": \"object\" in the schema.");
                Value::text(name)
            }
            _ => {
                self.undetermined(span, "Use members of the payload's own objects.");
                Value::text(name)
            }
        }
    }

    /// An entry of a value that must be a list.
    pub(super) fn entry(&mut self, list: &Value<'s>, span: Span) -> Value<'s> {
        if !self.needs_presence(list, span) {
            return Value::text("an entry");
        }
        if list.types != Types::LIST {
            let wrong = list.types.without(Types::LIST).words();
            let message = format!("`{}` may be {wrong}, but a list is required here.", list.name);
            let help = "Require \"type\": \"array\" in the schema; loop over an object with `| items`.";
            self.error(span, message, help);
            return Value::text("an entry");
        }
        let Some(item) = list.item() else {
            let message = format!("The schema `{}` does not describe the entries of `{}`.", self.schema, list.name);
            self.error(span, message, "Describe the entries under `items`.");
            return Value::text("an entry");
        };
        item
    }

    /// The member of a list's entries that a filter's first argument names.
    pub(super) fn attribute(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, item: &Value<'s>) {
        let named = match filter.args.first() {
            Some(ast::CallArg::Pos(name)) => name.as_const(),
            _ => None,
        };
        match named.as_ref().and_then(|name| name.as_str()) {
            Some(name) if !name.contains('.') => {
                self.member(item.clone(), name, filter.span());
            }
            _ => self.undetermined(filter.span(), "Write the name of a member in quotes, without dots."),
        }
    }

    pub(super) fn pairs(&mut self, object: &Value<'s>, span: Span) -> Value<'s> {
        let member = match &object.shape {
            Shape::Field(field) if object.types == Types::OBJECT => field.member(),
            _ => None,
        };
        let Some(member) = member else {
            let message = format!("The schema `{}` does not describe the members of `{}`.", self.schema, object.name);
            self.error(span, message, "Describe it under `additionalProperties`, without `properties`.");
            let row = vec![Value::text("a name"), Value::text("a member")];
            return listed(Value::text("a member").shaped(Types::LIST, Shape::Row(row)));
        };
        let name = Value::computed("a name", Types::TEXT, [object.clone()]);
        let value = Value::field(format!("a member of {}", object.name), None, member, true);
        let row = Value::computed("a member", Types::LIST, [object.clone()]);
        listed(row.shaped(Types::LIST, Shape::Row(vec![name, value])))
    }
}

pub(super) fn place(span: Span) -> Place {
    Place::Span(span.start_offset as usize..span.end_offset as usize)
}

pub(super) fn listed(item: Value<'_>) -> Value<'_> {
    let list = Value::computed(item.name.clone(), Types::LIST, [item.clone()]);
    list.shaped(Types::LIST, Shape::List(Box::new(item)))
}
