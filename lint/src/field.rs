//! What a schema guarantees about one place of a payload.

use postern::pointer;
use serde_json::Value;

/// How deep to follow a schema that refers to itself.
pub const MAX_DEPTH: usize = 12;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    pub const NULL: Self = Self(1);
    pub const BOOLEAN: Self = Self(1 << 1);
    pub const NUMBER: Self = Self(1 << 2);
    pub const TEXT: Self = Self(1 << 3);
    pub const LIST: Self = Self(1 << 4);
    pub const OBJECT: Self = Self(1 << 5);
    pub const ALL: Self = Self((1 << 6) - 1);

    /// Each type with its name in a sentence.
    const NAMES: [(Self, &'static str); 6] = [
        (Self::OBJECT, "an object"),
        (Self::LIST, "a list"),
        (Self::NULL, "null"),
        (Self::BOOLEAN, "true or false"),
        (Self::NUMBER, "a number"),
        (Self::TEXT, "a text"),
    ];

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The types of `self` as words.
    pub fn words(self) -> String {
        let names = Self::NAMES.iter().filter(|(types, _)| self.may_be(*types)).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join(" or ")
    }

    /// The type of a value.
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" | "number" => Self::NUMBER,
            "string" => Self::TEXT,
            "array" => Self::LIST,
            "object" => Self::OBJECT,
            _ => Self(0),
        }
    }
}

/// A way from a field to one directly below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'s> {
    /// A member that the schema names.
    Name(&'s str),
    /// Any other member.
    Member,
    /// An entry of a list.
    Entry,
}

/// A place of a payload, with every schema that applies to it: through `properties`, `items`, `additionalProperties`,
/// `$ref` within the file, and `allOf`. `anyOf`, `oneOf`, `if` and the like guarantee nothing, so they do not count.
#[derive(Debug, Clone)]
pub struct Field<'s> {
    root: &'s Value,
    schemas: Vec<(&'s Value, String)>,
}

impl<'s> Field<'s> {
    /// The payload as a whole.
    pub fn root(schema: &'s Value) -> Self {
        Self::at(schema, [(schema, String::new())])
    }

