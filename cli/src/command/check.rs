//! `postern check`: reports every finding about a policy.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use postern_lint::approval;

use super::Format;
use crate::directory::Directory;
use crate::{console, report};

/// Check a policy and report every finding with file, line and help
///
/// A policy without errors also gets a warning for everything that nobody has approved. The exit status is 1 if the
/// policy has errors, and 0 if it has only warnings or none.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern check --format json")]
pub struct Check {
    /// The directory that contains postern.toml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// The output format: for people, or one JSON array of severity, file, line, column, message, help
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = Directory::read(&self.directory)?;
        let mut findings = directory.check();
        // What has errors will change, so nobody should read it yet.
        if !report::has_errors(&findings) {
            findings.extend(approval::findings(directory.sources()));
        }
        match self.format {
            Format::Json => console::say(report::json(directory.path(), directory.sources(), &findings)?),
            Format::Text => {
                let text = report::text(directory.path(), directory.sources(), &findings);
                console::say(format_args!("{text}{}", report::summary(&findings)));
            }
        }
        Ok(if report::has_errors(&findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
