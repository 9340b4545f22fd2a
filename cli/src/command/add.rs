//! `postern add`: adds a preset to a policy.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern::policy::{Files, POLICY_FILE};
use postern_presets::{Addition, Preset};

use super::{PolicyOption, known};
use crate::console::{self, BOLD, DIM};
use crate::directory;

/// Add a preset to a policy: its schema with examples, its template and its route
///
/// Nothing is overwritten. A sender or layout that the policy already has stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern add alertmanager --policy my-policy")]
pub struct Add {
    /// The preset's name; `postern presets` lists all
    #[arg(value_name = "PRESET")]
    preset: String,

    #[command(flatten)]
    policy: PolicyOption,
}

impl Add {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let presets = postern_presets::all();
        let names = || known(presets.iter().map(|preset| preset.name));
        let preset = presets.iter().find(|preset| preset.name == self.preset);
        let preset = preset.with_context(|| format!("There is no preset `{}`; {}.", self.preset, names()))?;
        let root = &self.policy.directory;
        let addition = preset.add(&Files::read(root)?)?;
        for (path, text) in &addition.files {
            directory::create(&root.join(path), text)?;
        }
        // Last, so that a policy never refers to a file that does not exist yet.
        let policy = root.join(POLICY_FILE);
        fs::write(&policy, &addition.policy).with_context(|| format!("Cannot write {}", policy.display()))?;
        self.say_what_next(preset, &addition);
        Ok(ExitCode::SUCCESS)
    }

    fn say_what_next(&self, preset: &Preset, addition: &Addition) {
        let directory = self.policy.directory.display();
        let (files, name) = (addition.files.len(), preset.name);
        console::say(format_args!(
            "Added {BOLD}{name}{BOLD:#} to the policy: {files} files, and a route in {POLICY_FILE}."
        ));
        for path in &addition.kept {
            console::say(format_args!("{DIM}Kept the existing {path}.{DIM:#}"));
        }
        console::say("\nNext:");
        console::say(format_args!("- Replace these addresses in {POLICY_FILE}: {}.", addition.addresses.join(", ")));
        for setting in &addition.settings {
            let variable = setting.to_uppercase();
            console::say(format_args!("- Set {setting} for the gate ({variable} in the environment)."));
        }
        let setup = preset.about.setup.trim().replace('\n', "\n  ").replace("\n  \n", "\n\n");
        console::say(format_args!("- {setup}"));
        if let Some(page) = &preset.about.documentation {
            console::say(format_args!("- The sender's documentation: {page}"));
        }
        console::say(format_args!("\n{DIM}`postern check {directory}` lists what to fix or approve.{DIM:#}"));
    }
}
