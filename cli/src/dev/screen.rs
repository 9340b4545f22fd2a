//! What a developer sees of the running gate.

use std::fmt::Display;
use std::time::{Instant, SystemTime};

use postern::policy::{Diagnostic, Policy};
use postern_lint::approval;
use postern_runtime::Event;

use super::line;
use crate::console::{self, BOLD, DIM, GREEN, RED, YELLOW};
use crate::directory::Directory;
use crate::report;
use crate::secret::{self, Secret};

/// Standard output for people; for programs it has the audit lines alone, and people read standard error.
#[derive(Debug, Clone)]
pub struct Screen {
    json: bool,
    started: Instant,
}

impl Screen {
    /// A screen whose clock starts now.
    pub fn new(json: bool) -> Self {
        Self { json, started: Instant::now() }
    }

    fn say(&self, text: impl Display) {
        if self.json { console::complain(text) } else { console::say(text) }
    }

    /// A step of the start, with the seconds since it began.
    pub fn step(&self, text: impl Display) {
        self.say(format_args!("{DIM}{:>5.1} s{DIM:#}  {text}", self.started.elapsed().as_secs_f32()));
    }

    /// Where everything is, and how to try it.
    pub fn overview(&self, gate: &str, inbox: &str, policy: &Policy, secrets: &[Secret], trial: Option<&str>) {
        self.say(format_args!("\n  {BOLD}Gate{BOLD:#}   {gate}\n  {BOLD}Inbox{BOLD:#}  {inbox}\n"));
        let width = policy.routes().map(|route| route.path.len()).max().unwrap_or_default();
        for route in policy.routes() {
            let kind = route.auth.as_ref().map_or_else(|| "form".to_owned(), |auth| format!("event, {}", auth.scheme));
            self.say(format_args!("  {:<width$}  {BOLD}{}{BOLD:#} {DIM}({kind}){DIM:#}", route.path, route.name));
        }
        let development = secrets.iter().filter(|secret| secret.development);
        for (index, secret) in development.enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            let variable = secret::variable(&secret.name);
            self.say(format_args!("{gap}  {DIM}{variable} is not set: a development value is used.{DIM:#}"));
        }
        if let Some(trial) = trial {
            self.say(format_args!("\n  {BOLD}Try it{BOLD:#}\n  {trial}"));
        }
        self.say(format_args!("\n  {DIM}Edits to the policy are served at once. Ctrl-C ends.{DIM:#}\n"));
    }

    /// Warnings about a policy that is served all the same.
    pub fn warnings(&self, directory: &Directory, warnings: &[Diagnostic]) {
        if !warnings.is_empty() {
            self.say(report::text(directory.path(), directory.files(), warnings).trim_end());
        }
    }

    /// What is served although nobody approved it.
    pub fn unapproved(&self, directory: &Directory) {
        match approval::unapproved(directory.files()) {
            Ok(open) if open.is_empty() => {}
            Ok(open) => {
                let names: Vec<_> = open.into_iter().map(|open| open.name).collect();
                let names = names.join(", ");
                self.say(format_args!("{YELLOW}not approved:{YELLOW:#} {names} {DIM}(see postern approve){DIM:#}"));
            }
            Err(finding) => self.warnings(directory, &[finding]),
        }
    }

    /// What became of an edit.
    pub fn policy(&self, text: impl Display) {
        self.say(format_args!("{DIM}{}{DIM:#}  {GREEN}policy {text}{GREEN:#}", now()));
    }

    /// An edit that is not served.
    pub fn broken(&self, complaint: &str) {
        let time = now();
        self.say(format_args!(
            "{DIM}{time}{DIM:#}  {RED}policy broken{RED:#}\n{complaint}\nThe last good policy is still served."
        ));
    }

    /// What the host has to tell.
    pub fn event(&self, event: Event<'_>) {
        match event {
            Event::Stdout(audit) if self.json => console::say(audit),
            Event::Stdout(audit) => self.say(line::tidy(audit).unwrap_or_else(|| audit.to_owned())),
            Event::Stderr(text) => self.say(format_args!("{YELLOW}component:{YELLOW:#} {text}")),
            Event::Failed(sentence) | Event::Outbound(sentence) => {
                self.say(format_args!("{RED}host:{RED:#} {sentence}"))
            }
        }
    }
}

fn now() -> String {
    line::time_of_day(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string())
}
