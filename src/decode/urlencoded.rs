//! Bodies of plain HTML forms.

use serde_json::{Map, Value};

use super::Error;

/// The most fields a form may have.
pub const MAX_FIELDS: usize = 200;

/// Every field becomes a string; one that comes more than once becomes an array of strings.
pub(super) fn decode(body: &[u8]) -> Result<Value, Error> {
    let mut payload = Map::new();
    for (index, (name, value)) in form_urlencoded::parse(utf8(body)?).enumerate() {
        if index >= MAX_FIELDS {
            return Err(Error::TooManyFields);
        }
        let value = Value::String(value.into_owned());
        match payload.get_mut(name.as_ref()) {
            None => {
                payload.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(Value::Object(payload))
}

/// The parser puts U+FFFD for what is not UTF-8; a mail with a hole in it is worse than a refusal.
fn utf8(body: &[u8]) -> Result<&[u8], Error> {
    let decoded: Vec<u8> = percent_encoding::percent_decode(body).collect();
    std::str::from_utf8(&decoded).map(|_| body).map_err(|_| Error::NotUtf8)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Error, MAX_FIELDS, decode};

    #[test]
    fn fields_are_strings_and_repeated_ones_lists() {
        assert_eq!(
            decode(b"name=Ada+L%C3%B6w&topic=a&topic=b&topic=c&empty="),
            Ok(json!({"name": "Ada Löw", "topic": ["a", "b", "c"], "empty": ""}))
        );
        assert_eq!(decode(b""), Ok(json!({})));
    }

    #[test]
    fn broken_text_and_too_many_fields_are_refused() {
        assert_eq!(decode(b"name=%FF"), Err(Error::NotUtf8));
        assert_eq!(decode(b"name=\xff"), Err(Error::NotUtf8));
        assert!(decode("a=1&".repeat(MAX_FIELDS).as_bytes()).is_ok());
        assert_eq!(decode("a=1&".repeat(MAX_FIELDS + 1).as_bytes()), Err(Error::TooManyFields));
    }
}
