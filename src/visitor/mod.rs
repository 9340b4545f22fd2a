//! What a visitor's browser gets back: JSON for scripts, a redirect or a page for people, and what a page asks for
//! beside sending its form.

mod answer;
mod cors;
mod endpoint;
mod next;
mod page;
mod visit;

pub use answer::{answer, preflight};
pub use endpoint::{ENDPOINTS, Endpoint};
pub use visit::{Visit, Wants};

/// The script that makes plain forms comfortable.
pub const SCRIPT: &str = include_str!("client.js");
