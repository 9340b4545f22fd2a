//! Delivery reports: what Event Grid tells a webhook about each recipient once an operation has ended.

mod courier;
mod event;
mod log;
mod schedule;

use http::{HeaderMap, Uri};

pub(crate) use courier::Courier;
pub(crate) use event::Subscription;
pub(crate) use log::ReportLog;
pub use log::{Push, Report, ReportState};
pub use schedule::{DROPPED_ON, LIFETIME, RETRY_AFTER, TRIES};

/// How an event is wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventSchema {
    /// Event Grid's own: an array of one event; the handshake is an event that asks for a code back.
    #[default]
    EventGrid,
    /// CloudEvents 1.0, structured; the handshake is an `OPTIONS` request.
    CloudEvents,
}

/// Where delivery reports go.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address, `http` or `https`, with whatever secret its query carries.
    pub url: Uri,
    /// How events are wrapped.
    pub schema: EventSchema,
    /// Headers sent with each event, such as one with a secret.
    pub headers: HeaderMap,
    /// How many times faster than Event Grid's the waits between tries are; 1 is real time, 0 counts as 1.
    pub speed: u32,
}

impl Webhook {
    /// A webhook in Event Grid's schema, in real time.
    pub fn new(url: Uri) -> Webhook {
        Webhook { url, schema: EventSchema::EventGrid, headers: HeaderMap::new(), speed: 1 }
    }
}
