//! What must hold for every request, however it came about.
//!
//! Each target is a function of an input: it returns, or it panics and libFuzzer keeps the input. An input is a request
//! as text (see [`request`]), so that people can read it and `seeds` can write it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target must fail"
)]

pub mod decision;
pub mod decode;
pub mod door;
pub mod host;
pub mod memory;
pub mod request;
pub mod senders;
pub mod verify;

/// The clock of a request without `x-fuzz-now`: that of most fixtures, 2026-03-03T07:05:09Z.
pub const NOW: u64 = 1_772_521_509;
