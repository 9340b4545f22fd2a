//! What a visitor's browser gets back: JSON for scripts, a redirect or a page for people, and answers to a page's other
//! requests.

mod answer;
mod copy;
mod cors;
mod endpoint;
mod next;
mod page;
mod visit;

pub use answer::{answer, preflight};
pub use endpoint::{ENDPOINTS, Endpoint};
pub use visit::{Visit, Wants};

/// The script that sends a page's forms without leaving the page.
pub const SCRIPT: &str = include_str!("client.js");
