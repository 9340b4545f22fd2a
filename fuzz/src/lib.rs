//! What must hold for every request, however it was made.
//!
//! Each target is a function from an input to whether it got through: it returns, or it panics and libFuzzer keeps the
//! input. `postern-seeds` has the first inputs, and the policy that they are for.
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
pub mod upload;
pub mod verify;
