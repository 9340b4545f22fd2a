//! `[overflow]`: where the gate stores mails that it could not deliver in time.

use std::fmt;

use http::Uri;

use crate::web::Origin;

/// The suffix of the poison queue's name: the queue for letters that cannot be delivered.
pub const POISON_SUFFIX: &str = "-poison";

/// The lengths of names of queues and containers (Microsoft Learn, "Naming queues and metadata").
pub(super) const MIN_NAME_BYTES: usize = 3;
pub(super) const MAX_NAME_BYTES: usize = 63;

/// Where the gate stores mails that it could not deliver in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// The queue.
    pub queue: StorageAddress,
    /// The container of blobs for mails that are too large for the queue.
    pub container: StorageAddress,
}

/// A queue or container of Azure Storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageAddress {
    server: Origin,
    /// The account, if the path and not the host names it, as in Azurite's addresses.
    account: Option<String>,
    name: String,
}

impl StorageAddress {
    /// Reads `https://ACCOUNT.queue.core.windows.net/NAME`, or Azurite's `http://127.0.0.1:10001/ACCOUNT/NAME`.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let server = Origin::parse(&format!("{}://{}", uri.scheme()?, uri.authority()?))?;
        if uri.query().is_some() || text.contains('#') {
            return None;
        }
        let mut names = uri.path().strip_prefix('/')?.rsplitn(2, '/').map(str::to_owned);
        let name = names.next().filter(|name| is_name(name))?;
        let account = names.next();
        if account.as_ref().is_some_and(|account| !account.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return None;
        }
        Some(Self { server, account, name })
    }

    /// A queue or container with `suffix` at the end of its name.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self { name: format!("{}{suffix}", self.name), ..self.clone() }
    }

    /// The address of something in it: `below` starts with a slash or a question mark, or is empty.
    pub fn uri(&self, below: &str) -> Uri {
        self.server.uri(&format!("{}{below}", self.path()))
    }

    /// Its server, in the format of browsers' origins.
    pub fn origin(&self) -> String {
        self.server.to_string()
    }

    /// Its name in the account.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> String {
        let account = self.account.as_ref().map_or_else(String::new, |account| format!("/{account}"));
        format!("{account}/{}", self.name)
    }

    /// The container with the same name as a queue, if the host name shows where the account's containers are.
    pub(super) fn container(&self) -> Option<Self> {
        let (account, rest) = self.server.authority().split_once(".queue.")?;
        let server = Origin::parse(&format!("https://{account}.blob.{rest}"))?;
        self.account.is_none().then(|| Self { server, account: None, name: self.name.clone() })
    }
}

impl fmt::Display for StorageAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.server, self.path())
    }
}

/// Lowercase letters and digits, with single dashes between them.
fn is_name(name: &str) -> bool {
    let plain =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (MIN_NAME_BYTES..=MAX_NAME_BYTES).contains(&name.len()) && name.split('-').all(plain)
}

#[cfg(test)]
mod tests {
    use super::StorageAddress;

    #[test]
    fn addresses_are_those_of_azure_and_of_azurite() {
        for (text, below) in [
            ("https://contoso.queue.core.windows.net/mail", "https://contoso.queue.core.windows.net/mail/messages"),
            ("https://Contoso.queue.core.windows.net:443/m-1", "https://contoso.queue.core.windows.net/m-1/messages"),
            ("http://127.0.0.1:10001/devstoreaccount1/mail", "http://127.0.0.1:10001/devstoreaccount1/mail/messages"),
        ] {
            let uri = StorageAddress::parse(text).map(|address| address.uri("/messages").to_string());
            assert_eq!(uri.as_deref(), Some(below), "{text}");
        }
        for text in [
            "",
            "contoso",
            "https://contoso.queue.core.windows.net",
            "https://contoso.queue.core.windows.net/",
            "https://contoso.queue.core.windows.net/mail/",
            "https://contoso.queue.core.windows.net/mail?sv=2026&sig=x",
            "https://contoso.queue.core.windows.net/mail#x",
            "https://user@contoso.queue.core.windows.net/mail",
            "http://contoso.queue.core.windows.net/mail",
            "https://contoso.queue.core.windows.net/Mail",
            "https://contoso.queue.core.windows.net/a--b",
            "https://contoso.queue.core.windows.net/-ab",
            "https://contoso.queue.core.windows.net/ab",
            "http://127.0.0.1:10001/a/b/mail",
            "http://127.0.0.1:10001/../mail",
        ] {
            assert_eq!(StorageAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_container_is_looked_for_beside_the_queue() {
        let container = |text| StorageAddress::parse(text)?.container().map(|container| container.to_string());
        let beside = "https://contoso.blob.core.usgovcloudapi.net/mail";
        assert_eq!(container("https://contoso.queue.core.usgovcloudapi.net/mail").as_deref(), Some(beside));
        assert_eq!(container("https://storage.contoso.example/mail"), None);
        assert_eq!(container("http://127.0.0.1:10001/devstoreaccount1/mail"), None);
    }
}
