//! What is written, and whether escaping makes it harmless at its place in the HTML.

use minijinja::machinery::{Span, ast};
use postern::policy::Part;

use super::markup::{Spot, Written};
use super::value::Value;
use super::walk::Walk;

impl<'s> Walk<'s, '_> {
    pub(super) fn raw(&mut self, text: &str) {
        if self.part == Part::Html {
            self.spot = std::mem::replace(&mut self.spot, Spot::Text).after(text);
        }
    }

    /// What a piece of template writes while it is walked, as a value; it is markup if it contains text of a payload.
    pub(super) fn captured(&mut self, span: Span, walk: impl FnOnce(&mut Self)) -> Value<'s> {
        let (outer, prints) = (std::mem::replace(&mut self.spot, Spot::Text), self.report.prints.len());
        walk(self);
        let inner = std::mem::replace(&mut self.spot, outer);
        self.needs_meeting(inner, &Spot::Text, span);
        let markup = self.part == Part::Html && self.report.prints.len() > prints;
        Value { markup, ..Value::text("a text") }
    }

    /// The place where two branches meet; both must end at the same place.
    pub(super) fn needs_meeting(&mut self, one: Spot, other: &Spot, span: Span) -> Spot {
        one.join(other).unwrap_or_else(|| {
            let message = "The HTML is in the middle of a tag or an element at one end of this, and not at the other.";
            self.error(span, message, "Write whole attributes, tags and comments inside it.");
            other.clone()
        })
    }

    /// Checks whether escaping makes a value harmless at its place in the HTML.
    pub(super) fn written(&mut self, value: &Value<'s>, span: Span) {
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

    /// Markup may replace characters that escaping leaves alone, such as line breaks; replacing others could undo the
    /// escaping.
    pub(super) fn needs_escapes_kept(&mut self, filter: &'s ast::Spanned<ast::Filter<'s>>, arguments: &[Value<'s>]) {
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
}
