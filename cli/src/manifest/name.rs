//! Names in manifests: of applications, of hosts and of images.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// An application's name: a DNS label that starts with a letter, as Kubernetes and Spin require.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name(String);

/// A host name in DNS, which callers use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hostname(String);

/// A reference to an OCI artefact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image(String);

/// The id or domain of a tenant, or the id of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifier(String);

/// A text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// For a [`Name`].
    #[error("use lower-case letters, digits and single hyphens, starting with a letter, as in `postern`")]
    Name,
    /// For a [`Hostname`].
    #[error("expected a host name such as `mail.contoso.example`")]
    Hostname,
    /// For an [`Image`].
    #[error("expected an image such as `registry.example.com/postern:0.1.0`")]
    Image,
    /// For an [`Identifier`].
    #[error("expected a UUID such as `11111111-1111-4111-8111-111111111111`")]
    Identifier,
}

/// The longest label and the longest name in DNS (RFC 1035).
const MAX_LABEL: usize = 63;
const MAX_HOSTNAME: usize = 253;

/// The longest reference: a host, a path and a digest.
const MAX_IMAGE: usize = 512;

/// Whether a text consists of words of lower-case letters and digits with single hyphens between them.
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= MAX_LABEL && text.split('-').all(|word| !word.is_empty() && word.bytes().all(plain))
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase());
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Name) }
    }
}

impl FromStr for Hostname {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = text.len() <= MAX_HOSTNAME && text.split('.').all(is_label);
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Hostname) }
    }
}

impl FromStr for Image {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./:@_-".contains(&byte);
        let good = text.len() <= MAX_IMAGE
            && text.contains('/')
            && text.bytes().all(plain)
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && text.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Image) }
    }
}

impl FromStr for Identifier {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let good = (1..=MAX_HOSTNAME).contains(&text.len()) && text.bytes().all(plain);
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Identifier) }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
