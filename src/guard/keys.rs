//! The values of the settings that a form's guards name.

use std::collections::BTreeMap;
use std::fmt;

use crate::host::Settings;
use crate::policy::{Holds, Route};
use crate::setting::{MIN_KEY_BYTES, SettingError, SettingFault, SettingName, bare};
use crate::web::Origin;

/// The keys of a route.
#[derive(Default)]
pub struct Keys(BTreeMap<SettingName, String>);

/// A guard needs a key that its route does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a guard's key was not read")]
pub struct MissingKey;

impl Keys {
    /// Reads the keys.
    ///
    /// # Errors
    /// Every setting that is missing, has something around it, is too short for a key, or not an address.
    pub async fn read(host: &impl Settings, route: &Route) -> Result<Self, Vec<SettingError>> {
        let (mut keys, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, holds) in route.form.settings() {
            match bare(name.as_str(), host.setting(name.as_str()).await) {
                Ok(None) => errors.push(SettingError::new(name.as_str(), SettingFault::Missing)),
                Ok(Some(value)) if holds == Holds::Key && value.len() < MIN_KEY_BYTES => {
                    errors.push(SettingError::new(name.as_str(), SettingFault::Key));
                }
                Ok(Some(value)) if holds == Holds::Address && Origin::parse(&value).is_none() => {
                    errors.push(SettingError::new(name.as_str(), SettingFault::Endpoint));
                }
                Ok(Some(value)) => {
                    keys.insert(name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self(keys)) } else { Err(errors) }
    }

    /// The value of one key.
    pub(crate) fn of(&self, name: &SettingName) -> Result<&str, MissingKey> {
        self.0.get(name).map(String::as_str).ok_or(MissingKey)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}
