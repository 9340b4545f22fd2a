//! What a visitor's form sends, and what the visitor gets back.

mod answer;
mod assemble;
mod attachment;
mod coerce;
mod content;
mod control;
mod cors;
mod endpoint;
mod name;
mod page;
mod redirect;
mod shape;
mod visit;
mod zip;

pub use answer::{answer, preflight};
pub use assemble::{Contradiction, assemble, labelled, members};
pub use attachment::{Attachment, FILE_TYPES, FileType, MAX_FILES, Upload, attach, clean};
pub use content::Content;
pub use control::{CONVENTIONS, Controls, Convention};
pub use endpoint::{ENDPOINTS, Endpoint, OPENAPI_PATH, SCRIPT_PATH, document};
pub use visit::{Visit, Wants};

/// One field of a form, as a browser sends it: everything is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The control's name, such as `email`, `topic[]` or `address.city`.
    pub name: String,
    /// The control's value.
    pub text: String,
}
