//! The command-line tool, used as people use it: the real program, its exact output, its exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "the component's own tests need more of it")]
#[path = "../component/azure.rs"]
mod azure;
mod check;
mod completions;
mod dev;
mod doctor;
mod emulator;
#[allow(dead_code, reason = "its list of flavours is for the component's own tests")]
#[path = "../component/flavour.rs"]
mod flavour;
mod man;
mod manifest;
mod mjml;
mod presets;
mod preview;
mod readme;
mod running;
mod seal;
mod send;
mod status;
mod terminal;
mod tool;
mod usage;
