//! Checks a payload against the route's schema. Violations are sentences that never contain the offending value.

mod attachment;
mod content;
mod zip;

use jsonschema::error::{TypeKind, ValidationErrorKind as Broken};
use jsonschema::{JsonType, ValidationError};
use serde::Serialize;
use serde_json::Value;

use crate::auth::Caller;
use crate::decode::form::Filled;
use crate::guard::Admitted;
use crate::pointer;
use crate::policy::{ADDRESS_FORMATS, Address, AddressError, Route, Schema};
use crate::texts::{Texts, fill};

pub use attachment::{Attachment, attach};

/// The most violations reported at once.
pub const MAX_VIOLATIONS: usize = 50;

/// The most values of a payload for which all violations are reported. The validator collects every violation before it
/// returns the first, so for a larger payload the gate asks only whether there is one.
const MAX_VALUES_TO_EXPLAIN: usize = 5000;

/// A payload that matches its route's schema. Only [`validate`] can create one.
#[derive(Debug)]
pub struct Valid {
    payload: Value,
    filled: Option<Vec<Filled>>,
    attachments: Vec<Attachment>,
    caller: Caller,
}

impl Valid {
    /// The payload.
    pub const fn payload(&self) -> &Value {
        &self.payload
    }

    /// What a form filled in, in the order in which it was sent; `None` if no mail shows it.
    pub fn filled(&self) -> Option<&[Filled]> {
        self.filled.as_deref()
    }

    /// The files that a form sent.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Who sent it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// One way in which a payload does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The place in the payload, as an RFC 6901 pointer; for a missing property, where it should be.
    pub pointer: String,
    /// The schema keyword that is violated.
    pub keyword: String,
    /// A sentence that says what the schema expects.
    pub detail: String,
    /// The code for form scripts that know Formspree's.
    #[serde(skip)]
    pub code: String,
}

/// Checks an admitted submission.
///
/// # Errors
/// All violations at once, [`MAX_VIOLATIONS`] at most, and the caller for the audit line.
pub fn validate(route: &Route, admitted: Admitted, texts: &Texts) -> Result<Valid, Vec<Violation>> {
    let (payload, filled, uploads, caller) = admitted.into_parts();
    let attachments = attach(route.form.attachments.as_ref(), uploads, texts);
    let fits = route.schema.validator().is_valid(&payload);
    match attachments {
        Ok(attachments) if fits => Ok(Valid { payload, filled, attachments, caller }),
        Ok(_) => Err(violations(&route.schema, &payload, texts)),
        Err(files) => Err(violations(&route.schema, &payload, texts).into_iter().chain(files).collect()),
    }
}

/// How a payload violates a schema, in the words of a language; empty if it matches. For a very large payload, only the
/// first violation.
pub fn violations(schema: &Schema, payload: &Value, texts: &Texts) -> Vec<Violation> {
    let validator = schema.validator();
    let errors: Box<dyn Iterator<Item = _>> = if has_more_values(payload, MAX_VALUES_TO_EXPLAIN) {
        Box::new(validator.validate(payload).err().into_iter())
    } else {
        Box::new(validator.iter_errors(payload))
    };
    errors.flat_map(|error| violations_of(&error, texts)).take(MAX_VIOLATIONS).collect()
}

/// Whether a payload has more than `most` values; examines no more than that.
fn has_more_values(payload: &Value, most: usize) -> bool {
    let mut open = vec![payload];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        seen += 1;
        if seen + open.len() > most {
            return true;
        }
        match value {
            Value::Array(items) if items.len() > most => return true,
            Value::Object(members) if members.len() > most => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    false
}

/// One violation for each place. A missing or unexpected property is reported where it is or should be.
fn violations_of(error: &ValidationError<'_>, texts: &Texts) -> Vec<Violation> {
    let place = error.instance_path().to_string();
    let below = |name: &str| pointer::join(&place, name);
    let pointers = match error.kind() {
        Broken::Required { property: Value::String(name) } => vec![below(name)],
        Broken::AdditionalProperties { unexpected } | Broken::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| below(name)).collect()
        }
        _ => vec![place],
    };
    let violation = |pointer| Violation {
        pointer,
        keyword: error.kind().keyword().to_owned(),
        detail: about_typed_address(error, texts).unwrap_or_else(|| sentence(error.kind(), texts)),
        code: code(error.kind()),
    };
    pointers.into_iter().map(violation).collect()
}

/// What is wrong with an address that does not have the schema's format for one.
fn about_typed_address(error: &ValidationError<'_>, texts: &Texts) -> Option<String> {
    let Broken::Format { format } = error.kind() else { return None };
    let text = error.instance().as_str().filter(|_| ADDRESS_FORMATS.contains(&format.as_str()))?;
    Address::parse_typed(text).err().map(|error| about_address(error, texts))
}

