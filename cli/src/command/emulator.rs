//! `postern emulator`: Azure Communication Services Email on this machine, without a gate.

use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use postern_emulator::{BindError, Config, Emulator as Acs};

use crate::console::{self, BOLD};
use crate::interrupt::until_interrupted;
use crate::listen;

/// Run the emulator of Azure Communication Services Email alone
///
/// It checks signatures as ACS does, keeps the mails it accepts, and shows them in an inbox. Nothing leaves this
/// machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern emulator --listen 127.0.0.1:4001")]
pub struct Emulator {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    listen: SocketAddr,
}

impl Emulator {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(async move {
            let acs = bind(self.listen, "--listen").await?;
            console::say(format_args!("{BOLD}Endpoint{BOLD:#}           {}", acs.endpoint()));
            console::say(format_args!("{BOLD}Inbox{BOLD:#}              {}/", acs.endpoint()));
            console::say(format_args!("{BOLD}Connection string{BOLD:#}  {}", acs.connection_string()));
            console::say("\nThe access key is public and for development alone. Ctrl-C ends.");
            acs.serve(pending()).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Listens, or says which option chooses another address.
pub async fn bind(address: SocketAddr, option: &str) -> anyhow::Result<Acs> {
    Acs::bind(address, Config::default()).await.map_err(|error| match error {
        BindError::InUse(address) => listen::busy(address, option),
        BindError::Other { address, source } => listen::refused(address, &source, option),
    })
}
