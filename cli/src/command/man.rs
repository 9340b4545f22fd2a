//! `postern man`: the tool's own help as manual pages.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use crate::Cli;

/// Print the manual page, or write a page for every command
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern man -o ~/.local/share/man/man1 && man postern-seal")]
pub struct Man {
    /// The directory to write postern.1, postern-dev.1 and so on to, which is created if it does not exist
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.directory {
            Some(directory) => {
                let shown = directory.display();
                fs::create_dir_all(&directory).with_context(|| format!("Cannot create {shown}"))?;
                clap_mangen::generate_to(Cli::command(), &directory)
                    .with_context(|| format!("Cannot write the pages to {shown}"))?;
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
