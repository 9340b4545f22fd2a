//! What a developer sees of the running gate, or what a program reads about it.

use std::fmt::Display;
use std::io::{IsTerminal as _, stdout};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use ::console::{Term, truncate_str};
use postern::policy::{Diagnostic, Policy};
use postern_lint::approval;
use postern_runtime::Event;
use serde_json::Value;

use super::audit_line::{self, AuditLine};
use super::record::{Extent, Record, RouteRecord, Source, State};
use super::status::Status;
use super::trial;
use crate::console::{self, BOLD, DIM, GREEN, RED, YELLOW};
use crate::directory::Directory;
use crate::report::{self, BrokenPolicy};
use crate::secret::{self, Secret};
use crate::visible;

/// From this status on, an answer is a refusal or a failure.
const FIRST_ERROR: u16 = 400;

/// Where events are reported: lines on standard output, on a terminal with a status below them, or JSON objects.
#[derive(Debug, Clone)]
pub struct Screen {
    output: Output,
    errors_only: bool,
    started: Instant,
}

#[derive(Debug, Clone)]
enum Output {
    /// For programs.
    Json,
    /// For people who read a file or a pipe.
    Lines,
    /// For people at a terminal.
    Live(Arc<Status>),
}

/// Ends the status on the terminal when it is dropped, however the command ends.
#[derive(Debug)]
pub struct StatusGuard(Screen);

impl Drop for StatusGuard {
    fn drop(&mut self) {
        if let Output::Live(status) = &self.0.output {
            status.end();
        }
    }
}

impl Screen {
    /// A screen whose clock starts now. It prints JSON objects instead of lines, or only problems, if requested.
    pub fn new(json: bool, errors_only: bool) -> Self {
        let status = if json || errors_only { None } else { Status::on_terminal() };
        let output = match status {
            Some(status) => Output::Live(Arc::new(status)),
            None if json => Output::Json,
            None => Output::Lines,
        };
        Self { output, errors_only, started: Instant::now() }
    }

    /// Must be kept for as long as the screen is used.
    pub fn status_guard(&self) -> StatusGuard {
        StatusGuard(self.clone())
    }

    fn say(&self, text: impl Display) {
        match &self.output {
            Output::Live(status) => status.say(text),
            Output::Lines => console::say(text),
            Output::Json => {}
        }
    }

    fn record(&self, record: &Record<'_>) {
        if matches!(self.output, Output::Json) {
            // The record contains only numbers and texts, which JSON can always represent.
            console::say(serde_json::to_string(record).unwrap_or_default());
        }
    }

    /// A step of the start.
    pub fn step(&self, text: impl Display) {
        if self.errors_only {
            return;
        }
        let elapsed = self.started.elapsed();
        match &self.output {
            Output::Live(status) => status.working(text),
            Output::Lines => console::say(format_args!("{DIM}{:>5.1} s{DIM:#}  {text}", elapsed.as_secs_f32())),
            Output::Json => {
                let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                self.record(&Record::Step { text: &text.to_string(), elapsed_ms });
            }
        }
    }

    /// Something after the start that takes a while.
    pub fn working(&self, text: impl Display) {
        if let Output::Live(status) = &self.output {
            status.working(text);
        }
    }

    /// Nothing is in progress any more.
    pub fn resting(&self) {
        if let Output::Live(status) = &self.output {
            status.resting();
        }
    }

