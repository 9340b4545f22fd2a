//! What must hold for every request, however it was made.
//!
//! Each target is a function from an input to nothing: it returns, or it panics and libFuzzer keeps the input. An input
//! is a request as text (see [`request`]), so that whoever finds one can read it, and `seeds` can write them.
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

/// The clock of a request that does not say otherwise: that of most fixtures, 2026-03-03T07:05:09Z.
pub const NOW: u64 = 1_772_521_509;
