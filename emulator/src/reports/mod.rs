//! Delivery reports: the events that Event Grid sends to a webhook for each recipient once an operation has ended.

mod dispatcher;
mod event;
mod schedule;

pub(crate) use dispatcher::Dispatcher;
pub(crate) use event::Subscription;
pub use schedule::{DROPPED_ON, LIFETIME, RETRY_AFTER, TRIES};
