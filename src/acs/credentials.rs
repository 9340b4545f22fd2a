//! Where ACS is and how the gate proves itself to it, from settings.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{Request, Uri};

use super::request::text;
use super::signature::sign;
use crate::entra::{Identity, TokenCache, TokenError};
use crate::host::Host;

/// The names of the settings that lead to ACS.
pub mod setting {
    /// `https://RESOURCE.communication.azure.com`
    pub const ENDPOINT: &str = "acs_endpoint";
    /// One of the resource's two access keys, base64.
    pub const ACCESS_KEY: &str = "acs_access_key";
    /// Both in one text, as the portal shows it.
    pub const CONNECTION_STRING: &str = "acs_connection_string";
    /// Which identity is used, where the settings could mean several or none.
    pub const IDENTITY: &str = "acs_identity";
    /// What tokens are for, in other clouds than the public one.
    pub const SCOPE: &str = "acs_scope";
    /// All of them.
    pub const ALL: [&str; 5] = [ENDPOINT, ACCESS_KEY, CONNECTION_STRING, IDENTITY, SCOPE];
}

/// What Entra's tokens are for. Microsoft's SDKs for e-mail ask with two slashes.
pub const PUBLIC_SCOPE: &str = "https://communication.azure.com//.default";

/// What is needed to talk to ACS.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How the gate proves itself.
    pub proof: Proof,
}

/// How the gate proves itself to ACS.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By signing with one of the resource's keys.
    AccessKey(AccessKey),
    /// With a token of an identity that has a role at the resource.
    Token {
        /// Who the gate is.
        identity: Identity,
        /// What the token is for.
        scope: String,
    },
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
    /// It names no identity.
    #[error("is none of access-key, client-secret, workload, app-service, imds")]
    Identity,
    /// It is no tenant.
    #[error("is not a tenant's id or domain")]
    Tenant,
    /// It is not an address of http or https.
    #[error("is not an http or https address")]
    Url,
    /// It is not a shared access signature.
    #[error("is not a shared access signature: the text behind the ? of an address, with sig=")]
    Signature,
    /// It cannot stand in a header.
    #[error("cannot stand in a header")]
    Header,
    /// It is no e-mail address.
    #[error("is not a plain e-mail address")]
    Address,
    /// It is too short to sign a form's tokens with.
    #[error("is too short for a key: use at least {} random characters", crate::guard::MIN_KEY_BYTES)]
    Key,
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
        match chosen(host, connection.is_some() || key.is_some()).await.map_err(|error| vec![error])? {
            Some(name) => Self::with_identity(host, endpoint, name).await,
            None => Self::of(connection, endpoint, key),
        }
    }

    async fn with_identity(host: &impl Host, endpoint: Option<String>, name: &str) -> Result<Self, Vec<SettingError>> {
        let endpoint = required(setting::ENDPOINT, endpoint, Endpoint::parse, SettingFault::Endpoint);
        let scope = host.setting(setting::SCOPE).await.unwrap_or_else(|| PUBLIC_SCOPE.to_owned());
        match (endpoint, Identity::read(host, name).await) {
            (Ok(endpoint), Ok(identity)) => Ok(Self { endpoint, proof: Proof::Token { identity, scope } }),
            (endpoint, identity) => {
                Err(endpoint.err().into_iter().chain(identity.err().into_iter().flatten()).collect())
            }
        }
    }

    /// The servers that it takes: ACS, and whoever gives tokens.
    pub fn servers(&self) -> Vec<Uri> {
        let tokens = match &self.proof {
            Proof::AccessKey(_) => None,
            Proof::Token { identity, .. } => Some(identity.server()),
        };
        [self.endpoint.uri("/")].into_iter().chain(tokens).collect()
    }

    /// How the gate proves itself, for probes.
    pub const fn identity(&self) -> &'static str {
        match &self.proof {
            Proof::AccessKey(_) => ACCESS_KEY,
            Proof::Token { identity, .. } => identity.name(),
        }
    }

    /// Adds the proof to a request: a signature of this moment, or a token.
    pub(super) async fn prove(
        &self,
        host: &impl Host,
        tokens: &TokenCache,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Request<Bytes>, TokenError> {
        match &self.proof {
            Proof::AccessKey(key) => {
                let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
                let signature =
                    sign(key, request.method(), self.endpoint.authority(), path, request.body(), host.now());
                let headers = request.headers_mut();
                headers.insert("x-ms-date", text(&signature.date));
                headers.insert("x-ms-content-sha256", text(&signature.content_sha256));
                headers.insert(AUTHORIZATION, text(&signature.authorization));
            }
            Proof::Token { identity, scope } => {
                let token = tokens.token(host, identity, scope, timeout).await?;
                request.headers_mut().insert(AUTHORIZATION, token.authorization());
            }
        }
        Ok(request)
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
            (Ok(endpoint), Ok(key)) => Ok(Self { endpoint, proof: Proof::AccessKey(key) }),
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
            proof: Proof::AccessKey(AccessKey::parse(&key).ok_or_else(|| refused(SettingFault::AccessKey))?),
        })
    }
}

/// The name for keys beside those of [`Identity::NAMES`].
const ACCESS_KEY: &str = "access-key";

/// The identity's name; none where a key is used. A key that is set is meant, unless a name says otherwise: platforms
/// set the variables of their identities without being asked.
async fn chosen(host: &impl Host, has_key: bool) -> Result<Option<&'static str>, SettingError> {
    match host.setting(setting::IDENTITY).await.as_deref().map(str::trim) {
        None if has_key => Ok(None),
        None => Ok(Identity::spoken_of(host).await),
        Some(ACCESS_KEY) => Ok(None),
        Some(name) => {
            let known = Identity::NAMES.into_iter().find(|known| *known == name);
            known.map(Some).ok_or_else(|| SettingError::new(setting::IDENTITY, SettingFault::Identity))
        }
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
    pub(crate) fn uri(&self, path: &str) -> Uri {
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
    use super::{Credentials, Endpoint, Proof, SettingFault};

    fn parsed(text: &str) -> Result<(String, bool), SettingFault> {
        Credentials::parse(text)
            .map(|credentials| {
                (
                    credentials.endpoint.to_string(),
                    matches!(&credentials.proof, Proof::AccessKey(key) if key.bytes() == b"key!"),
                )
            })
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
