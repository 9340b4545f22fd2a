//! `postern doctor`: what is missing before a gate can work.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{Format, PolicyOption};
use crate::console;
use crate::doctor::{Finding, machine, policy, resource};
use crate::interrupt::until_interrupted;
use crate::listen;

/// Check this machine, the policy and the ACS resource, and say what to fix
///
/// Settings come from the environment, under the gate's names in upper case. No mail is sent. To learn its clock and
/// whether it accepts the key, doctor asks ACS for an operation that never existed; for each sender, it asks ACS to
/// send a mail without recipients, which counts against the quota of sends. What ACS does not reveal is reported as
/// unknown. The exit status is 1 if something necessary is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern doctor --format json")]
pub struct Doctor {
    #[command(flatten)]
    policy: PolicyOption,

    /// The address that the gate will listen on
    #[arg(long, value_name = "ADDR", default_value = listen::GATE, value_parser = listen::address)]
    listen: SocketAddr,

    /// The address that the emulator will listen on
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    acs_listen: SocketAddr,

    /// The output format: for people, or one JSON array of check, state, message, help
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
