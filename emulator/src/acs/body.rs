//! Request bodies: read up to a limit, required to be JSON, parsed strictly.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use mime::Mime;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::acs::refusal::Refusal;
use crate::acs::validate::Invalid;

/// How many times the limit to read and discard, so that a client that sends too much still gets its answer instead of
/// a broken pipe.
const DRAIN_FACTOR: usize = 4;

/// The whole body, or a refusal if it is larger than `max` bytes.
pub(crate) async fn read(mut body: Body, max: usize) -> Result<Bytes, Refusal> {
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyUnreadable)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen <= max {
            kept.extend_from_slice(&data);
        } else if seen > max.saturating_mul(DRAIN_FACTOR) {
            break;
        }
    }
    if seen > max {
        return Err(Refusal::BodyTooLarge { max });
    }
    Ok(kept.freeze())
}

/// Refuses anything but `application/json`; parameters such as a charset are fine.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime = value.and_then(|text| text.parse::<Mime>().ok());
    match mime {
        Some(mime) if mime.essence_str() == mime::APPLICATION_JSON.essence_str() => Ok(()),
        _ => Err(Refusal::MediaType),
    }
}

/// Parses JSON; the error names the property.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Invalid> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Invalid::new(error.path().to_string(), error.inner().to_string()))?;
    json.end().map_err(|error| Invalid::new(".", error.to_string()))?;
    Ok(value)
}

/// A value that is an object in JSON. Derived code would also accept an array of the members.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// For `deserialize_with`: a member that is an object.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// For `deserialize_with`: a member that is an array of objects.
pub(crate) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Object(value)| value).collect())
}

/// For `deserialize_with`: an array of objects, or null.
pub(crate) fn maybe_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|Object(value)| value).collect()))
}
