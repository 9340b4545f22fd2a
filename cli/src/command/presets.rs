//! `postern presets`: the senders that a policy can be made ready for in one step.

use std::process::ExitCode;

use clap::Args;

use crate::console::{self, BOLD, DIM};

/// List the presets: routes for common senders that `postern add` adds to a policy
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern presets")]
pub struct Presets {}

impl Presets {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let presets = postern_presets::all();
        let width = presets.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
        for preset in &presets {
            let name = preset.name;
            console::say(format_args!("{BOLD}{name:width$}{BOLD:#}  {}", preset.about.description));
        }
        console::say(format_args!("\n{DIM}`postern add PRESET` adds one to a policy.{DIM:#}"));
        Ok(ExitCode::SUCCESS)
    }
}
