//! `postern serve`: a sealed component in the embedded host, with an ACS resource behind it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use postern::acs::{Credentials, setting};
use postern_runtime::{Event, Guest, Host, Limits, Origin};

use super::dev::bind;
use crate::description::Description;
use crate::interrupt::interrupted;
use crate::{cache, console, listen};

/// Settings by lower_snake name.
type Settings = BTreeMap<String, String>;

/// Serve a sealed component on this machine
///
/// Settings come from the environment, by their names in upper case: ACS_ENDPOINT and ACS_ACCESS_KEY, or
/// ACS_CONNECTION_STRING, and the secrets that the policy names. Audit lines go to standard output, everything else to
/// standard error. Requests in progress at Ctrl-C or SIGTERM are answered before it ends.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern serve postern.wasm --listen 127.0.0.1:8080")]
pub struct Serve {
    /// The component, as `postern seal` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where the gate listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display();
        let component = fs::read(&self.file).with_context(|| format!("{shown} cannot be read"))?;
        let description = Description::read(&component).with_context(|| shown.to_string())?;
        let settings = settings(&description);
        let mut allowed_outbound = vec![acs(&description, &settings)?];
        for server in &description.servers {
            allowed_outbound.push(server.parse()?);
        }
        let guest = Guest { component: component.into(), settings, policy_dir: None, allowed_outbound };
        let runtime = tokio::runtime::Runtime::new().context("No threads can be started")?;
        let served = runtime.block_on(serve(guest, self.listen, &description.policy_sha256));
        // Idle instances are let go, not ended one by one.
        runtime.shutdown_background();
        served.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(guest: Guest, listen: SocketAddr, policy: &str) -> anyhow::Result<()> {
    let interrupted = interrupted().context("Signals cannot be listened for")?;
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

/// The values that this process's environment has for the component's settings.
fn settings(description: &Description) -> Settings {
    let acs = [setting::ENDPOINT, setting::ACCESS_KEY, setting::CONNECTION_STRING];
    let names = acs.into_iter().chain(description.settings.iter().map(String::as_str));
    names.filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

fn value(name: &str) -> Option<String> {
    env::var(name.to_ascii_uppercase()).ok().filter(|value| !value.is_empty())
}

/// The server that the component sends to. All that is missing is told at once.
fn acs(description: &Description, settings: &Settings) -> anyhow::Result<Origin> {
    let get = |name: &str| settings.get(name).cloned();
    let credentials =
        Credentials::of(get(setting::CONNECTION_STRING), get(setting::ENDPOINT), get(setting::ACCESS_KEY));
    let mut wrong: Vec<_> = credentials.as_ref().err().into_iter().flatten().map(ToString::to_string).collect();
    let missing = description.settings.iter().filter(|name| !settings.contains_key(*name));
    wrong.extend(missing.map(|name| format!("{name} is not set")));
    match credentials {
        Ok(credentials) if wrong.is_empty() => Ok(credentials.endpoint.to_string().parse::<Origin>()?),
        _ => bail!("The environment, where settings have names in upper case, does not do: {}.", wrong.join("; ")),
    }
}
