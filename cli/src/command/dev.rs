//! `postern dev`: the gate and its emulator on this machine, with the policy reloaded as it is edited.

use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern_emulator::Config;
use postern_runtime::{BindError, Server};

use super::PolicyOption;
use super::emulator::bind as bind_emulator;
use crate::dev::{Changes, Gate, Reload, Screen, trial};
use crate::directory::Directory;
use crate::interrupt::until_interrupted;
use crate::{listen, secret};

/// Serve a policy on this machine, with an emulator in the place of Azure
///
/// The gate is the real component, and its mails go to the emulator's inbox. The policy is watched: a good edit is
/// served at once, a broken one is reported while the last good one goes on. Secrets that the environment does not
/// give have fixed development values, which `postern send` knows.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern dev --listen 127.0.0.1:8080")]
pub struct Dev {
    #[command(flatten)]
    policy: PolicyOption,

    /// Where the gate listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,

    /// Where the emulator listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    acs_listen: SocketAddr,

    /// Print the gate's audit lines as they are, one JSON object each, and everything else to standard error
    #[arg(long)]
    json: bool,
}

impl Dev {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(self.serve())
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        let screen = Screen::new(self.json);
        let directory = Directory::read(&self.policy.directory)?;
        let (policy, warnings) = directory.proven()?;
        let secrets = secret::all(&policy)?;
        screen.warnings(&directory, &warnings);
        screen.unapproved(&directory);
        screen.step(format_args!("the policy is good: {}", trial::extent(&policy)));

        let server = bind(self.listen).await?;
        let emulator = bind_emulator(self.acs_listen, "--acs-listen", Config::default()).await?;
        screen.step("the gate and the emulator have their ports");
        let changes = Changes::watch(directory.path())?;

        screen.step("compiling the component: a few seconds at the first start …");
        let url = format!("http://{}", listen::reachable(server.local_addr()));
        let mut gate = Gate::new(url.clone(), emulator.endpoint(), screen.clone(), emulator.store())?;
        gate.load(directory.files(), &secrets).await?;
        screen.step("ready");

        let trial = trial::line(&directory, &policy, &url);
        screen.overview(&url, &emulator.endpoint(), &policy, &secrets, trial.as_deref());

        let host = gate.host();
        tokio::select! {
            () = server.serve(host, pending()) => {}
            ended = emulator.serve(pending()) => ended.context("The emulator ended")?,
            never = Reload::new(directory, gate, screen).follow(changes) => match never {},
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<Server> {
    Server::bind(address).await.map_err(|error| match error {
        BindError::InUse(address) => listen::busy(address, "--listen"),
        BindError::Refused(address, source) => listen::refused(address, &source, "--listen"),
    })
}
