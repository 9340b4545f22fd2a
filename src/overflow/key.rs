//! The key with which the gate signs letters, from settings.

use super::setting;
use crate::guard::mac;
use crate::host::Settings;
use crate::setting::{MIN_KEY_BYTES, Secret, SettingError, SettingFault, bare};

/// The purpose of letters' signatures. A signature that a form's guard makes with the same key is not valid for a
/// letter.
const PURPOSE: &str = "postern letter";

/// A key that signs letters. Its text never appears in output.
#[derive(Debug, Clone)]
pub struct Key(Secret);

impl Key {
    /// Reads the key that signs.
    ///
    /// # Errors
    /// If the setting is missing, has something around it, or is shorter than [`MIN_KEY_BYTES`].
    pub async fn read(host: &impl Settings) -> Result<Self, SettingError> {
        let key = Self::of(host, setting::KEY).await?;
        key.ok_or_else(|| SettingError::new(setting::KEY, SettingFault::Missing))
    }

    /// Reads every key that may have signed letters: the current one, and the previous one if it is still set.
    ///
    /// # Errors
    /// Every setting that is missing or too short.
    pub async fn read_all(host: &impl Settings) -> Result<Vec<Self>, Vec<SettingError>> {
        match (Self::read(host).await, Self::of(host, setting::PREVIOUS_KEY).await) {
            (Ok(key), Ok(previous)) => Ok([key].into_iter().chain(previous).collect()),
            (key, previous) => Err(key.err().into_iter().chain(previous.err()).collect()),
        }
    }

    async fn of(host: &impl Settings, name: &str) -> Result<Option<Self>, SettingError> {
        match bare(name, host.setting(name).await)? {
            Some(text) if text.len() < MIN_KEY_BYTES => Err(SettingError::new(name, SettingFault::Key)),
            text => Ok(text.map(|text| Self(Secret::new(text)))),
        }
    }

    pub(super) fn sign(&self, head: &[u8], body: &[u8]) -> String {
        mac::sign(self.0.reveal(), PURPOSE, &[head, body])
    }

    /// Whether this key made a signature. Compares in constant time.
    pub(super) fn signed(&self, head: &[u8], body: &[u8], signature: &str) -> bool {
        mac::verify(self.0.reveal(), PURPOSE, &[head, body], signature)
    }
}
