//! The id that distinguishes an event from others of the same caller, and stays the same when the sender repeats it.

use serde_json::Value;

use crate::auth;
use crate::contract::EventId;
use crate::policy::Envelope;

/// How many alerts of a group count for its id; senders cut their lists far below.
const MAX_ALERTS: usize = 1000;

/// The id in a payload, if the envelope or the caller's contract defines one there, and whether it is derived from
/// content.
pub(super) fn of(envelope: Option<Envelope>, contract: EventId, payload: &Value) -> Option<(String, bool)> {
    let source = match envelope {
        Some(Envelope::CloudEvents) => EventId::Fields(&["/source", "/id"]),
        Some(Envelope::EventGrid) => EventId::Fields(&["/id"]),
        Some(Envelope::List) | None => contract,
    };
    match source {
        EventId::None | EventId::Header(_) => None,
        EventId::Fields(pointers) => {
            let values: Option<Vec<_>> = pointers.iter().map(|pointer| text(payload.pointer(pointer)?)).collect();
            values.map(|values| (auth::short(&values.join(" ")), false))
        }
        EventId::Object(pointer) => object(payload.pointer(pointer)?).map(|id| (id, true)),
        EventId::AlertGroup => alert_group(payload).map(|id| (id, true)),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn object(value: &Value) -> Option<String> {
    value.is_object().then(|| auth::hash([value.to_string().as_bytes()]))
}

/// If an alert joins a group, leaves it or ends, the next report is another event. A reminder of the same alerts has
/// the same id; only its time distinguishes it from a retry.
fn alert_group(payload: &Value) -> Option<String> {
    let of = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let alerts = payload.get("alerts")?.as_array()?;
    let mut lines: Vec<_> = alerts
        .iter()
        .take(MAX_ALERTS)
        .map(|alert| format!("{}\n{}\n{}", of(alert, "fingerprint"), of(alert, "startsAt"), of(alert, "status")))
        .collect();
    lines.sort_unstable();
    let mut pieces = vec![of(payload, "groupKey"), of(payload, "status")];
    pieces.append(&mut lines);
    Some(auth::hash(pieces.iter().map(String::as_bytes)))
}
