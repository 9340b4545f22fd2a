//! The gate's identity in Entra, from settings with Azure's own names, and the request for a token.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Uri};

use crate::host::Settings;
use crate::setting::{Secret, SettingError, SettingFault, bare};
use crate::web::Origin;

/// The names of the settings. In upper case they are the environment variables that Azure's SDKs read.
pub mod setting {
    /// The tenant's id or one of its domains.
    pub const TENANT: &str = "azure_tenant_id";
    /// The application's id; for a user-assigned managed identity, its client id.
    pub const CLIENT: &str = "azure_client_id";
    /// The application's secret.
    pub const SECRET: &str = "azure_client_secret";
    /// A federated token itself, for hosts that can replace a setting.
    pub const FEDERATED_TOKEN: &str = "azure_federated_token";
    /// The file that contains a federated token.
    pub const FEDERATED_TOKEN_FILE: &str = "azure_federated_token_file";
    /// Entra's address in another cloud.
    pub const AUTHORITY: &str = "azure_authority_host";
    /// The address at which App Service and Container Apps issue tokens to managed identities.
    pub const IDENTITY_ENDPOINT: &str = "identity_endpoint";
    /// The secret that proves to them that a request comes from the app.
    pub const IDENTITY_HEADER: &str = "identity_header";
    /// The address of the instance metadata service, if it is not the usual one.
    pub const IMDS_HOST: &str = "azure_pod_identity_authority_host";
    /// All of them.
    pub const ALL: [&str; 9] = [
        TENANT,
        CLIENT,
        SECRET,
        FEDERATED_TOKEN,
        FEDERATED_TOKEN_FILE,
        AUTHORITY,
        IDENTITY_ENDPOINT,
        IDENTITY_HEADER,
        IMDS_HOST,
    ];
}

/// Entra's address in the public cloud.
pub const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// The address of the instance metadata service, the same on every machine in Azure.
pub const IMDS: &str = "http://169.254.169.254";

/// An application or managed identity.
#[derive(Debug, Clone)]
pub enum Identity {
    /// An application with a secret.
    ClientSecret {
        /// The application.
        application: Application,
        /// Its secret.
        secret: Secret,
    },
    /// An application that trusts the tokens of another issuer.
    Workload {
        /// The application.
        application: Application,
        /// The source of the other issuer's token, read each time because the platform replaces the token.
        assertion: Assertion,
    },
    /// A managed identity on App Service, Functions or Container Apps.
    AppService {
        /// `IDENTITY_ENDPOINT`
        endpoint: Uri,
        /// `IDENTITY_HEADER`
        header: Secret,
        /// The client id of a user-assigned identity.
        client: Option<String>,
    },
    /// A managed identity of a virtual machine.
    Imds {
        /// The metadata service.
        endpoint: Uri,
        /// The client id of a user-assigned identity.
        client: Option<String>,
    },
}

/// An application in a tenant.
#[derive(Debug, Clone)]
pub struct Application {
    authority: Origin,
    tenant: String,
    client: String,
}

/// The source of a federated token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assertion {
    /// The setting contains it.
    Setting,
    /// The setting names the file that contains it.
    File,
}

