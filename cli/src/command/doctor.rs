//! `postern doctor`: what is missing before a gate can work.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{Format, PolicyOption};
use crate::console;
use crate::doctor::{Finding, machine, policy, resource};
use crate::interrupt::until_interrupted;
use crate::listen;

/// Look at this machine, the policy and the ACS resource of the settings, and say what to mend
///
/// The settings are those of the gate, from the environment, by their names in upper case. No mail is sent: ACS is asked
/// for an operation that never was, which tells its clock and whether it takes the key, and for each sender to send a
/// mail to nobody, which counts against the quota of sends. What ACS does not tell is unknown. The exit status is 1
/// where something necessary is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern doctor --format json")]
pub struct Doctor {
    #[command(flatten)]
    policy: PolicyOption,

    /// Where the gate shall listen
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,

    /// Where the emulator shall listen
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    acs_listen: SocketAddr,

    /// How the findings are written: for people, or as one JSON array of check, state, message, help
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Doctor {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(async move {
            let mut findings = machine::look(self.listen, self.acs_listen);
            let (policy, of_policy) = policy::look(&self.policy.directory);
            findings.extend(of_policy);
            findings.extend(resource::look(policy.as_ref()).await);
            match self.format {
                Format::Json => console::say(serde_json::to_string_pretty(&findings)?),
                Format::Text => findings.iter().for_each(console::say),
            }
            let failed = findings.iter().any(Finding::is_failure);
            Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        })
    }
}
