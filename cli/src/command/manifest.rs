//! `postern manifest`: what a policy needs of its host, as a file for that host.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use postern::acs::Endpoint;

use crate::console;
use crate::directory::Directory;
use crate::manifest::{Hostname, Image, Manifest, Name};

/// Write a host's manifest for a policy
///
/// Variables, secrets and allowed hosts are those that the policy needs, no more. Values of secrets are never in it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern manifest spin > spin.toml")]
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
        /// The name that callers use in addresses
        #[arg(long, value_name = "HOST", default_value = "mail.contoso.example")]
        host: Hostname,
    },
}

#[derive(Debug, Args)]
struct Policy {
    /// The directory that holds postern.toml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The application's name
    #[arg(long, value_name = "NAME", default_value = "postern")]
    name: Name,
}

#[derive(Debug, Args)]
struct Cluster {
    /// Where the sealed component is in a registry
    #[arg(long, value_name = "REFERENCE", default_value = "registry.example.com/postern:0.1.0")]
    image: Image,
    /// The ACS resource's address
    #[arg(long, value_name = "URL", default_value = "https://contoso.communication.azure.com")]
    acs_endpoint: String,
}

impl Write {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let text = match self.host {
            Host::Spin { policy, component } => policy.manifest()?.spin(&component)?,
            Host::Spinkube { policy, cluster } => policy.manifest()?.spinkube(&cluster.image, &cluster.endpoint()?)?,
            Host::Wasmcloud { policy, cluster, host } => {
                policy.manifest()?.wasmcloud(&cluster.image, &cluster.endpoint()?, &host)?
            }
        };
        console::say(text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Policy {
    fn manifest(self) -> anyhow::Result<Manifest> {
        let (policy, _) = Directory::read(&self.directory)?.proven()?;
        Ok(Manifest::new(&policy, self.name))
    }
}

impl Cluster {
    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        match Endpoint::parse(&self.acs_endpoint) {
            Some(endpoint) => Ok(endpoint),
            None => bail!("--acs-endpoint is not an https address without a path."),
        }
    }
}
