//! What several steps need of the Web's standards: origins, headers, responses and waiting.

pub mod header;
pub mod media_type;
pub mod origin;
pub mod path;
pub mod response;
pub mod retry;
pub mod site;

pub use origin::Origin;
pub use site::{Site, Sites};
