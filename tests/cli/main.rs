//! The command-line tool, driven as people drive it: the real program, its output to the letter, its exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]
#![cfg(unix)]

mod check;
mod dev;
mod emulator;
mod preview;
mod readme;
mod running;
mod send;
mod tool;
mod usage;
