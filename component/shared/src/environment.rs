//! Settings from the environment: a setting's name in upper case.

use crate::SettingStore;

/// The environment that the host gives the component.
pub struct Environment;

impl SettingStore for Environment {
    /// Also `None` if the value is not UTF-8.
    async fn get(&self, name: &str) -> Option<String> {
        std::env::var(name.to_ascii_uppercase()).ok()
    }
}
