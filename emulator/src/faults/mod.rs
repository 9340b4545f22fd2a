//! Faults on demand: which calls fail, and how.

mod fault;
mod inject;
mod reset;

pub(crate) use fault::Faults;
pub use fault::{Call, Effect, Fault};
pub(crate) use inject::{after, before};
pub(crate) use reset::ResetHandle;
