//! `postern inspect`: what is in a sealed component.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern::policy::Digest;

use super::Format;
use crate::console;
use crate::description::Description;

/// Print what a sealed component contains
///
/// This is the description that `postern seal` wrote into it. To see that it really runs this policy, compare the
/// sha256 with the one in `/readyz` and in every audit line, which comes from the component's memory.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern inspect postern.wasm --format json")]
pub struct Inspect {
    /// The component
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The output format: for people, or one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Inspect {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display();
        let component = fs::read(&self.file).with_context(|| format!("Cannot read {shown}"))?;
        let description = Description::read(&component).with_context(|| shown.to_string())?;
        match self.format {
            Format::Json => console::say(serde_json::to_string_pretty(&description)?),
            Format::Text => {
                console::say(format_args!("Component  {shown}\n  sha256   {}", Digest::of_bytes(&component)));
                console::say(description);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
