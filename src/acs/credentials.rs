//! Where ACS is and how the gate proves itself to it, from settings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

use crate::host::Host;

/// The names of the settings that lead to ACS.
pub mod setting {
    /// `https://RESOURCE.communication.azure.com`
    pub const ENDPOINT: &str = "acs_endpoint";
    /// One of the resource's two access keys, base64.
    pub const ACCESS_KEY: &str = "acs_access_key";
    /// Both in one text, as the portal shows it.
    pub const CONNECTION_STRING: &str = "acs_connection_string";
}

/// What is needed to talk to ACS.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How requests are signed.
    pub key: AccessKey,
}

/// An ACS resource's address: https, or http on this machine; no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: http::uri::Scheme,
    authority: String,
}

/// An access key, decoded. Its bytes are in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(Vec<u8>);

/// A setting that keeps the gate from working, by name; never by value.
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
    #[error("is not an https address without a path (http is for this machine alone)")]
    Endpoint,
    /// It is not base64.
    #[error("is not base64, as access keys are")]
    AccessKey,
    /// It is not a connection string.
    #[error("is not of the form endpoint=https://…;accesskey=…")]
    ConnectionString,
    /// It says what another setting says too.
    #[error("is set beside acs_endpoint or acs_access_key; set one or the other")]
    Ambiguous,
    /// It is no e-mail address.
    #[error("is not a plain e-mail address")]
    Address,
    /// It is not written as the route's scheme demands.
    #[error("is not a secret of the route's scheme")]
    Secret,
}

impl SettingError {
    /// An error about the setting of that name.
    pub fn new(name: &str, fault: SettingFault) -> Self {
        Self { name: name.to_owned(), fault }
    }
}

impl Credentials {
    /// Reads the settings.
    ///
    /// # Errors
    /// Every setting that is missing or malformed.
    pub async fn read(host: &impl Host) -> Result<Self, Vec<SettingError>> {
        let endpoint = host.setting(setting::ENDPOINT).await;
        let key = host.setting(setting::ACCESS_KEY).await;
        let connection = host.setting(setting::CONNECTION_STRING).await;
        Self::of(connection, endpoint, key)
    }

    /// Makes them of the values of the connection string, or else of endpoint and key.
    ///
    /// # Errors
    /// Every setting that is missing or malformed.
    pub fn of(
        connection: Option<String>,
        endpoint: Option<String>,
        key: Option<String>,
    ) -> Result<Self, Vec<SettingError>> {
        match (connection, endpoint, key) {
            (None, endpoint, key) => Self::from_pair(endpoint, key),
            (Some(text), None, None) => Self::parse(&text).map_err(|error| vec![error]),
            (Some(_), _, _) => Err(vec![SettingError::new(setting::CONNECTION_STRING, SettingFault::Ambiguous)]),
        }
    }

    fn from_pair(endpoint: Option<String>, key: Option<String>) -> Result<Self, Vec<SettingError>> {
        let endpoint = required(setting::ENDPOINT, endpoint, Endpoint::parse, SettingFault::Endpoint);
        let key = required(setting::ACCESS_KEY, key, AccessKey::parse, SettingFault::AccessKey);
        match (endpoint, key) {
            (Ok(endpoint), Ok(key)) => Ok(Self { endpoint, key }),
            (endpoint, key) => Err([endpoint.err(), key.err()].into_iter().flatten().collect()),
        }
    }

    /// Parses a connection string: pairs in any order, names in any case, a trailing `;`, unknown names passed over.
    ///
    /// # Errors
    /// When a pair is missing, doubled or malformed. The text itself is in no error.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        let refused = |fault| SettingError::new(setting::CONNECTION_STRING, fault);
        let (mut endpoint, mut key) = (None, None);
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| refused(SettingFault::ConnectionString))?;
            let slot = match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => &mut endpoint,
                "accesskey" => &mut key,
                _ => continue,
            };
            if slot.replace(value.trim().to_owned()).is_some() {
                return Err(refused(SettingFault::ConnectionString));
            }
        }
        let (Some(endpoint), Some(key)) = (endpoint, key) else {
            return Err(refused(SettingFault::ConnectionString));
        };
        Ok(Self {
            endpoint: Endpoint::parse(&endpoint).ok_or_else(|| refused(SettingFault::Endpoint))?,
            key: AccessKey::parse(&key).ok_or_else(|| refused(SettingFault::AccessKey))?,
        })
    }
}

