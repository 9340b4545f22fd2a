//! Does the payload fit the route's schema? Violations are told in sentences, without the offending value.

use jsonschema::error::{TypeKind, ValidationErrorKind as Broken};
use jsonschema::{JsonType, ValidationError};
use serde::Serialize;
use serde_json::Value;

use crate::auth::Caller;
use crate::guard::Admitted;
use crate::policy::Schema;

/// The most violations told at once.
pub const MAX_VIOLATIONS: usize = 50;

/// A payload that fits its route's schema. Only [`validate`] makes one.
#[derive(Debug)]
pub struct Valid {
    payload: Value,
    caller: Caller,
}

impl Valid {
    /// The payload.
    pub const fn payload(&self) -> &Value {
        &self.payload
    }

    /// Who sent it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// One way in which a payload does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The place in the payload, as an RFC 6901 pointer; for a missing property, where it should be.
    pub pointer: String,
    /// The schema keyword that was broken.
    pub keyword: String,
    /// A sentence that says what is expected.
    pub detail: String,
}

/// Checks an admitted submission.
///
/// # Errors
/// All violations at once, [`MAX_VIOLATIONS`] at most, and the caller for the audit line.
pub fn validate(schema: &Schema, admitted: Admitted) -> Result<Valid, Vec<Violation>> {
    let (payload, caller) = admitted.into_parts();
    if schema.validator().is_valid(&payload) {
        return Ok(Valid { payload, caller });
    }
    Err(violations(schema, &payload))
}

/// How a payload breaks a schema; empty when it fits.
pub fn violations(schema: &Schema, payload: &Value) -> Vec<Violation> {
    let errors = schema.validator().iter_errors(payload);
    errors.flat_map(|error| violations_of(&error)).take(MAX_VIOLATIONS).collect()
}

/// One violation for each place: a missing or an unexpected property is told where it is or should be.
fn violations_of(error: &ValidationError<'_>) -> Vec<Violation> {
    let place = error.instance_path().to_string();
    let below = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    let pointers = match error.kind() {
        Broken::Required { property: Value::String(name) } => vec![below(name)],
        Broken::AdditionalProperties { unexpected } | Broken::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| below(name)).collect()
        }
        _ => vec![place],
    };
    let violation =
        |pointer| Violation { pointer, keyword: error.kind().keyword().to_owned(), detail: sentence(error.kind()) };
    pointers.into_iter().map(violation).collect()
}

/// What is expected, in words of the schema alone: nothing of the payload may come back or reach a log.
fn sentence(broken: &Broken) -> String {
    match broken {
        Broken::Required { .. } => "This field is required.".to_owned(),
        Broken::Type { kind } => format!("This must be {}.", type_name(kind)),
        Broken::Format { format } => format!("This must be {}.", format_name(format)),
        Broken::MinLength { limit: 1 } => "This must not be empty.".to_owned(),
        Broken::MinLength { limit } => format!("This must have at least {limit} characters."),
        Broken::MaxLength { limit } => format!("This must have at most {limit} characters."),
        Broken::Minimum { limit } => format!("This must be at least {limit}."),
        Broken::Maximum { limit } => format!("This must be at most {limit}."),
        Broken::ExclusiveMinimum { limit } => format!("This must be more than {limit}."),
        Broken::ExclusiveMaximum { limit } => format!("This must be less than {limit}."),
        Broken::MultipleOf { multiple_of } => format!("This must be a multiple of {multiple_of}."),
        Broken::MinItems { limit } => format!("This must have at least {limit} entries."),
        Broken::MaxItems { limit } => format!("This must have at most {limit} entries."),
        Broken::AdditionalItems { limit } => format!("This must have at most {limit} entries."),
        Broken::MinProperties { limit } => format!("This must have at least {limit} fields."),
        Broken::MaxProperties { limit } => format!("This must have at most {limit} fields."),
        Broken::UniqueItems => "No entry may come twice.".to_owned(),
        Broken::Enum { options } => format!("This must be one of {options}."),
        Broken::Constant { expected_value } => format!("This must be {expected_value}."),
        Broken::Pattern { pattern } => format!("This does not have the expected form; it must match {pattern}."),
        Broken::AdditionalProperties { .. } | Broken::UnevaluatedProperties { .. } => {
            "This field is not expected.".to_owned()
        }
        Broken::UnevaluatedItems { .. } => "There is an entry here that is not expected.".to_owned(),
        Broken::PropertyNames { .. } => "There is a field here whose name is not allowed.".to_owned(),
        Broken::Contains => "An entry that is required here is missing.".to_owned(),
        Broken::FalseSchema => "This must not be present.".to_owned(),
        Broken::AnyOf { .. } | Broken::OneOfNotValid { .. } => "This fits none of the allowed forms.".to_owned(),
        Broken::OneOfMultipleValid { .. } => "This fits more than one form where only one is allowed.".to_owned(),
        Broken::Not { .. } => "This is of a form that is not allowed.".to_owned(),
        _ => "This does not fit the schema.".to_owned(),
    }
}

fn type_name(kind: &TypeKind) -> String {
    let name = |json_type| match json_type {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    };
    match kind {
        TypeKind::Single(json_type) => name(*json_type).to_owned(),
        TypeKind::Multiple(types) => types.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

fn format_name(format: &str) -> String {
    match format {
        "email" | "idn-email" => "an e-mail address".to_owned(),
        "uri" | "iri" => "an absolute address such as https://example.com/".to_owned(),
        "date" => "a date such as 2026-03-31".to_owned(),
        "time" => "a time such as 09:30:00Z".to_owned(),
        "date-time" => "a date and time such as 2026-03-31T09:30:00Z".to_owned(),
        "uuid" => "a UUID".to_owned(),
        other => format!("of the format `{other}`"),
    }
}
