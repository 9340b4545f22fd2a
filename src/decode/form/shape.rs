//! What a schema says about the place that a form control fills, following `properties`, `items`, `allOf` and
//! references inside the document. It does not follow `anyOf`, `oneOf` and conditions: that would be guessing.

use serde_json::Value;

/// How many references to follow on the way to one place, so that a cycle ends.
const MAX_HOPS: usize = 16;

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    document: &'a Value,
    schema: &'a Value,
    /// Whether the enclosing object lists it under `required`.
    pub required: bool,
}

impl Shape<'static> {
    /// A place about which the schema says nothing.
    pub const UNKNOWN: Self = Self { document: &Value::Null, schema: &Value::Null, required: false };
}

impl<'a> Shape<'a> {
    /// The place of the payload itself.
    pub const fn root(document: &'a Value) -> Self {
        Self { document, schema: document, required: true }
    }

    /// The schema here, and those that it includes by `$ref` and `allOf`.
    fn parts(self) -> Vec<&'a Value> {
        let (mut parts, mut open, mut hops) = (Vec::new(), vec![self.schema], 0);
        while let Some(schema) = open.pop() {
            parts.push(schema);
            open.extend(schema.get("allOf").and_then(Value::as_array).into_iter().flatten());
            if let Some(target) = schema.get("$ref").and_then(|reference| self.resolve(reference))
                && hops < MAX_HOPS
            {
                hops += 1;
                open.push(target);
            }
        }
        parts
    }

    fn resolve(self, reference: &Value) -> Option<&'a Value> {
        self.document.pointer(reference.as_str()?.strip_prefix('#')?)
    }

    /// A keyword's value here.
    pub fn keyword(self, keyword: &str) -> Option<&'a Value> {
        self.parts().into_iter().find_map(|part| part.get(keyword))
    }

    /// The place of a member.
    pub fn member(self, name: &str) -> Option<Self> {
        let parts = self.parts();
        let schema = parts.iter().find_map(|part| part.get("properties")?.get(name))?;
        let required = parts
            .iter()
            .filter_map(|part| part.get("required")?.as_array())
            .flatten()
            .any(|required| required.as_str() == Some(name));
        Some(Self { schema, required, ..self })
    }

    /// The place of a list's entries; `None` if this is not a list.
    pub fn items(self) -> Option<Self> {
        let schema = if self.allows("array") { self.keyword("items").unwrap_or(&Value::Null) } else { return None };
        Some(Self { schema, required: false, ..self })
    }

    /// The types that `type` allows here, or else those of the values in `const` and `enum`; none if the schema does
    /// not say.
    fn types(self) -> Vec<&'a str> {
        match (self.keyword("type"), self.keyword("const"), self.keyword("enum")) {
            (Some(Value::String(name)), _, _) => vec![name],
            (Some(Value::Array(names)), _, _) => names.iter().filter_map(Value::as_str).collect(),
            (_, Some(value), _) => vec![type_of(value)],
            (_, _, Some(Value::Array(values))) => values.iter().map(type_of).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the schema names this type here.
    pub fn allows(self, name: &str) -> bool {
        self.types().contains(&name)
    }

    /// Whether text may stay text here.
    pub fn allows_text(self) -> bool {
        let types = self.types();
        types.is_empty() || types.contains(&"string")
    }

    /// The format that the schema requires here.
    pub fn format(self) -> Option<&'a str> {
        self.keyword("format")?.as_str()
    }

    /// What people call this place: the schema's `title`.
    pub fn title(self) -> Option<&'a str> {
        self.keyword("title")?.as_str()
    }
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
