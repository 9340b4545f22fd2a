//! Settings: policies contain their names, hosts know their values, and errors say what is wrong with a setting.

use std::fmt;

/// A setting's name: snake_case, at most 64 characters, starting with a letter.
///
/// It is the name of a Spin variable and, in upper case, of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingName(String);

/// The text is not a valid name of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a setting name: use lowercase letters, digits and single underscores, and start with a letter")]
pub struct SettingNameError;

const MAX_BYTES: usize = 64;

/// The fewest bytes of a key for tokens: anyone who has a token could guess a shorter key.
pub const MIN_KEY_BYTES: usize = 24;

impl SettingName {
    /// Parses a name.
    ///
    /// # Errors
    /// If the text is not snake_case. Spin refuses double and trailing underscores, so this function refuses them too.
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

/// An error about a setting, with its name but never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {fault}")]
pub struct SettingError {
    /// The setting's name.
    pub name: String,
    /// What is wrong with it.
    pub fault: SettingFault,
}

/// What is wrong with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// It has no value.
    #[error("is not set")]
    Missing,
    /// It is not an address of an ACS resource.
    #[error("must be an https address without a path (http only for localhost)")]
    Endpoint,
    /// It is not base64.
    #[error("is not valid base64, which an access key must be")]
    AccessKey,
    /// It is not a connection string.
    #[error("must have the form endpoint=https://…;accesskey=…")]
    ConnectionString,
    /// It contradicts another setting, or repeats it.
    #[error("is set together with acs_endpoint or acs_access_key; set only one of them")]
    Ambiguous,
    /// It does not name an identity.
    #[error("must be access-key, client-secret, workload, app-service or imds")]
    Identity,
    /// It is not a tenant.
    #[error("must be a tenant id or domain")]
    Tenant,
    /// It is not an http or https address.
    #[error("must be an http or https address")]
    Url,
    /// It is not a shared access signature.
    #[error("is not a shared access signature: use the part of the URL after the ?, with sig=")]
    Signature,
    /// It contains characters that are not allowed in a header.
    #[error("contains characters that a header cannot contain")]
    Header,
    /// It is not an email address.
    #[error("must be a plain email address")]
    Address,
    /// It is too short to sign a form's tokens with.
    #[error("is too short: a key needs at least {} random characters", MIN_KEY_BYTES)]
    Key,
    /// It does not have the format that the route's scheme requires.
    #[error("is not a valid secret for the route's scheme")]
    Secret,
}

impl SettingError {
    /// An error about the setting of that name.
    pub fn new(name: &str, fault: SettingFault) -> Self {
        Self { name: name.to_owned(), fault }
    }
}

/// A text that never appears in any output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
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