/// What is wrong with an address, without anything of it.
pub fn about_address(error: AddressError, texts: &Texts) -> String {
    match error {
        AddressError::Local => texts.local_part.to_owned(),
        AddressError::Form | AddressError::Route => fill(texts.wrong_type, texts.email),
    }
}

/// What the schema expects, in the schema's words only: no text of the payload may be returned or logged.
fn sentence(broken: &Broken, texts: &Texts) -> String {
    match broken {
        Broken::Required { .. } => texts.required.to_owned(),
        Broken::Type { kind } => fill(texts.wrong_type, type_name(kind, texts)),
        Broken::Format { format } => fill(texts.wrong_type, format_name(format, texts)),
        Broken::MinLength { limit: 1 } => texts.empty.to_owned(),
        Broken::MinLength { limit } => fill(texts.min_length, limit),
        Broken::MaxLength { limit } => fill(texts.max_length, limit),
        Broken::Minimum { limit } => fill(texts.minimum, limit),
        Broken::Maximum { limit } => fill(texts.maximum, limit),
        Broken::ExclusiveMinimum { limit } => fill(texts.exclusive_minimum, limit),
        Broken::ExclusiveMaximum { limit } => fill(texts.exclusive_maximum, limit),
        Broken::MultipleOf { multiple_of } => fill(texts.multiple_of, multiple_of),
        Broken::MinItems { limit } => fill(texts.min_items, limit),
        Broken::MaxItems { limit } => fill(texts.max_items, limit),
        Broken::AdditionalItems { limit } => fill(texts.max_items, limit),
        Broken::MinProperties { limit } => fill(texts.min_properties, limit),
        Broken::MaxProperties { limit } => fill(texts.max_properties, limit),
        Broken::Custom { keyword, .. } if keyword == "uniqueItems" => texts.unique_items.to_owned(),
        Broken::Enum { options } => fill(texts.one_of, options),
        Broken::Constant { expected_value } => fill(texts.constant, expected_value),
        Broken::Pattern { pattern } => fill(texts.pattern, pattern),
        Broken::AdditionalProperties { .. } | Broken::UnevaluatedProperties { .. } => texts.unexpected.to_owned(),
        Broken::UnevaluatedItems { .. } => texts.unexpected_item.to_owned(),
        Broken::PropertyNames { .. } => texts.property_name.to_owned(),
        Broken::Contains => texts.contains.to_owned(),
        Broken::FalseSchema => texts.forbidden.to_owned(),
        Broken::AnyOf { .. } | Broken::OneOfNotValid { .. } => texts.no_form.to_owned(),
        Broken::OneOfMultipleValid { .. } => texts.several_forms.to_owned(),
        Broken::Not { .. } => texts.not_allowed.to_owned(),
        _ => texts.other.to_owned(),
    }
}

fn type_name(kind: &TypeKind, texts: &Texts) -> String {
    let name = |json_type| match json_type {
        JsonType::Array => texts.list,
        JsonType::Boolean => texts.boolean,
        JsonType::Integer => texts.integer,
        JsonType::Null => texts.null,
        JsonType::Number => texts.number,
        JsonType::Object => texts.object,
        JsonType::String => texts.text,
    };
    match kind {
        TypeKind::Single(json_type) => name(*json_type).to_owned(),
        TypeKind::Multiple(types) => types.iter().map(name).collect::<Vec<_>>().join(&format!(" {} ", texts.or)),
    }
}

fn format_name(format: &str, texts: &Texts) -> String {
    let name = match format {
        "email" | "idn-email" => texts.email,
        "uri" | "iri" => texts.uri,
        "date" => texts.date,
        "time" => texts.time,
        "date-time" => texts.date_time,
        "uuid" => texts.uuid,
        other => return fill(texts.format, other),
    };
    name.to_owned()
}

/// The code by which Formspree's client library knows this kind of error, if its list has one (formspree-js,
/// `submission.ts`); otherwise the keyword's name in the same style.
fn code(broken: &Broken) -> String {
    let number = |json_type: &JsonType| matches!(json_type, JsonType::Integer | JsonType::Number);
    match broken {
        Broken::Required { .. } => "REQUIRED_FIELD_MISSING".to_owned(),
        Broken::MinLength { limit: 1 } => "REQUIRED_FIELD_EMPTY".to_owned(),
        Broken::Format { format } if format.ends_with("email") => "TYPE_EMAIL".to_owned(),
        Broken::Type { kind: TypeKind::Single(kind) } if number(kind) => "TYPE_NUMERIC".to_owned(),
        Broken::Type { kind: TypeKind::Single(JsonType::String) } => "TYPE_TEXT".to_owned(),
        other => upper_snake(other.keyword()),
    }
}

/// `maxLength` as `MAX_LENGTH`.
pub fn upper_snake(name: &str) -> String {
    name.chars().fold(String::new(), |mut code, character| {
        if character.is_ascii_uppercase() || character == '-' {
            code.push('_');
        }
        code.extend(Some(character.to_ascii_uppercase()).filter(|character| *character != '-'));
        code
    })
}