    fn at(root: &'s Value, schemas: impl IntoIterator<Item = (&'s Value, String)>) -> Self {
        let mut field = Self { root, schemas: Vec::new() };
        schemas.into_iter().for_each(|(schema, pointer)| field.add(schema, pointer));
        field
    }

    fn add(&mut self, schema: &'s Value, pointer: String) {
        if self.schemas.iter().any(|(_, known)| *known == pointer) {
            return;
        }
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        // Up to draft 7, keywords next to a reference have no effect.
        if reference.is_none() || !self.is_before_2019() {
            self.schemas.push((schema, pointer.clone()));
        }
        // To the validator, `%62` is a `b`. This code does not follow such a reference, so it guarantees nothing.
        let path = reference.filter(|path| !path.contains('%'));
        if let Some((target, pointer)) = path.and_then(|path| Some((self.root.pointer(path)?, path.to_owned()))) {
            self.add(target, pointer);
        }
        let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for (index, schema) in all.enumerate() {
            self.add(schema, format!("{pointer}/allOf/{index}"));
        }
    }

    fn is_before_2019(&self) -> bool {
        self.root.get("$schema").and_then(Value::as_str).is_some_and(|draft| draft.contains("/draft-0"))
    }

    /// The place in the schema that names the field, as an RFC 6901 pointer.
    pub fn pointer(&self) -> &str {
        self.schemas.first().map_or("", |(_, pointer)| pointer)
    }

    /// Whether a value is a list or an object.
    pub fn is_container(&self) -> bool {
        self.types().and(Types::LIST.or(Types::OBJECT)) != Types(0)
            && !self.types().may_be(Types::TEXT.or(Types::NUMBER).or(Types::BOOLEAN))
    }

    /// Whether a value is a list, if it is not null.
    pub fn is_list(&self) -> bool {
        self.types().without(Types::NULL) == Types::LIST
    }

    /// Where the field's schemas say something with a keyword, as pointers, and what.
    pub fn says(&self, keyword: &str) -> impl Iterator<Item = (String, &'s Value)> {
        self.schemas
            .iter()
            .filter_map(move |(schema, pointer)| Some((format!("{pointer}/{keyword}"), schema.get(keyword)?)))
    }

    /// Every field directly below: members by their names, and what all further members or all entries are.
    pub fn below(&self) -> impl Iterator<Item = (Step<'s>, Self)> {
        let named = self.names().filter_map(|name| Some((Step::Name(name), self.property(name)?.0)));
        named
            .chain(self.member().map(|member| (Step::Member, member)))
            .chain(self.item().map(|item| (Step::Entry, item)))
    }

    fn values(&self, keyword: &'static str) -> impl Iterator<Item = &'s Value> {
        self.schemas.iter().filter_map(move |(schema, _)| schema.get(keyword))
    }

    fn least(&self, keyword: &'static str) -> Option<u64> {
        self.values(keyword).filter_map(Value::as_u64).min()
    }

    /// The types a value may have.
    pub fn types(&self) -> Types {
        let named = self.values("type").map(|names| match names {
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(Types::named).fold(Types(0), Types::or),
            name => Types::named(name.as_str().unwrap_or_default()),
        });
        let listed =
            self.options().map(|options| options.iter().map(|value| Types::of(value)).fold(Types(0), Types::or));
        named.chain(listed).fold(Types::ALL, Types::and)
    }

    /// The values of `enum` and `const`, if there are any.
    pub fn options(&self) -> Option<Vec<&'s Value>> {
        let constant = self.constant().map(|value| vec![value]);
        constant.or_else(|| Some(self.values("enum").next()?.as_array()?.iter().collect()))
    }

    /// The value of `const`, if there is one.
    pub fn constant(&self) -> Option<&'s Value> {
        self.values("const").next()
    }

    /// The most characters of a text.
    pub fn max_length(&self) -> Option<u64> {
        self.least("maxLength")
    }

    /// The most entries of a list.
    pub fn max_items(&self) -> Option<u64> {
        self.least("maxItems")
    }

    /// Whether a list has at least one entry.
    pub fn is_filled(&self) -> bool {
        self.values("minItems").filter_map(Value::as_u64).any(|least| least > 0)
    }

    /// Whether a number is whole.
    pub fn is_whole(&self) -> bool {
        let is_whole = |names: &Value| match names {
            Value::Array(names) => {
                names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number")
            }
            name => name == "integer",
        };
        self.values("type").any(is_whole)
    }

    /// The smallest and the largest number, if the schema limits it.
    pub fn bounds(&self) -> impl Iterator<Item = &'s Value> {
        self.values("minimum").chain(self.values("maximum"))
    }

    /// The formats that the schema requires.
    pub fn formats(&self) -> impl Iterator<Item = &'s str> {
        self.values("format").filter_map(Value::as_str)
    }

    /// The patterns that the schema requires.
    pub fn patterns(&self) -> impl Iterator<Item = &'s str> {
        self.values("pattern").filter_map(Value::as_str)
    }

    /// The names under `properties`.
    pub fn names(&self) -> impl Iterator<Item = &'s str> {
        self.values("properties")
            .filter_map(Value::as_object)
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// The names of members that every payload has.
    pub fn required(&self) -> impl Iterator<Item = &'s str> {
        self.values("required").filter_map(Value::as_array).flatten().filter_map(Value::as_str)
    }

    /// A member of an object, and whether it is always present.
    pub fn property(&self, name: &str) -> Option<(Self, bool)> {
        let step = pointer::escape(name);
        let found = self.schemas.iter().filter_map(|(schema, pointer)| {
            let named = schema.get("properties").and_then(|properties| properties.get(name));
            let named = named.map(|schema| (schema, format!("{pointer}/properties/{step}")));
            named.or_else(|| further(schema, pointer))
        });
        let field = Self::at(self.root, found.collect::<Vec<_>>());
        let required = self.required().any(|required| required == name);
        (!field.schemas.is_empty()).then_some((field, required))
    }

    /// Any member of an object whose members all have the same schema.
    pub fn member(&self) -> Option<Self> {
        let named = self.names().next().is_some();
        let found = self.schemas.iter().filter_map(|(schema, pointer)| further(schema, pointer));
        let field = Self::at(self.root, found.collect::<Vec<_>>());
        (!named && !field.schemas.is_empty()).then_some(field)
    }

    /// Any entry of a list whose entries all have the same schema.
    pub fn item(&self) -> Option<Self> {
        let mixed = self.values("prefixItems").next().is_some();
        let found = self.schemas.iter().filter_map(|(schema, pointer)| {
            Some((schema.get("items").filter(|items| items.is_object())?, format!("{pointer}/items")))
        });
        let field = Self::at(self.root, found.collect::<Vec<_>>());
        (!mixed && !field.schemas.is_empty()).then_some(field)
    }
}

fn further<'s>(schema: &'s Value, pointer: &str) -> Option<(&'s Value, String)> {
    let further = schema.get("additionalProperties").filter(|further| further.is_object())?;
    Some((further, format!("{pointer}/additionalProperties")))
}
