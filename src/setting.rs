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
    /// It is in quotation marks. Shells and Compose take them away; `docker run --env-file` and portals do not.
    #[error("is in quotation marks, which count as part of the value: remove them")]
    Quoted,
    /// It starts or ends with a line break, as files do that `echo` wrote.
    #[error("starts or ends with a line break: remove it")]
    LineBreak,
    /// It starts or ends with a space or a tab.
    #[error("starts or ends with a space: remove it")]
    Space,
    /// It starts or ends with a character that nobody sees, such as the byte order mark of Windows programs.
    #[error("starts or ends with an invisible character, such as a byte order mark: save it without one")]
    Invisible,
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

impl SettingFault {
    /// What is around a value and was not meant as part of it. No setting has a value that needs one of these: a secret
    /// with them is almost always another one than its sender has.
    pub fn around(value: &str) -> Option<Self> {
        let ends = || [value.chars().next(), value.chars().next_back()].into_iter().flatten();
        let quoted = |(open, close): (char, char)| value.strip_prefix(open).is_some_and(|rest| rest.ends_with(close));
        if ends().any(|end| INVISIBLE.contains(&end)) {
            Some(Self::Invisible)
        } else if ends().any(|end| matches!(end, '\n' | '\r')) {
            Some(Self::LineBreak)
        } else if ends().any(char::is_whitespace) {
            Some(Self::Space)
        } else if QUOTATION_MARKS.into_iter().any(quoted) {
            Some(Self::Quoted)
        } else {
            None
        }
    }
}

/// The byte order mark, and what web pages put between the words that people copy.
const INVISIBLE: [char; 4] = ['\u{FEFF}', '\u{200B}', '\u{2060}', '\u{200E}'];

/// Pairs in which people write values, and those that word processors make of them.
const QUOTATION_MARKS: [(char, char); 6] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201C}', '\u{201D}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{201E}', '\u{201C}'),
];

/// A setting's value, if there is one.
///
/// # Errors
/// If something is around it that was not meant as part of it.
pub fn bare(name: &str, value: Option<String>) -> Result<Option<String>, SettingError> {
    match value.as_deref().and_then(SettingFault::around) {
        Some(fault) => Err(SettingError::new(name, fault)),
        None => Ok(value),
    }
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
    use super::{SettingFault, SettingName, bare};

    #[test]
    fn what_is_around_a_value_is_named_and_never_shown() {
        for (value, fault) in [
            ("s3cret", None),
            ("it's \"quoted\" inside", None),
            ("\"only one side", None),
            ("\"", None),
            ("", None),
            ("\"s3cret\"", Some(SettingFault::Quoted)),
            ("'s3cret'", Some(SettingFault::Quoted)),
            ("\"\"", Some(SettingFault::Quoted)),
            ("\u{201C}s3cret\u{201D}", Some(SettingFault::Quoted)),
            ("\u{201E}s3cret\u{201C}", Some(SettingFault::Quoted)),
            ("s3cret\n", Some(SettingFault::LineBreak)),
            ("s3cret\r\n", Some(SettingFault::LineBreak)),
            ("\"s3cret\"\n", Some(SettingFault::LineBreak)),
            (" s3cret", Some(SettingFault::Space)),
            ("s3cret\t", Some(SettingFault::Space)),
            ("s3cret\u{A0}", Some(SettingFault::Space)),
            ("\u{FEFF}s3cret", Some(SettingFault::Invisible)),
            ("s3cret\u{200B}", Some(SettingFault::Invisible)),
        ] {
            assert_eq!(SettingFault::around(value), fault, "{value:?}");
            match bare("hook_secret", Some(value.to_owned())) {
                Ok(kept) => assert_eq!((kept.as_deref(), fault), (Some(value), None)),
                Err(error) => assert!(!error.to_string().contains("s3cret"), "{error}"),
            }
        }
        assert_eq!(bare("hook_secret", None), Ok(None));
    }

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
