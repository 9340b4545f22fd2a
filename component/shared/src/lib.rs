//! What every flavour of the component shares: its gate, the sealing of a policy into it, and how a request is read
//! and answered.
#![cfg(target_family = "wasm")]

mod environment;
mod own;
mod seed;
mod serve;

use std::future::Future;

pub use environment::Environment;
pub use own::{seal, sealable};
pub use serve::{file, respond, whole, within};

/// Where a host keeps settings.
pub trait SettingStore {
    /// The value of a setting by its lower_snake name; `None` when the host has none of this name.
    fn get(&self, name: &str) -> impl Future<Output = Option<String>>;
}

/// SeedSource bits of the host, for the seeds of hash maps.
pub type SeedSource = fn() -> u64;
