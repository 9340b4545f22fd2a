//! Postern: a small guarded gate for system mail.
//!
//! A request flows in one direction, and each step takes what only the previous step can create:
//!
//! ```text
//! host reads, with a cap → route → authenticate → decode → guard → validate → select → render → deliver → reply + audit
//!       bytes              Route   Verified      Submission Admitted  Valid    Selected  Message  Delivery   Response
//! ```
//!
//! [`gate`] is the only module that knows the order. [`policy`] says what may happen, [`host`] is the core's only
//! connection to the outside world, and every other module is one step. The core reads no clock, no environment and no
//! socket.

pub mod acs;
pub mod audit;
pub mod auth;
pub mod contract;
pub mod decode;
pub mod deliver;
pub mod document;
pub mod entra;
pub mod gate;
pub mod guard;
pub mod handshake;
pub mod host;
pub mod inquiry;
pub mod openapi;
pub mod outbound;
pub mod outcome;
pub mod overflow;
pub mod pointer;
pub mod policy;
pub mod problem;
pub mod readiness;
pub mod refusal;
pub mod render;
pub mod repeat;
pub mod reply;
pub mod select;
pub mod setting;
pub mod staging;
pub mod target;
pub mod texts;
pub mod trace;
pub mod validate;
pub mod visitor;
pub mod web;
