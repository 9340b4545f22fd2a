//! `postern init`: a small policy to start from.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use postern::policy::{APPROVALS_FILE, FOLDERS, POLICY_FILE};

use crate::console::{self, BOLD, DIM};
use crate::directory;

/// The files of the policy, each with its path.
const STARTER: &[(&str, &str)] = &[
    ("postern.toml", include_str!("../../starter/postern.toml")),
    ("schemas/contact.json", include_str!("../../starter/schemas/contact.json")),
    (
        "schemas/contact.examples/valid/hello.json",
        include_str!("../../starter/schemas/contact.examples/valid/hello.json"),
    ),
    (
        "schemas/contact.examples/invalid/required-email.json",
        include_str!("../../starter/schemas/contact.examples/invalid/required-email.json"),
    ),
    ("templates/contact-notify/subject.txt.j2", include_str!("../../starter/templates/contact-notify/subject.txt.j2")),
    ("templates/contact-notify/body.txt.j2", include_str!("../../starter/templates/contact-notify/body.txt.j2")),
    ("templates/contact-notify/sample.json", include_str!("../../starter/templates/contact-notify/sample.json")),
    (
        "templates/contact-acknowledge/subject.txt.j2",
        include_str!("../../starter/templates/contact-acknowledge/subject.txt.j2"),
    ),
    (
        "templates/contact-acknowledge/body.txt.j2",
        include_str!("../../starter/templates/contact-acknowledge/body.txt.j2"),
    ),
    (
        "templates/contact-acknowledge/sample.json",
        include_str!("../../starter/templates/contact-acknowledge/sample.json"),
    ),
];

/// Create a small policy to start from: a contact form with an acknowledgement
///
/// Nothing is overwritten: init refuses a directory that already contains a policy.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern init my-policy && cd my-policy && postern dev")]
pub struct Init {
    /// The directory, which is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Init {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = &self.directory;
        for name in [POLICY_FILE, APPROVALS_FILE].iter().chain(&FOLDERS) {
            let path = directory.join(name);
            ensure!(!path.exists(), "{} already exists; choose another directory.", path.display());
        }
        for (path, text) in STARTER {
            directory::create(&directory.join(path), text)?;
        }
        self.say_what_next();
        Ok(ExitCode::SUCCESS)
    }

    fn say_what_next(&self) {
        let directory = self.directory.display();
        console::say(format_args!("Created a policy with a contact form in {BOLD}{directory}{BOLD:#}."));
        for (command, purpose) in [
            (format!("postern dev --policy {directory}"), "serve it on this machine, with an inbox"),
            (format!("postern check {directory}"), "list what to fix or approve"),
            (
                format!("postern approve --all --by YOU@YOUR-DOMAIN --policy {directory}"),
                "approve it, once it says what you want it to say",
            ),
        ] {
            console::say(format_args!("  {command}\n    {DIM}{purpose}{DIM:#}"));
        }
    }
}
