//! What each way to authenticate to ACS needs from a host; `docs/operations.md` explains them.

use std::fmt;

use anyhow::bail;
use clap::ValueEnum;
use postern::acs::{PUBLIC_SCOPE, setting as acs};
use postern::entra::{IMDS, PUBLIC_AUTHORITY, setting as entra};

use super::setting::{Server, Setting};

/// A way to authenticate to ACS. The names are those of `/readyz`, where a connection string counts as an access key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Identity {
    /// An access key of the ACS resource
    AccessKey,
    /// The connection string of the ACS resource
    ConnectionString,
    /// An application of Microsoft Entra ID with a secret
    ClientSecret,
    /// An application or identity of Microsoft Entra ID that trusts a token in a file
    Workload,
    /// The managed identity of App Service, Functions or Container Apps
    AppService,
    /// The managed identity of a machine
    Imds,
}

/// Where the workload identity webhook of Kubernetes puts the token.
pub const TOKEN_DIRECTORY: &str = "/var/run/secrets/azure/tokens";
const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// The variable with the address of a platform's identities without its path, as lists of allowed hosts need it.
const IDENTITY_SERVER: &str = "identity_server";

impl Identity {
    /// The settings, in the order of a manifest.
    pub fn settings(self) -> Vec<Setting> {
        let endpoint = Setting::required(acs::ENDPOINT, "https://RESOURCE.communication.azure.com");
        let own = match self {
            Self::AccessKey => {
                let key = Setting::secret(acs::ACCESS_KEY, "One of the ACS resource's two access keys");
                return vec![endpoint, key];
            }
            Self::ConnectionString => {
                // The connection string contains it, and the gate refuses to be given it twice.
                let both =
                    Setting::secret(acs::CONNECTION_STRING, "endpoint=https://…;accesskey=…, as the portal shows it");
                return vec![endpoint.for_the_host(), both];
            }
            Self::ClientSecret => {
                vec![tenant(), application(), Setting::secret(entra::SECRET, "The application's secret"), authority()]
            }
            Self::Workload => {
                let file =
                    Setting::with_default(entra::FEDERATED_TOKEN_FILE, TOKEN_FILE, "The file with the federated token");
                vec![tenant(), application(), file, authority()]
            }
            Self::AppService => vec![
                Setting::required(entra::IDENTITY_ENDPOINT, "The platform's IDENTITY_ENDPOINT"),
                Setting::secret(entra::IDENTITY_HEADER, "The platform's IDENTITY_HEADER"),
                Setting::required(IDENTITY_SERVER, "The platform's IDENTITY_ENDPOINT, without its path").for_the_host(),
                assigned(),
            ],
            Self::Imds => vec![Setting::with_default(acs::IDENTITY, "imds", "The kind of identity"), assigned()],
        };
        let scope = Setting::with_default(acs::SCOPE, PUBLIC_SCOPE, "The scope of tokens; it differs in other clouds");
        [endpoint].into_iter().chain(own).chain([scope]).collect()
    }

    /// The servers that the identity needs in addition to ACS's.
    pub fn servers(self) -> Vec<Server> {
        match self {
            Self::AccessKey | Self::ConnectionString => Vec::new(),
            Self::ClientSecret | Self::Workload => vec![Server::Of(entra::AUTHORITY)],
            Self::AppService => vec![Server::Of(IDENTITY_SERVER)],
            Self::Imds => vec![Server::Fixed(IMDS.to_owned())],
        }
    }

    /// The directory that the component must be able to read.
    pub fn directory(self) -> Option<&'static str> {
        (self == Self::Workload).then_some(TOKEN_DIRECTORY)
    }

    /// Whether it gets tokens, which give access to more than ACS.
    pub const fn gives_tokens(self) -> bool {
        !matches!(self, Self::AccessKey | Self::ConnectionString)
    }

    /// Refuses what a Kubernetes cluster cannot provide. `files` says whether its components can have directories.
    pub fn in_cluster(self, files: bool) -> anyhow::Result<()> {
        match self {
            Self::AppService => {
                bail!("{self} exists only in App Service, Functions and Container Apps; in a cluster, use imds.")
            }
            Self::Workload if !files => bail!(
                "A SpinApp cannot give its component a file that is replaced, as a federated token is; take imds, or \
                 client-secret."
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| out.write_str(value.get_name()))
    }
}

/// The address of Entra.
pub fn authority() -> Setting {
    Setting::with_default(entra::AUTHORITY, PUBLIC_AUTHORITY, "Microsoft Entra ID; it differs in other clouds")
}

fn tenant() -> Setting {
    Setting::required(entra::TENANT, "The tenant's id")
}

fn application() -> Setting {
    Setting::required(entra::CLIENT, "The application's or the identity's client id")
}

fn assigned() -> Setting {
    Setting::with_default(entra::CLIENT, "", "The identity's client id, if it is user-assigned")
}
