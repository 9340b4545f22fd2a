//! Decides which ACS operation an event's mail is: that of an earlier event which it repeats, or a new one.
//!
//! An event with its own id is always one operation. An event that only its content identifies is one operation in each
//! period of time; `docs/delivery.md` explains why.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha1::{Digest as _, Sha1};
use uuid::Uuid;

use crate::contract::DuplicateWindow;
use crate::policy::Route;

/// The namespace of operation ids (RFC 9562, 5.5). The name consists of route, mail and event id, each on a line, and
/// the period, if there is one.
const OPERATIONS: Uuid = Uuid::from_u128(0x7d5c_9a2e_41b6_4f0a_9c3d_2f6b_8e17_a054);

/// The operations that an event's mail can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operations {
    /// The one of this period.
    pub current: Uuid,
    /// The one of the previous period, if this one has just begun.
    pub earlier: Option<Earlier>,
}

/// An operation that ACS may already have, which this event would then repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub operation: Uuid,
    /// How long ago its period ended.
    pub age: Duration,
}

impl Operations {
    /// The operations of an event's mail at a point in time. Time matters only if the id is `derived` from content.
    pub fn of(route: &Route, mail: &str, event_id: &str, derived: bool, now: SystemTime) -> Self {
        let Some(window) = route.duplicate_window.filter(|_| derived) else {
            return Self { current: operation(route, mail, event_id), earlier: None };
        };
        let (period, age) = period(window, now);
        let of = |period: u128| operation(route, mail, &format!("{event_id}\n{period}"));
        let earlier = (age < window.horizon()).then(|| period.checked_sub(1)).flatten();
        Self { current: of(period), earlier: earlier.map(|period| Earlier { operation: of(period), age }) }
    }
}

/// The number of the period, counted from 1970, and how long ago it began. Period and horizon add up to the window.
fn period(window: DuplicateWindow, now: SystemTime) -> (u128, Duration) {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let length = window.window().saturating_sub(window.horizon()).as_nanos().max(1);
    let age = u64::try_from(now.as_nanos() % length).unwrap_or(u64::MAX);
    (now.as_nanos() / length, Duration::from_nanos(age))
}

/// The operation of an event's mail. The same event always has the same one, so ACS can recognise a repeat.
pub(crate) fn operation(route: &Route, mail: &str, event_id: &str) -> Uuid {
    id(&format!("{}\n{mail}\n{event_id}", route.name))
}

/// The UUID of version 5 of a name.
fn id(name: &str) -> Uuid {
    // `Uuid::new_v5` is the same with a second crate for SHA-1.
    let digest = Sha1::new().chain_update(OPERATIONS).chain_update(name).finalize();
    let [bytes @ .., _, _, _, _]: [u8; 20] = digest.into();
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::OPERATIONS;

    #[test]
    fn operation_ids_are_version_5() {
        // python3 -c "import uuid; print(uuid.uuid5(uuid.UUID('7d5c9a2e-41b6-4f0a-9c3d-2f6b8e17a054'), 'contact\nnotify\nx'))"
        let expected = "563a28f2-9d05-5bc0-860b-691311b8c5bd";
        assert_eq!(Uuid::parse_str(expected), Ok(super::id("contact\nnotify\nx")));
        assert_eq!(OPERATIONS.get_version_num(), 4);
    }
}
