//! `postern serve`: a sealed component in the embedded host, with an ACS resource behind it.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use http::Uri;
use postern::acs::{Connection, Credential};
use postern::entra::{Assertion, Identity, PUBLIC_AUTHORITY, setting};
use postern::overflow;
use postern_runtime::{Event, Guest, Host, Limits, Origin};

use super::dev::bind;
use crate::description::Description;
use crate::interrupt::interrupted;
use crate::machine::Machine;
use crate::settings::{self, Settings};
use crate::{cache, console, listen};

/// Serve a sealed component on this machine
///
/// Settings come from the environment, under their names in upper case: ACS_ENDPOINT and ACS_ACCESS_KEY,
/// ACS_CONNECTION_STRING, or an identity's; OVERFLOW_KEY and OVERFLOW_SAS if the policy has an overflow; and the
/// secrets that the policy names. Audit lines go to standard output, everything else to standard error. On Ctrl-C or
/// SIGTERM, requests in progress are answered first.
///
/// The component can connect only to ACS, to the server that issues its identity tokens, and to those that its policy
/// checks callers and visitors with. It can read only the directory of AZURE_FEDERATED_TOKEN_FILE.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern serve postern.wasm --listen 127.0.0.1:8080")]
pub struct Serve {
    /// The component, as `postern seal` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display();
        let component = fs::read(&self.file).with_context(|| format!("Cannot read {shown}"))?;
        let description = Description::read(&component).with_context(|| shown.to_string())?;
        let runtime = tokio::runtime::Runtime::new().context("Cannot start threads")?;
        let served = runtime.block_on(async {
            let guest = guest(component, &description).await?;
            serve(guest, self.listen, &description.policy_sha256).await
        });
        // Idle instances are dropped, not shut down one by one.
        runtime.shutdown_background();
        served.map(|()| ExitCode::SUCCESS)
    }
}

/// How the component authenticates.
struct Proofs {
    acs: Connection,
    overflow: Option<overflow::StorageCredential>,
}

impl Proofs {
    /// Reads them from the environment. One error lists everything that is missing, including the secrets of callers.
    async fn read(description: &Description, settings: &Settings) -> anyhow::Result<Self> {
        let host = Machine::new();
        let acs = Connection::read(&host).await;
        let overflow = match &description.overflow {
            Some(_) => overflow::StorageCredential::read(&host).await.map(Some),
            None => Ok(None),
        };
        let key = match &description.overflow {
            Some(_) => overflow::Key::read(&host).await.err(),
            None => None,
        };
        let faults = acs.as_ref().err().into_iter().chain(overflow.as_ref().err()).flatten().chain(&key);
        let mut wrong: Vec<_> = faults.map(ToString::to_string).collect();
        let missing = description.settings.iter().filter(|name| !settings.contains_key(*name));
        wrong.extend(missing.map(|name| format!("{name} is not set")));
        wrong.extend(settings::surrounded(settings).iter().map(ToString::to_string));
        let mut named = BTreeSet::new();
        wrong.retain(|fault| named.insert(fault.clone()));
        match (acs, overflow) {
            (Ok(acs), Ok(overflow)) if wrong.is_empty() => Ok(Self { acs, overflow }),
            _ => Err(settings::unusable(&wrong)),
        }
    }

    /// ACS, and the issuer of tokens.
    fn servers(&self) -> Vec<Uri> {
        let tokens = self.overflow.as_ref().and_then(overflow::StorageCredential::server);
        self.acs.servers().into_iter().chain(tokens).collect()
    }

    fn identities(&self) -> impl Iterator<Item = &Identity> {
        let acs = match &self.acs.credential {
            Credential::Token { identity, .. } => Some(identity),
            Credential::AccessKey(_) => None,
        };
        let overflow = match &self.overflow {
            Some(overflow::StorageCredential::Token(identity)) => Some(identity),
            _ => None,
        };
        acs.into_iter().chain(overflow)
    }
}

/// The component with what the environment gives it: settings, the servers that they name, and the directory of its
/// token.
async fn guest(component: Vec<u8>, description: &Description) -> anyhow::Result<Guest> {
    let settings = settings::read(description.settings.iter().map(String::as_str));
    let proofs = Proofs::read(description, &settings).await?;
    let allowed_outbound = servers(description, &settings, &proofs)?;
    let readable = token_directory(&settings, &proofs)?.into_iter().collect();
    Ok(Guest { component: component.into(), settings, readable, allowed_outbound, ..Guest::default() })
}

async fn serve(guest: Guest, listen: SocketAddr, policy: &str) -> anyhow::Result<()> {
    let interrupted = interrupted().context("Cannot listen for signals")?;
    let server = bind(listen).await?;
    let host = Host::new(Limits::default(), cache::open(), Arc::new(tell))?;
    host.load(guest).await?;
    console::complain(format_args!("Policy {policy} at http://{}", server.local_addr()));
    server.serve(host, interrupted).await;
    Ok(())
}

fn tell(event: Event<'_>) {
    match event {
        Event::Stdout(audit) => console::say(audit),
        Event::Stderr(text) | Event::Failed(text) | Event::Outbound(text) => console::complain(text),
    }
}

/// Which servers the component must reach: ACS, the overflow, the issuer of tokens, and those that check callers and
/// visitors.
fn servers(description: &Description, settings: &Settings, proofs: &Proofs) -> anyhow::Result<Vec<Origin>> {
    let own = proofs.servers();
    let own = own.iter().map(|uri| Origin::of(uri).with_context(|| format!("{uri} is not the address of a server")));
    let mut servers: Vec<_> = own.collect::<anyhow::Result<_>>()?;
    for server in &description.servers {
        servers.push(server.parse()?);
    }
    if description.takes_entra_tokens() {
        servers.push(settings.get(setting::AUTHORITY).map_or(PUBLIC_AUTHORITY, String::as_str).parse()?);
    }
    Ok(servers)
}

/// The directory of the federated token, if it is in a file: the platform replaces it with a new file there.
fn token_directory(settings: &Settings, proofs: &Proofs) -> anyhow::Result<Option<PathBuf>> {
    let in_file = |identity: &Identity| matches!(identity, Identity::Workload { assertion: Assertion::File, .. });
    if !proofs.identities().any(in_file) {
        return Ok(None);
    }
    let file = settings.get(setting::FEDERATED_TOKEN_FILE).map(Path::new);
    let directory = file.and_then(Path::parent).filter(|directory| directory.parent().is_some());
    let directory = directory.context("AZURE_FEDERATED_TOKEN_FILE must be in a directory of its own.")?;
    Ok(Some(directory.to_owned()))
}
