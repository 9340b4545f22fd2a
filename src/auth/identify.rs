//! Decides which event an authenticated request is, only by what its proof covers.

use http::request::Parts;

use super::{Caller, IDEMPOTENCY_KEY, Refusal, hash, short, twilio};
use crate::contract::EventId;
use crate::policy::{Coverage, RouteAuth};

/// The caller of a request that its scheme has authenticated.
///
/// If the proof covers every header, the event's id comes from its contract's header, or else from `Idempotency-Key`.
/// If the proof covers a body, the id is the signed one, or else a hash of the body, so that a recorded request is the
/// same event whatever its other headers say.
pub(super) fn caller(auth: &RouteAuth, event_id: EventId, parts: &Parts, body: &[u8]) -> Result<Caller, Refusal> {
    let own = match event_id {
        EventId::Header(name) => header(parts, name),
        _ => None,
    };
    let named = own.or_else(|| header(parts, IDEMPOTENCY_KEY)).map(short);
    let covered = match auth.scheme.coverage() {
        Coverage::Request => named.clone(),
        Coverage::Body { id } => id.and_then(|name| header(parts, name.as_str())).map(short),
        Coverage::AddressAndFields { .. } => None,
    };
    let derived = covered.is_none();
    let event_id = match (covered, auth.scheme.coverage()) {
        (Some(id), _) => id,
        (None, Coverage::AddressAndFields { url }) => hash([twilio::signed(url, parts, body)?.as_bytes()]),
        (None, _) => hash([body]),
    };
    let delivery_id = named.filter(|named| *named != event_id);
    Ok(Caller { scheme: auth.name, event_id, derived, delivery_id })
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty())
}
