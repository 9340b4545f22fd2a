//! Where ACS is and how the gate authenticates to it, from settings.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{Request, Uri};

use super::request::text;
use super::signature::{AccessKey, sign};
use crate::entra::{Identity, TokenCache, TokenError};
use crate::host::{Clock, Fetch, Settings};
use crate::setting::{SettingError, SettingFault, bare};
use crate::web::Origin;

/// The names of the settings for the connection to ACS.
pub mod setting {
    /// `https://RESOURCE.communication.azure.com`
    pub const ENDPOINT: &str = "acs_endpoint";
    /// One of the resource's two access keys, base64.
    pub const ACCESS_KEY: &str = "acs_access_key";
    /// Both in one text, as the portal shows them.
    pub const CONNECTION_STRING: &str = "acs_connection_string";
    /// Which identity to use, if the settings allow several or none.
    pub const IDENTITY: &str = "acs_identity";
    /// The scope of tokens, in clouds other than the public one.
    pub const SCOPE: &str = "acs_scope";
    /// All of them.
    pub const ALL: [&str; 5] = [ENDPOINT, ACCESS_KEY, CONNECTION_STRING, IDENTITY, SCOPE];
}

/// The scope of Entra's tokens. Microsoft's email SDKs request it with two slashes.
pub const PUBLIC_SCOPE: &str = "https://communication.azure.com//.default";

/// Everything needed to call ACS.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The address of the ACS resource.
    pub endpoint: Origin,
    /// How the gate authenticates.
    pub credential: Credential,
}

/// How the gate authenticates to ACS.
#[derive(Debug, Clone)]
pub enum Credential {
    /// By signing with one of the resource's keys.
    AccessKey(AccessKey),
    /// With a token of an identity that has a role at the resource.
    Token {
        /// Who the gate is.
        identity: Identity,
        /// The scope of the token.
        scope: String,
    },
}

impl Connection {
    /// Reads the settings.
    ///
    /// # Errors
    /// Every setting that is missing or malformed.
    pub async fn read(host: &impl Settings) -> Result<Self, Vec<SettingError>> {
        let endpoint = host.setting(setting::ENDPOINT).await;
        let key = host.setting(setting::ACCESS_KEY).await;
        let connection = host.setting(setting::CONNECTION_STRING).await;
        match chosen(host, connection.is_some() || key.is_some()).await.map_err(|error| vec![error])? {
            Some(name) => Self::with_identity(host, endpoint, name).await,
            None => Self::of(connection, endpoint, key),
        }
    }

    async fn with_identity(
        host: &impl Settings,
        endpoint: Option<String>,
        name: &str,
    ) -> Result<Self, Vec<SettingError>> {
        let endpoint = required(setting::ENDPOINT, endpoint, Origin::parse, SettingFault::Endpoint);
        let scope = bare(setting::SCOPE, host.setting(setting::SCOPE).await);
        match (endpoint, scope, Identity::read(host, name).await) {
            (Ok(endpoint), Ok(scope), Ok(identity)) => {
                let scope = scope.unwrap_or_else(|| PUBLIC_SCOPE.to_owned());
                Ok(Self { endpoint, credential: Credential::Token { identity, scope } })
            }
            (endpoint, scope, identity) => {
                let own = endpoint.err().into_iter().chain(scope.err());
                Err(own.chain(identity.err().into_iter().flatten()).collect())
            }
        }
    }

    /// The servers that it needs: ACS, and the one that issues tokens.
    pub fn servers(&self) -> Vec<Uri> {
        let tokens = match &self.credential {
            Credential::AccessKey(_) => None,
            Credential::Token { identity, .. } => Some(identity.server()),
        };
        [self.endpoint.uri("/")].into_iter().chain(tokens).collect()
    }

    /// How the gate authenticates, as probes report it.
    pub const fn identity(&self) -> &'static str {
        match &self.credential {
            Credential::AccessKey(_) => ACCESS_KEY,
            Credential::Token { identity, .. } => identity.name(),
        }
    }

    /// Authenticates a request, with a signature made now or with a token.
    pub(super) async fn prove(
        &self,
        host: &(impl Settings + Clock + Fetch),
        tokens: &TokenCache,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Request<Bytes>, TokenError> {
        match &self.credential {
            Credential::AccessKey(key) => {
                let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
                let signature =
                    sign(key, request.method(), self.endpoint.authority(), path, request.body(), host.now());
                let headers = request.headers_mut();
                headers.insert("x-ms-date", text(&signature.date));
                headers.insert("x-ms-content-sha256", text(&signature.content_sha256));
                headers.insert(AUTHORIZATION, text(&signature.authorization));
            }
            Credential::Token { identity, scope } => {
                let token = tokens.token(host, identity, scope, timeout).await?;
                request.headers_mut().insert(AUTHORIZATION, token.authorization());
            }
        }
        Ok(request)
    }

    /// Reads the values of the connection string, or else of endpoint and key.
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
            (Some(text), None, None) => match SettingFault::around(&text) {
                Some(fault) => Err(vec![SettingError::new(setting::CONNECTION_STRING, fault)]),
                None => Self::parse(&text).map_err(|error| vec![error]),
            },
            (Some(_), _, _) => Err(vec![SettingError::new(setting::CONNECTION_STRING, SettingFault::Ambiguous)]),
        }
    }

    fn from_pair(endpoint: Option<String>, key: Option<String>) -> Result<Self, Vec<SettingError>> {
        let endpoint = required(setting::ENDPOINT, endpoint, Origin::parse, SettingFault::Endpoint);
        let key = required(setting::ACCESS_KEY, key, AccessKey::parse, SettingFault::AccessKey);
        match (endpoint, key) {
            (Ok(endpoint), Ok(key)) => Ok(Self { endpoint, credential: Credential::AccessKey(key) }),
            (endpoint, key) => Err([endpoint.err(), key.err()].into_iter().flatten().collect()),
        }
    }

    /// Parses a connection string: pairs in any order, names in any case, a trailing `;`, unknown names ignored.
    ///
    /// # Errors
    /// If a pair is missing, repeated or malformed. No error contains the text itself.
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
            endpoint: Origin::parse(&endpoint).ok_or_else(|| refused(SettingFault::Endpoint))?,
            credential: Credential::AccessKey(AccessKey::parse(&key).ok_or_else(|| refused(SettingFault::AccessKey))?),
        })
    }
}

/// The name for access keys, in addition to those of [`Identity::NAMES`].
const ACCESS_KEY: &str = "access-key";

/// The identity's name; `None` if a key is used. A key takes precedence unless a name says otherwise, because platforms
/// set the variables of their identities unasked.
async fn chosen(host: &impl Settings, has_key: bool) -> Result<Option<&'static str>, SettingError> {
    match bare(setting::IDENTITY, host.setting(setting::IDENTITY).await)?.as_deref() {
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
    let text = bare(name, value)?.ok_or_else(|| SettingError::new(name, SettingFault::Missing))?;
    parse(&text).ok_or_else(|| SettingError::new(name, fault))
}

#[cfg(test)]
mod tests {
    use super::{Connection, Credential, SettingFault};

    fn parsed(text: &str) -> Result<(String, bool), SettingFault> {
        Connection::parse(text)
            .map(|connection| {
                (
                    connection.endpoint.to_string(),
                    matches!(&connection.credential, Credential::AccessKey(key) if key.bytes() == b"key!"),
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
    fn keys_are_in_no_output() {
        let text = "endpoint=https://a.example;accesskey=a2V5IQ==";
        assert!(!format!("{:?}", Connection::parse(text)).contains("a2V5"));
    }
}
