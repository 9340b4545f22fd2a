//! The name of a setting: policies mention names, hosts know values.

use std::fmt;

/// A setting's name: lower_snake, at most 64 characters, starting with a letter.
///
/// It is the name of a Spin variable, and in upper case that of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingName(String);

/// The text cannot name a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a setting's name: use lower-case letters, digits and single underscores, and start with a letter")]
pub struct SettingNameError;

const MAX_BYTES: usize = 64;

impl SettingName {
    /// Parses a name.
    ///
    /// # Errors
    /// When the text is not lower_snake. Spin refuses double and trailing underscores, so they are refused here.
    pub fn parse(text: &str) -> Result<Self, SettingNameError> {
        let words = text.split('_').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        let letter_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if words && letter_first && text.len() <= MAX_BYTES { Ok(Self(text.to_owned())) } else { Err(SettingNameError) }
    }

    /// The name as a policy and a Spin manifest write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::SettingName;

    #[test]
    fn names_are_lower_snake() {
        for (text, good) in [
            ("github_webhook_secret", true),
            ("a1", true),
            ("", false),
            ("1a", false),
            ("A", false),
            ("a__b", false),
            ("a_", false),
            ("_a", false),
            ("a-b", false),
        ] {
            assert_eq!(SettingName::parse(text).is_ok(), good, "{text:?}");
        }
    }
}
