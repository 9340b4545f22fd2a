//! Inbox and studio in headless Chromium. Without Chromium, the tests say how to get it, and pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on should stop at once"
)]

mod accessible;
mod inbox;
mod large;
mod page;
mod studio;
