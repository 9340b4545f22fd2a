//! The parts of Web standards that several steps need: origins, headers, responses and waiting.

pub mod header;
pub mod media_type;
pub mod origin;
pub mod path;
pub mod response;
pub mod retry;
pub mod site;

pub use origin::Origin;
pub use site::{Site, Sites};