fn required<T>(
    name: &str,
    value: Option<String>,
    parse: impl Fn(&str) -> Option<T>,
    fault: SettingFault,
) -> Result<T, SettingError> {
    let text = value.ok_or_else(|| SettingError::new(name, SettingFault::Missing))?;
    parse(text.trim()).ok_or_else(|| SettingError::new(name, fault))
}

impl Endpoint {
    /// Parses an address; a trailing slash, as the portal shows it, is dropped, and so is a default port.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let host = authority.host().to_ascii_lowercase();
        let scheme = uri.scheme()?.clone();
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" if local => 80,
            _ => return None,
        };
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let authority = match authority.port_u16().filter(|port| *port != default_port) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        bare.then_some(Self { scheme, authority })
    }

    /// The address of a path there; the path has its leading slash.
    pub(super) fn uri(&self, path: &str) -> Uri {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.as_str()).path_and_query(path);
        // An endpoint's parts are those of a URI, and so is a path that this crate writes.
        uri.build().unwrap_or_default()
    }

    /// The `Host` of requests: lower case, a port only where it is not the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.authority)
    }
}

impl AccessKey {
    /// Decodes a key.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().filter(|key| !key.is_empty()).map(Self)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Endpoint, SettingFault};

    fn parsed(text: &str) -> Result<(String, bool), SettingFault> {
        Credentials::parse(text)
            .map(|credentials| (credentials.endpoint.to_string(), credentials.key.bytes() == b"key!"))
            .map_err(|error| error.fault)
    }

    #[test]
    fn connection_strings_are_read_as_the_portal_and_people_write_them() {
        let good = Ok(("https://contoso.communication.azure.com".to_owned(), true));
        for text in [
            "endpoint=https://contoso.communication.azure.com/;accesskey=a2V5IQ==",
            "accesskey=a2V5IQ==;endpoint=https://contoso.communication.azure.com",
            " Endpoint=https://Contoso.communication.azure.com:443/ ; AccessKey=a2V5IQ== ; ",
            "endpoint=https://contoso.communication.azure.com;other=x=y;accesskey=a2V5IQ==",
        ] {
            assert_eq!(parsed(text), good, "{text}");
        }
    }

    #[test]
    fn broken_connection_strings_say_what_is_broken() {
        for (text, fault) in [
            ("", SettingFault::ConnectionString),
            ("endpoint=https://a.example", SettingFault::ConnectionString),
            ("endpoint=https://a.example;accesskey=a2V5IQ==;accesskey=a2V5IQ==", SettingFault::ConnectionString),
            ("https://a.example", SettingFault::ConnectionString),
            ("endpoint=http://a.example;accesskey=a2V5IQ==", SettingFault::Endpoint),
            ("endpoint=https://a.example/path;accesskey=a2V5IQ==", SettingFault::Endpoint),
            ("endpoint=https://u@a.example;accesskey=a2V5IQ==", SettingFault::Endpoint),
            ("endpoint=a.example;accesskey=a2V5IQ==", SettingFault::Endpoint),
            ("endpoint=https://a.example;accesskey=???", SettingFault::AccessKey),
            ("endpoint=https://a.example;accesskey=", SettingFault::AccessKey),
        ] {
            assert_eq!(parsed(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let shown = |text| Endpoint::parse(text).map(|endpoint| endpoint.to_string());
        assert_eq!(shown("http://127.0.0.1:3001"), Some("http://127.0.0.1:3001".into()));
        assert_eq!(shown("http://localhost:80/"), Some("http://localhost".into()));
        assert_eq!(shown("http://[::1]:1"), Some("http://[::1]:1".into()));
        assert_eq!(shown("http://127.0.0.1.evil.example"), None);
        assert_eq!(shown("ftp://127.0.0.1"), None);
    }

    #[test]
    fn keys_are_in_no_output() {
        let text = "endpoint=https://a.example;accesskey=a2V5IQ==";
        assert!(!format!("{:?}", Credentials::parse(text)).contains("a2V5"));
    }
}