    /// Shows the addresses, and how to try the gate.
    pub fn overview(&self, gate: &str, inbox: &str, policy: &Policy, secrets: &[Secret], trial: Option<&[String]>) {
        if self.errors_only {
            return;
        }
        let development = secrets.iter().filter(|secret| secret.development);
        let development: Vec<_> = development.map(|secret| secret::variable(&secret.name)).collect();
        self.record(&Record::Ready {
            gate,
            inbox,
            routes: policy.routes().map(RouteRecord::of).collect(),
            development: development.clone(),
            trial: trial.map(|words| words.join(" ")),
        });
        self.say(format_args!("\n  {BOLD}Gate{BOLD:#}   {gate}\n  {BOLD}Inbox{BOLD:#}  {inbox}\n"));
        let width = policy.routes().map(|route| route.path.len()).max().unwrap_or_default();
        for route in policy.routes() {
            let kind = route.auth.as_ref().map_or_else(|| "form".to_owned(), |auth| format!("event, {}", auth.name));
            self.say(format_args!("  {:<width$}  {BOLD}{}{BOLD:#} {DIM}({kind}){DIM:#}", route.path, route.name));
        }
        for (index, variable) in development.iter().enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            self.say(format_args!("{gap}  {DIM}{variable} is not set: using a development value.{DIM:#}"));
        }
        if let Some(words) = trial {
            self.say(format_args!("\n  {BOLD}Try it{BOLD:#}\n  {}", self.command(words)));
        }
        self.say(format_args!("\n  {DIM}Edits to the policy take effect at once. Press Ctrl-C to stop.{DIM:#}\n"));
        if let Output::Live(status) = &self.output {
            status.inbox(inbox);
            status.resting();
        }
    }

    /// A command to copy: on a terminal, split into lines that fit.
    fn command(&self, words: &[String]) -> String {
        match self.output {
            Output::Live(_) => trial::folded(words),
            Output::Lines | Output::Json => words.join(" "),
        }
    }

    /// A policy is being served. It may have warnings, and may not be approved.
    pub fn served(&self, state: State, directory: &Directory, policy: &Policy, warnings: &[Diagnostic]) {
        if self.errors_only {
            return;
        }
        let (names, finding) = match approval::unapproved(directory.sources()) {
            Ok(open) => (open.into_iter().map(|open| open.name).collect(), None),
            Err(finding) => (Vec::new(), Some(finding)),
        };
        let warnings: Vec<_> = warnings.iter().cloned().chain(finding).collect();
        let extent = Extent::of(policy);
        self.record(&Record::Policy {
            state,
            extent,
            findings: &report::entries(directory.path(), directory.sources(), &warnings),
            not_approved: &names,
        });
        if !warnings.is_empty() {
            self.say(report::text(directory.path(), directory.sources(), &warnings).trim_end());
        }
        if !names.is_empty() {
            let names = names.join(", ");
            self.say(format_args!("{YELLOW}not approved:{YELLOW:#} {names} {DIM}(see postern approve){DIM:#}"));
        }
        let verb = match state {
            State::Good => return self.step(format_args!("the policy is valid: {extent}")),
            State::Reloaded => "reloaded",
            State::Mended => "fixed",
        };
        if let Output::Live(status) = &self.output {
            status.clear_errors();
        }
        self.say(format_args!("{DIM}{}{DIM:#}  {GREEN}policy {verb}: {extent}{GREEN:#}", now()));
    }

    /// An edit that is not served because it has errors.
    pub fn broken(&self, error: &anyhow::Error) {
        let complaint = format!("{error:#}");
        let heading = format!("{DIM}{}{DIM:#}  {RED}policy broken{RED:#}\n{complaint}", now());
        match &self.output {
            Output::Live(status) => status.complain(&heading),
            Output::Lines => console::say(format_args!("{heading}\nStill serving the last good policy.")),
            Output::Json => {
                let broken = error.downcast_ref::<BrokenPolicy>();
                self.record(&Record::Broken {
                    message: broken.map_or(&complaint, BrokenPolicy::summary),
                    findings: broken.map(BrokenPolicy::entries).unwrap_or_default(),
                });
            }
        }
    }

    /// An event of the host.
    pub fn event(&self, event: Event<'_>) {
        match event {
            Event::Stdout(text) => match AuditLine::parse(text) {
                Some(line) => self.request(&line, text),
                None => self.message(Source::Component, text),
            },
            Event::Stderr(text) => self.message(Source::Component, text),
            Event::Failed(text) | Event::Outbound(text) => self.message(Source::Host, text),
        }
    }

    fn request(&self, line: &AuditLine, audit: &str) {
        if self.errors_only && line.status() < FIRST_ERROR {
            return;
        }
        match &self.output {
            Output::Live(status) => {
                status.count(line.mails_sent());
                status.say(fitted(&line.to_string()));
            }
            Output::Lines => console::say(line),
            Output::Json => {
                let audit = serde_json::from_str::<Value>(audit).unwrap_or_default();
                self.record(&Record::Request { audit: &audit });
            }
        }
    }

    /// Anything other than a request or an edit.
    pub fn message(&self, from: Source, text: &str) {
        let (style, who) = match from {
            Source::Component => (YELLOW, "component"),
            Source::Host => (RED, "host"),
            Source::Tool => (YELLOW, "warning"),
        };
        self.record(&Record::Message { from, text });
        self.say(format_args!("{style}{who}:{style:#} {}", visible::text(text)));
    }
}

/// Makes a text fit into one line of the terminal, if there is a terminal.
fn fitted(line: &str) -> String {
    let size = stdout().is_terminal().then(|| Term::stdout().size_checked()).flatten();
    size.map_or_else(|| line.to_owned(), |(_, columns)| truncate_str(line, usize::from(columns), "…").into_owned())
}

fn now() -> String {
    audit_line::time_of_day(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string())
}
