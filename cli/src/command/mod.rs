//! The commands, one file each.

mod add;
mod approve;
mod check;
mod completions;
mod dev;
mod doctor;
mod emulator;
mod init;
mod inspect;
mod man;
mod manifest;
mod presets;
mod preview;
mod replay;
mod seal;
mod send;
mod serve;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

/// The output format.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    Dev(dev::Dev),
    Check(check::Check),
    Approve(approve::Approve),
    Init(init::Init),
    Presets(presets::Presets),
    Add(add::Add),
    Preview(preview::Preview),
    Send(send::Send),
    Replay(replay::Command),
    Emulator(emulator::Emulator),
    Seal(seal::Seal),
    Inspect(inspect::Inspect),
    Manifest(manifest::Write),
    Serve(serve::Serve),
    Status(status::Status),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Runs it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::Check(check) => check.run(),
            Self::Approve(approve) => approve.run(),
            Self::Init(init) => init.run(),
            Self::Presets(presets) => presets.run(),
            Self::Add(add) => add.run(),
            Self::Preview(preview) => preview.run(),
            Self::Send(send) => send.run(),
            Self::Replay(replay) => replay.run(),
            Self::Emulator(emulator) => emulator.run(),
            Self::Seal(seal) => seal.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Manifest(manifest) => manifest.run(),
            Self::Serve(serve) => serve.run(),
            Self::Status(status) => status.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// Which policy.
#[derive(Debug, Args)]
struct PolicyOption {
    /// The directory that contains postern.toml
    #[arg(long = "policy", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

/// The existing names, for a message about one that does not exist.
fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "available: none".to_owned() } else { format!("available: {}", names.join(", ")) }
}
