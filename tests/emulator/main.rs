//! The emulator through its public interface: real TCP on loopback, signed requests, exact answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on should stop at once"
)]

mod api;
mod body;
mod checks;
mod faults;
mod inbox;
mod lab;
mod listing;
mod openapi;
mod operation;
mod operation_id;
mod persistence;
mod quota;
mod reports;
mod reserved;
mod server;
mod signature;
mod tls;
mod webhook;
