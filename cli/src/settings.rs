//! The gate's settings from this process's environment, by their names in upper case.

use std::collections::BTreeMap;
use std::env;

use anyhow::anyhow;
use postern::policy::PUBLIC_URL;
use postern::setting::{SettingError, SettingFault};
use postern::staging::REDIRECT_ALL_TO;
use postern::{acs, entra, overflow};

/// Values by snake_case name.
pub type Settings = BTreeMap<String, String>;

/// Those of the gate's own settings, and of those that a policy names, that the environment contains.
pub fn read<'a>(named: impl IntoIterator<Item = &'a str>) -> Settings {
    let own = acs::setting::ALL.into_iter().chain(entra::setting::ALL).chain([
        PUBLIC_URL,
        REDIRECT_ALL_TO,
        overflow::setting::SAS,
        overflow::setting::IDENTITY,
        overflow::setting::KEY,
    ]);
    own.chain(named).filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

/// One setting; `None` if it is not set, or empty.
pub fn value(name: &str) -> Option<String> {
    env::var(name.to_ascii_uppercase()).ok().filter(|value| !value.is_empty())
}

/// The settings that have something around them, such as quotation marks; each by name, with what it is.
pub fn surrounded(settings: &Settings) -> Vec<SettingError> {
    let fault = |(name, value): (&String, &String)| Some(SettingError::new(name, SettingFault::around(value)?));
    settings.iter().filter_map(fault).collect()
}

/// What is wrong with settings, in one sentence.
pub fn unusable(faults: &[String]) -> anyhow::Error {
    anyhow!("Missing or invalid settings (environment variables, upper case): {}.", faults.join("; "))
}
