//! `postern dev`: the gate and its emulator on this machine, with the policy reloaded as it is edited.

use std::env;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern_emulator::Config;
use postern_runtime::{BindError, Server};

use super::PolicyOption;
use super::emulator::bind as bind_emulator;
use crate::dev::{Changes, Gate, Reload, Screen, Source, State, reports, trial};
use crate::directory::Directory;
use crate::interrupt::until_interrupted;
use crate::studio::{DryRun, Studio};
use crate::{cache, listen, secret};

/// Serve a policy on this machine, with an emulator in place of Azure
///
/// The gate is the real component, and its mails go to the emulator's inbox. Edits to the policy take effect at once;
/// a broken edit is reported, and the last good policy stays in use. Secrets that are not set in the environment have
/// fixed development values, which `postern send` knows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  postern dev --open\n  postern dev --listen 127.0.0.1:8080 --json | jq .event")]
pub struct Dev {
    #[command(flatten)]
    policy: PolicyOption,

    /// The address that the gate listens on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,

    /// The address that the emulator listens on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    acs_listen: SocketAddr,

    /// Push delivery reports to this route, as an Event Grid subscription does
    #[arg(long, value_name = "ROUTE")]
    reports: Option<String>,

    /// Open the inbox in a browser: the one in BROWSER, or the system's default
    #[arg(long)]
    open: bool,

    /// Print one JSON object per line for everything that happens: step, policy, ready, request, broken, message
    #[arg(long)]
    json: bool,

    /// Print only problems: a broken policy, requests that end in an error, failures of the gate
    #[arg(long, short)]
    quiet: bool,
}

impl Dev {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(self.serve())
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        let screen = Screen::new(self.json, self.quiet);
        let _status_guard = screen.status_guard();
        let directory = Directory::read(&self.policy.directory)?;
        let (policy, warnings) = directory.proven()?;
        let secrets = secret::all(&policy)?;
        screen.served(State::Good, &directory, &policy, &warnings);

        let server = bind(self.listen).await?;
        let url = format!("http://{}", listen::reachable(server.local_addr()));
        let reports = self.reports.as_deref().map(|route| reports::webhook(&policy, route, &url)).transpose()?;
        let config = Config { reports, ..Config::default() };
        let emulator = bind_emulator(self.acs_listen, "--acs-listen", config).await?;
        screen.step("bound the ports of the gate and the emulator");
        let changes = Changes::watch(directory.path())?;

        let engine = postern_engine::development()?;
        screen.step("compiling to native code; the first start takes a few seconds …");
        let dry_run = DryRun::start(cache::open(), url.clone()).await?;
        let mut gate = Gate::new(engine, url.clone(), emulator.endpoint(), screen.clone(), emulator.store(), dry_run)?;
        gate.load(directory.files(), &secrets).await?;
        screen.step("ready");

        let inbox = emulator.endpoint();
        let trial = trial::command(&directory, &policy, &url);
        screen.overview(&url, &inbox, &policy, &secrets, trial.as_deref());
        if self.open
            && let Err(error) = browse(&inbox)
        {
            screen.message(Source::Tool, &format!("cannot start a browser ({error}): open {inbox} yourself."));
        }

        let host = gate.host();
        let studio = Studio::new(gate.client(), gate.dry_run(), emulator.store(), directory.clone(), policy);
        let emulator = emulator.with_studio(studio.routes());
        tokio::select! {
            () = server.serve(host, pending()) => {}
            ended = emulator.serve(pending()) => ended.context("The emulator stopped")?,
            never = Reload::new(directory, gate, screen, studio).follow(changes) => match never {},
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens a page in the browser of the user's choice, without waiting for it.
fn browse(url: &str) -> io::Result<()> {
    match env::var("BROWSER") {
        Ok(browser) if !browser.is_empty() => open::with_detached(url, browser),
        _ => open::that_detached(url),
    }
}

pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<Server> {
    Server::bind(address).await.map_err(|error| match error {
        BindError::InUse(address) => listen::busy(address, "--listen"),
        BindError::Refused(address, source) => listen::refused(address, &source, "--listen"),
    })
}
