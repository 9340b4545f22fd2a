//! `postern add`: a preset becomes part of a policy.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern::policy::{Files, POLICY_FILE};
use postern_presets::{Addition, Preset};

use super::{PolicyOption, known};
use crate::console::{self, BOLD, DIM};
use crate::directory;

/// Write a preset into a policy: its schema with examples, its template and its route
///
/// Nothing is overwritten. A sender or a layout that the policy has already stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern add alertmanager --policy my-policy")]
pub struct Add {
    /// The preset's name; `postern presets` lists them
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
        // Last, so that a policy never names what is not there.
        let policy = root.join(POLICY_FILE);
        fs::write(&policy, &addition.policy).with_context(|| format!("{} cannot be written", policy.display()))?;
        self.say_what_next(preset, &addition);
        Ok(ExitCode::SUCCESS)
    }

    fn say_what_next(&self, preset: &Preset, addition: &Addition) {
        let directory = self.policy.directory.display();
        let (files, name) = (addition.files.len(), preset.name);
        console::say(format_args!(
            "{BOLD}{name}{BOLD:#} is part of the policy: {files} files and a route in {POLICY_FILE}."
        ));
        for path in &addition.kept {
            console::say(format_args!("{DIM}{path} was there and stays as it is.{DIM:#}"));
        }
        console::say("\nNext:");
        console::say(format_args!("- Replace these addresses in {POLICY_FILE}: {}.", addition.addresses.join(", ")));
        for setting in &addition.settings {
            let variable = setting.to_uppercase();
            console::say(format_args!("- Give the gate the setting {setting} ({variable} in the environment)."));
        }
        let setup = preset.about.setup.trim().replace('\n', "\n  ").replace("\n  \n", "\n\n");
        console::say(format_args!("- {setup}"));
        if let Some(page) = &preset.about.documentation {
            console::say(format_args!("- The sender's own documentation: {page}"));
        }
        console::say(format_args!("\n{DIM}`postern check {directory}` says what is to be mended or approved.{DIM:#}"));
    }
}
