//! Delivery reports: what Event Grid tells a webhook about each recipient once an operation has ended.

mod dispatcher;
mod event;
mod schedule;

pub(crate) use dispatcher::Dispatcher;
pub(crate) use event::Subscription;
pub use schedule::{DROPPED_ON, LIFETIME, RETRY_AFTER, TRIES};
