//! `postern man`: the tool's own help as manual pages.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use crate::Cli;

/// Print the manual page, or write one for every command
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern man -o ~/.local/share/man/man1 && man postern-seal")]
pub struct Man {
    /// The directory to write postern.1, postern-dev.1 and so on to, made where it does not exist
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.directory {
            Some(directory) => {
                let shown = directory.display();
                fs::create_dir_all(&directory).with_context(|| format!("{shown} cannot be made"))?;
                clap_mangen::generate_to(Cli::command(), &directory)
                    .with_context(|| format!("The pages cannot be written to {shown}"))?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                io::stdout().write_all(&page)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
