//! `postern completions`: prints what a shell needs to complete the tool's arguments.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::Cli;

/// Print a script that lets a shell complete commands, options and their values
///
/// bash: `source <(postern completions bash)` in ~/.bashrc. zsh: write it to a file `_postern` in a directory in
/// $fpath. fish: write it to ~/.config/fish/completions/postern.fish.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern completions bash > ~/.local/share/bash-completion/completions/postern")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // Made whole first: the crate panics where a reader hangs up.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "postern", &mut script);
        io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
