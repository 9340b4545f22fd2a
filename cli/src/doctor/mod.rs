//! The checks of `postern doctor`: this machine, a policy, and an ACS resource.

mod finding;
pub mod machine;
pub mod policy;
pub mod resource;

pub use finding::{Finding, State};
