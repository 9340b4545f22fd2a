//! `postern manifest`: what a policy needs of its host, as a file for that host.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use postern::web::Origin;

use crate::console;
use crate::directory::Directory;
use crate::manifest::{Hostname, Identifier, Identity, Image, Manifest, Name, Values};

/// Write a host's manifest for a policy
///
/// It lists exactly the variables, secrets and allowed hosts that the policy needs, and never the value of a secret.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  postern manifest spin > spin.toml\n  postern manifest spinkube --identity imds > postern.yaml"
)]
pub struct Write {
    #[command(subcommand)]
    host: Host,
}

#[derive(Debug, Subcommand)]
enum Host {
    /// Spin: spin.toml
    Spin {
        #[command(flatten)]
        policy: Policy,
        /// The sealed component, relative to the manifest
        #[arg(long, value_name = "FILE", default_value = "postern.wasm")]
        component: String,
    },
    /// SpinKube: a SpinApp, and an autoscaler on CPU
    Spinkube {
        #[command(flatten)]
        policy: Policy,
        #[command(flatten)]
        cluster: Cluster,
    },
    /// wasmCloud 2: a WorkloadDeployment, its configuration and its service
    Wasmcloud {
        #[command(flatten)]
        policy: Policy,
        #[command(flatten)]
        cluster: Cluster,
        /// The host name that callers use
        #[arg(long, value_name = "HOST", default_value = "mail.contoso.example")]
        host: Hostname,
    },
}

#[derive(Debug, Args)]
struct Policy {
    /// The directory that contains postern.toml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The application's name
    #[arg(long, value_name = "NAME", default_value = "postern")]
    name: Name,
    /// How the gate authenticates to ACS
    #[arg(long, value_name = "NAME", default_value = "access-key")]
    identity: Identity,
}

#[derive(Debug, Args)]
struct Cluster {
    /// The sealed component's image in a registry
    #[arg(long, value_name = "REFERENCE", default_value = "registry.example.com/postern:0.1.0")]
    image: Image,
    /// The ACS resource's address
    #[arg(long, value_name = "URL", default_value = "https://contoso.communication.azure.com")]
    acs_endpoint: String,
    /// Where visitors reach the gate, for forms
    #[arg(long, value_name = "URL", default_value = "https://mail.contoso.example")]
    public_url: String,
    /// The tenant's id, for identities that need it
    #[arg(long, value_name = "ID")]
    tenant: Option<Identifier>,
    /// The client id of the application, or of a user-assigned managed identity
    #[arg(long, value_name = "ID")]
    client: Option<Identifier>,
}

impl Write {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let text = match self.host {
            Host::Spin { policy, component } => policy.manifest()?.spin(&component)?,
            Host::Spinkube { policy, cluster } => policy.manifest()?.spinkube(&cluster.image, &cluster.values()?)?,
            Host::Wasmcloud { policy, cluster, host } => {
                policy.manifest()?.wasmcloud(&cluster.image, &cluster.values()?, &host)?
            }
        };
        console::say(text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Policy {
    fn manifest(self) -> anyhow::Result<Manifest> {
        let (policy, _) = Directory::read(&self.directory)?.proven()?;
        Ok(Manifest::new(&policy, self.identity, self.name))
    }
}

impl Cluster {
    fn values(&self) -> anyhow::Result<Values> {
        let endpoint = address("--acs-endpoint", &self.acs_endpoint)?;
        let public_url = address("--public-url", &self.public_url)?;
        Ok(Values { endpoint, public_url, tenant: self.tenant.clone(), client: self.client.clone() })
    }
}

fn address(option: &str, text: &str) -> anyhow::Result<Origin> {
    match Origin::parse(text) {
        Some(endpoint) => Ok(endpoint),
        None => bail!("{option} must be an https address without a path."),
    }
}
