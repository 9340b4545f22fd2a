//! `uniqueItems` in bounded time, whatever items a stranger sends.
//!
//! The validator's own implementation examines lists of any length, although `maxItems` refuses them, and its hash of a
//! list ignores the length, so that thousands of different items can have the same hash.

use std::cmp::Ordering;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Number, Value};

use super::schema::MAX_UNIQUE_ITEMS;

/// What a schema says about the items of a list.
pub(super) struct UniqueItems(bool);

impl UniqueItems {
    /// Reads the keyword's value.
    pub(super) fn of(demanded: &Value) -> Self {
        Self(demanded == &Value::Bool(true))
    }
}

impl<'i> Keyword<'i> for UniqueItems {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) { Ok(()) } else { Err(ValidationError::custom("has equal items")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            // A longer list violates its `maxItems`, which every schema with `uniqueItems` has.
            Value::Array(items) if self.0 && items.len() as u64 <= MAX_UNIQUE_ITEMS => are_unique(items),
            _ => true,
        }
    }
}

/// Whether no two items are equal, with as many comparisons as sorting needs.
fn are_unique(items: &[Value]) -> bool {
    let mut sorted: Vec<&Value> = items.iter().collect();
    sorted.sort_unstable_by(|one, other| order(one, other));
    sorted.windows(2).all(|two| matches!(two, [one, other] if order(one, other).is_ne()))
}

/// An order in which values that JSON Schema calls equal are equal: it compares numbers by value.
fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => number_order(one, other),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            let lengths = one.len().cmp(&other.len());
            lengths.then_with(|| first_difference(one.iter().zip(other).map(|(one, other)| order(one, other))))
        }
        (Value::Object(one), Value::Object(other)) => {
            let members = one.iter().zip(other);
            let difference = members
                .map(|((name, value), (other_name, other))| name.cmp(other_name).then_with(|| order(value, other)));
            one.len().cmp(&other.len()).then_with(|| first_difference(difference))
        }
        (one, other) => rank(one).cmp(&rank(other)),
    }
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// If whole numbers have the same `f64`, compares them exactly, however they are written.
fn number_order(one: &Number, other: &Number) -> Ordering {
    let whole = |number: &Number| {
        // Beyond this, JSON's numbers are only read as `f64`.
        let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e38);
        number.as_i128().or_else(|| float().map(|float| float as i128))
    };
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    let floats = float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal);
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => floats.then_with(|| one.cmp(&other)),
        _ => floats,
    }
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::are_unique;

    #[test]
    fn items_are_equal_by_their_value() {
        for (items, unique) in [
            (json!([]), true),
            (json!([1, 2, "1", true, null, [], {}, [[]], [[], []], {"a": 1}, {"a": 2}, {"b": 1}]), true),
            (json!([1, 1.0]), false),
            (json!([0.5, 0.5]), false),
            (json!([-0.0, 0]), false),
            (json!([9_007_199_254_740_993_u64, 9_007_199_254_740_992_u64]), true),
            (json!([18_446_744_073_709_551_615_u64, -1]), true),
            (json!(["a", "b", "a"]), false),
            (json!([{"a": 1, "b": [1]}, {"b": [1.0], "a": 1}]), false),
            (json!([[1, [2]], [1, [2]]]), false),
            (json!([null, false, null]), false),
        ] {
            let Value::Array(list) = &items else { continue };
            assert_eq!(are_unique(list), unique, "{items}");
        }
    }
}
