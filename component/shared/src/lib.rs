//! What every flavour of the component shares: the gate, sealing a policy into it, and answering requests.
#![cfg(target_family = "wasm")]

mod environment;
mod own;
mod seed;
mod serve;
mod services;

use std::future::Future;

pub use environment::Environment;
pub use own::{seal, sealable};
pub use serve::{respond, whole, within};

/// Where a host keeps settings.
pub trait SettingStore {
    /// The value of a setting by its snake_case name; `None` if it is not set.
    fn get(&self, name: &str) -> impl Future<Output = Option<String>>;
}

/// Draws random bits from the host, to seed hash maps.
pub type SeedSource = fn() -> u64;
