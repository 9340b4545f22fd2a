//! Faults on demand: what goes wrong with which calls, and how it is made to happen.

mod fault;
mod inject;
mod reset;

pub(crate) use fault::Faults;
pub use fault::{Call, Effect, Fault};
pub(crate) use inject::{after, before};
pub(crate) use reset::ResetHandle;