impl Identity {
    /// The names that select an identity, in the order in which the gate looks for them.
    pub const NAMES: [&'static str; 4] = ["client-secret", "workload", "app-service", "imds"];

    /// Reads the identity of that name.
    ///
    /// # Errors
    /// Every one of its settings that is missing or malformed.
    pub async fn read(host: &impl Settings, name: &str) -> Result<Self, Vec<SettingError>> {
        let client = bare(setting::CLIENT, host.setting(setting::CLIENT).await).map_err(|error| vec![error])?;
        match name {
            "client-secret" => {
                let (application, secret) = (Application::read(host).await, required(host, setting::SECRET).await);
                match (application, secret) {
                    (Ok(application), Ok(secret)) => {
                        Ok(Self::ClientSecret { application, secret: Secret::new(secret) })
                    }
                    (application, secret) => Err(errors(application.err(), secret.err())),
                }
            }
            "workload" => {
                let given = host.setting(setting::FEDERATED_TOKEN).await.is_some();
                let assertion = if given { Assertion::Setting } else { Assertion::File };
                let file = if given { Ok(()) } else { required(host, setting::FEDERATED_TOKEN_FILE).await.map(drop) };
                match (Application::read(host).await, file) {
                    (Ok(application), Ok(())) => Ok(Self::Workload { application, assertion }),
                    (application, file) => Err(errors(application.err(), file.err())),
                }
            }
            "app-service" => {
                let (endpoint, header) = (
                    address(host, setting::IDENTITY_ENDPOINT, None).await,
                    required(host, setting::IDENTITY_HEADER).await,
                );
                let header = header.and_then(|text| match HeaderValue::from_str(&text) {
                    Ok(_) => Ok(Secret::new(text)),
                    Err(_) => Err(SettingError::new(setting::IDENTITY_HEADER, SettingFault::Header)),
                });
                match (endpoint, header) {
                    (Ok(endpoint), Ok(header)) => Ok(Self::AppService { endpoint, header, client }),
                    (endpoint, header) => Err(errors(endpoint.err().map(|error| vec![error]), header.err())),
                }
            }
            _ => {
                let endpoint = address(host, setting::IMDS_HOST, Some(IMDS)).await.map_err(|error| vec![error])?;
                Ok(Self::Imds { endpoint, client })
            }
        }
    }

    /// The name of the identity for which there are settings, if any. The metadata service has no setting, so only
    /// `acs_identity` can select it.
    pub async fn spoken_of(host: &impl Settings) -> Option<&'static str> {
        let signs = [
            (setting::SECRET, "client-secret"),
            (setting::FEDERATED_TOKEN, "workload"),
            (setting::FEDERATED_TOKEN_FILE, "workload"),
            (setting::IDENTITY_ENDPOINT, "app-service"),
        ];
        for (sign, name) in signs {
            if host.setting(sign).await.is_some() {
                return Some(name);
            }
        }
        None
    }

    /// The server that issues its tokens.
    pub fn server(&self) -> Uri {
        match self {
            Self::ClientSecret { application, .. } | Self::Workload { application, .. } => {
                application.authority.uri("/")
            }
            Self::AppService { endpoint, .. } | Self::Imds { endpoint, .. } => endpoint.clone(),
        }
    }

    /// The identity's kind, as probes report it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client-secret",
            Self::Workload { .. } => "workload",
            Self::AppService { .. } => "app-service",
            Self::Imds { .. } => "imds",
        }
    }

    /// Its key in the cache, which contains no secret.
    pub(super) fn key(&self, scope: &str) -> String {
        let (place, client) = match self {
            Self::ClientSecret { application, .. } | Self::Workload { application, .. } => {
                (format!("{}/{}", application.authority, application.tenant), application.client.as_str())
            }
            Self::AppService { endpoint, client, .. } | Self::Imds { endpoint, client } => {
                (endpoint.to_string(), client.as_deref().unwrap_or_default())
            }
        };
        format!("{} {place} {client} {scope}", self.name())
    }

    /// The request for a token of that scope; `None` if there is no federated token.
    pub(super) async fn request(&self, host: &impl Settings, scope: &str) -> Option<Request<Bytes>> {
        match self {
            Self::ClientSecret { application, secret } => {
                Some(application.request(scope, &[("client_secret", secret.reveal())]))
            }
            Self::Workload { application, assertion } => {
                let assertion = assertion.read(host).await?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let proof = [("client_assertion", assertion.reveal()), ("client_assertion_type", kind)];
                Some(application.request(scope, &proof))
            }
            Self::AppService { endpoint, header, client } => {
                let mut request = managed(endpoint, endpoint.path(), "2019-08-01", scope, client.as_deref())?;
                let value = HeaderValue::from_str(header.reveal()).ok()?;
                request.headers_mut().insert(HeaderName::from_static("x-identity-header"), value);
                Some(request)
            }
            Self::Imds { endpoint, client } => {
                let path = "/metadata/identity/oauth2/token";
                let mut request = managed(endpoint, path, "2018-02-01", scope, client.as_deref())?;
                request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
                Some(request)
            }
        }
    }
}

