//! What is known about a value without a payload.

use std::collections::BTreeMap;
use std::rc::Rc;

use minijinja::machinery::ast;

use super::link::Link;
use crate::field::{Field, Types};

/// The names that are bound at a place in a template, innermost last.
pub type Scopes<'s> = Vec<BTreeMap<String, Value<'s>>>;

/// A value of the template language, known statically.
#[derive(Clone)]
pub struct Value<'s> {
    /// Its name, as the template's author wrote it.
    pub name: String,
    /// The path by which conditions refer to it: empty for the payload itself, `None` for a computed value.
    pub path: Option<String>,
    /// The types it may have.
    pub types: Types,
    /// Whether it may be missing.
    pub absent: bool,
    /// What it consists of.
    pub shape: Shape<'s>,
    /// The fields whose text it may contain.
    pub sources: Vec<Field<'s>>,
    /// The most characters or entries that are left of it, where it was cut.
    pub cut: Option<usize>,
    /// What is known about it as an address.
    pub link: Link,
    /// Whether it may be markup, which is not escaped again.
    pub markup: bool,
}

/// What a value consists of.
#[derive(Clone)]
pub enum Shape<'s> {
    /// A text, a number, or something that cannot be taken apart.
    Plain,
    /// What the schema says about a place of the payload.
    Field(Field<'s>),
    /// A list of such values.
    List(Box<Value<'s>>),
    /// Names with values: an imported file, or a loop's `loop`.
    Names(BTreeMap<String, Value<'s>>),
    /// Values in sequence, which loops unpack.
    Row(Vec<Value<'s>>),
    /// A macro, with the names that were bound where it was defined.
    Macro(Rc<Macro<'s>>),
}

/// A macro.
pub struct Macro<'s> {
    /// The file that contains it.
    pub file: &'s str,
    /// Its tree.
    pub tree: &'s ast::Macro<'s>,
    /// The names that were bound where it was defined.
    pub scopes: Scopes<'s>,
}

impl<'s> Value<'s> {
    /// A value computed from others.
    pub fn computed(name: impl Into<String>, types: Types, of: impl IntoIterator<Item = Self>) -> Self {
        let (mut sources, mut markup) = (Vec::<Field<'s>>::new(), false);
        for value in of {
            markup |= value.markup;
            for source in value.sources {
                if !sources.iter().any(|known| known.pointer() == source.pointer()) {
                    sources.push(source);
                }
            }
        }
        Self {
            name: name.into(),
            path: None,
            types,
            absent: false,
            shape: Shape::Plain,
            sources,
            cut: None,
            link: Link::Unproven,
            markup,
        }
    }

    /// A text that contains nothing from the payload.
    pub fn text(name: impl Into<String>) -> Self {
        Self::computed(name, Types::TEXT, [])
    }

    /// A place of the payload.
    pub fn field(name: String, path: Option<String>, field: Field<'s>, required: bool) -> Self {
        Self {
            name,
            path,
            types: field.types(),
            absent: !required,
            sources: vec![field.clone()],
            link: Link::of_field(&field),
            shape: Shape::Field(field),
            cut: None,
            markup: false,
        }
    }

    /// The same with another shape and type.
    pub fn shaped(mut self, types: Types, shape: Shape<'s>) -> Self {
        self.types = types;
        self.shape = shape;
        self
    }

    /// Either of two values.
    pub fn either(self, other: Self) -> Self {
        let absent = self.absent || other.absent;
        let cut = longer(&self, &other);
        let link = self.link.min(other.link);
        let types = self.types.or(other.types);
        let (name, shape) = (self.name.clone(), self.shape.clone());
        let same = self.path.is_some() && self.path == other.path;
        let path = self.path.clone().filter(|_| same);
        let shape = if same { shape } else { Shape::Plain };
        Self { path, absent, cut, link, shape, ..Self::computed(name, types, [self, other]) }
    }

    /// Whether it can only be numbers, truth values and words that the schema lists.
    pub fn is_listed(&self) -> bool {
        let listed = |field: &Field<'_>| !field.types().may_be(Types::TEXT) || field.options().is_some();
        !self.markup && self.sources.iter().all(listed)
    }

    /// An entry of a list; `None` if nothing is known about it.
    pub fn item(&self) -> Option<Self> {
        match &self.shape {
            Shape::Field(field) => {
                let item = field.item()?;
                Some(Self::field(format!("an entry of {}", self.name), None, item, true))
            }
            Shape::List(item) => Some((**item).clone()),
            _ => None,
        }
    }

    /// Whether a list has at least one entry.
    pub fn is_filled(&self) -> bool {
        matches!(&self.shape, Shape::Field(field) if field.is_filled())
    }
}

/// What two values are cut to, the longer of them: one that holds no text of the payload has an end of its own.
pub fn longer(one: &Value<'_>, other: &Value<'_>) -> Option<usize> {
    let endless = |field: &Field<'_>| field.types().may_be(Types::TEXT.or(Types::LIST).or(Types::OBJECT));
    let length = |value: &Value<'_>| value.cut.or((!value.sources.iter().any(endless)).then_some(0));
    Some(length(one)?.max(length(other)?))
}
