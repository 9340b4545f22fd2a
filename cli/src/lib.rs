//! `postern`, the native tool: serves a policy on this machine, checks it, previews its mails, and plays its callers.
//!
//! [`main`] reads the command line and calls one file per command in `command/`. Everything else is a noun that
//! commands share. The core defines what a policy means: this crate checks, renders and signs with it.

mod cache;
mod caller;
mod command;
mod console;
mod description;
mod dev;
mod directory;
mod doctor;
mod engine;
mod history;
mod interrupt;
mod listen;
mod machine;
mod manifest;
mod payload;
mod replay;
mod report;
mod secret;
mod settings;
mod studio;
mod visible;

use std::process::ExitCode;

use clap::Parser;

use command::Command;
use report::BrokenPolicy;

/// A guarded gate for system mail: webhooks in, approved mails out through Azure Communication Services.
#[derive(Debug, Parser)]
#[command(name = "postern", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Runs the tool with the process's arguments.
///
/// The exit status is 0 on success, 1 on an error, and 2 if the arguments are invalid.
pub fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(status) => status,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

/// A broken policy has its own report; any other error is one sentence.
fn tell(error: &anyhow::Error) {
    match error.downcast_ref::<BrokenPolicy>() {
        Some(broken) => console::complain(broken),
        None => console::complain(format_args!("{}error:{} {error:#}", console::RED, console::RED.render_reset())),
    }
}