impl Assertion {
    async fn read(self, host: &impl Settings) -> Option<Secret> {
        let text = match self {
            Self::Setting => host.setting(setting::FEDERATED_TOKEN).await?,
            Self::File => host.file(&host.setting(setting::FEDERATED_TOKEN_FILE).await?).await?,
        };
        let text = text.trim();
        (!text.is_empty()).then(|| Secret::new(text.to_owned()))
    }
}

impl Application {
    async fn read(host: &impl Settings) -> Result<Self, Vec<SettingError>> {
        let authority = authority(host).await;
        let tenant = required(host, setting::TENANT).await.and_then(|tenant| {
            // It becomes part of an address.
            let plain = tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
            if plain { Ok(tenant) } else { Err(SettingError::new(setting::TENANT, SettingFault::Tenant)) }
        });
        match (authority, tenant, required(host, setting::CLIENT).await) {
            (Ok(authority), Ok(tenant), Ok(client)) => Ok(Self { authority, tenant, client }),
            (authority, tenant, client) => {
                Err([authority.err(), tenant.err(), client.err()].into_iter().flatten().collect())
            }
        }
    }

    fn request(&self, scope: &str, proof: &[(&str, &str)]) -> Request<Bytes> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client)
            .append_pair("scope", scope)
            .extend_pairs(proof)
            .finish();
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.authority.uri(&format!("/{}/oauth2/v2.0/token", self.tenant));
        let length = HeaderValue::from(request.body().len());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }
}

/// A request for a managed identity names a resource: the scope without its last part.
fn managed(endpoint: &Uri, path: &str, version: &str, scope: &str, client: Option<&str>) -> Option<Request<Bytes>> {
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let query = Serializer::new(String::new())
        .append_pair("api-version", version)
        .append_pair("resource", resource)
        .extend_pairs(client.map(|client| ("client_id", client)))
        .finish();
    let mut parts = endpoint.clone().into_parts();
    parts.path_and_query = format!("{path}?{query}").parse().ok();
    Request::get(Uri::from_parts(parts).ok()?).body(Bytes::new()).ok()
}

/// The address of the cloud's Entra.
///
/// # Errors
/// If the setting is not the address of a server.
pub(crate) async fn authority(host: &impl Settings) -> Result<Origin, SettingError> {
    let authority = bare(setting::AUTHORITY, host.setting(setting::AUTHORITY).await)?;
    Origin::parse(authority.as_deref().unwrap_or(PUBLIC_AUTHORITY))
        .ok_or_else(|| SettingError::new(setting::AUTHORITY, SettingFault::Endpoint))
}

async fn required(host: &impl Settings, name: &str) -> Result<String, SettingError> {
    bare(name, host.setting(name).await)?.ok_or_else(|| SettingError::new(name, SettingFault::Missing))
}

/// An address on this machine or its platform, where plain http is usual.
async fn address(host: &impl Settings, name: &str, usual: Option<&str>) -> Result<Uri, SettingError> {
    let text = match (bare(name, host.setting(name).await)?, usual) {
        (Some(text), _) => text,
        (None, Some(usual)) => usual.to_owned(),
        (None, None) => return Err(SettingError::new(name, SettingFault::Missing)),
    };
    let uri: Option<Uri> = text.parse().ok();
    uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && !text.contains('@'))
        .ok_or_else(|| SettingError::new(name, SettingFault::Url))
}

fn errors(several: Option<Vec<SettingError>>, one: Option<SettingError>) -> Vec<SettingError> {
    several.into_iter().flatten().chain(one).collect()
}
