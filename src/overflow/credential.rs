//! How the gate authenticates to Azure Storage, from settings.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};

use crate::acs;
use crate::entra::{Identity, TokenCache, TokenError};
use crate::host::{Clock, Fetch, Settings};
use crate::setting::{Secret, SettingError, SettingFault, bare};

/// The names of the settings for the overflow queue.
pub mod setting {
    /// A shared access signature of the storage account: what follows the `?` of an address.
    pub const SAS: &str = "overflow_sas";
    /// Which identity to use, if the settings allow several or none.
    pub const IDENTITY: &str = "overflow_identity";
    /// The key with which the gate signs letters.
    pub const KEY: &str = "overflow_key";
    /// The previous key, which `postern replay` still accepts while the operator rotates the key.
    pub const PREVIOUS_KEY: &str = "overflow_previous_key";
    /// All of them.
    pub const ALL: [&str; 4] = [SAS, IDENTITY, KEY, PREVIOUS_KEY];
}

/// The scope of Entra's tokens, the same in every cloud (Microsoft Learn, "Authorize with Microsoft Entra ID").
pub const SCOPE: &str = "https://storage.azure.com/.default";

/// The version of the REST interface that the requests use.
pub const API_VERSION: &str = "2023-11-03";

/// The name for signatures, in addition to those of [`Identity::NAMES`].
const BY_SIGNATURE: &str = "sas";

/// How the gate authenticates to Azure Storage.
#[derive(Debug, Clone)]
pub enum StorageCredential {
    /// With a shared access signature in each address.
    Signature(Secret),
    /// With a token of an identity that has a role at the account.
    Token(Identity),
}

impl StorageCredential {
    /// Reads the settings: a shared access signature takes precedence over the identity configured for ACS.
    ///
    /// # Errors
    /// Every setting that is missing or malformed.
    pub async fn read(host: &impl Settings) -> Result<Self, Vec<SettingError>> {
        let read = async |name| bare(name, host.setting(name).await).map_err(|error| vec![error]);
        let named = read(setting::IDENTITY).await?;
        if let (None, Some(signature)) = (&named, read(setting::SAS).await?) {
            return signed(&signature).map(Self::Signature).map_err(|error| vec![error]);
        }
        let identity = match named.as_deref() {
            Some(name) => {
                let known = Identity::NAMES.into_iter().find(|known| *known == name);
                known.ok_or_else(|| vec![SettingError::new(setting::IDENTITY, SettingFault::Identity)])?
            }
            None => {
                let acs = read(acs::setting::IDENTITY).await?;
                let known = Identity::NAMES.into_iter().find(|known| acs.as_deref() == Some(known));
                let spoken_of = Identity::spoken_of(host).await;
                known.or(spoken_of).ok_or_else(|| vec![SettingError::new(setting::SAS, SettingFault::Missing)])?
            }
        };
        Identity::read(host, identity).await.map(Self::Token)
    }

    /// The server that issues tokens, if they are needed.
    pub fn server(&self) -> Option<Uri> {
        match self {
            Self::Signature(_) => None,
            Self::Token(identity) => Some(identity.server()),
        }
    }

    /// How the gate authenticates, as probes report it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Signature(_) => BY_SIGNATURE,
            Self::Token(identity) => identity.name(),
        }
    }

    /// Authenticates a request, and adds the headers that every request to Azure Storage needs.
    ///
    /// # Errors
    /// If no token is available within `timeout`.
    pub async fn prove(
        &self,
        host: &(impl Settings + Clock + Fetch),
        tokens: &TokenCache,
        mut request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Request<Bytes>, TokenError> {
        let headers = request.headers_mut();
        headers.insert("x-ms-version", HeaderValue::from_static(API_VERSION));
        if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(host.now())) {
            headers.insert("x-ms-date", date);
        }
        match self {
            Self::Token(identity) => {
                let token = tokens.token(host, identity, SCOPE, timeout).await?;
                headers.insert(AUTHORIZATION, token.authorization());
            }
            Self::Signature(signature) => {
                let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
                let separator = if path.contains('?') { '&' } else { '?' };
                let mut parts = request.uri().clone().into_parts();
                parts.path_and_query = format!("{path}{separator}{}", signature.reveal()).parse().ok();
                // The setting was checked when it was read, so the result is always a valid address.
                *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
            }
        }
        Ok(request)
    }
}

/// A shared access signature as the portal shows it, with or without the question mark, if it is complete and fits into
/// an address.
fn signed(text: &str) -> Result<Secret, SettingError> {
    let text = text.strip_prefix('?').unwrap_or(text);
    let signed = form_urlencoded::parse(text.as_bytes()).any(|(name, value)| name == "sig" && !value.is_empty());
    let fits = format!("/?{text}").parse::<PathAndQuery>().is_ok() && !text.contains('#');
    if signed && fits {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(SettingError::new(setting::SAS, SettingFault::Signature))
    }
}
