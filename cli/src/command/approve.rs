//! `postern approve`: shows what changed, and records who approved it.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use clap::Args;
use postern::policy::{APPROVALS_FILE, Address, Files};
use postern_lint::approval::{self, Approval, Unapproved};
use similar::{ChangeTag, TextDiff};

use super::{PolicyOption, known};
use crate::console::{self, BOLD, DIM, GREEN, RED};
use crate::directory::Directory;
use crate::history::{self, Found};
use crate::visible;

/// Approve templates, schemas and the tables of senders and routes, and show what changed since the last approval
///
/// Approvals are written to approvals.toml with the sha256 of the approved content. Comments and formatting do not
/// matter, and a layout counts as a part of every template. The previously approved text comes from the git history.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern approve templates/contact-notify senders --by web-team@contoso.example")]
pub struct Approve {
    /// What to approve, as `postern check` names it: templates/NAME, schemas/NAME, senders, routes
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,

    /// Approve everything that is not approved, and remove approvals of what no longer exists
    #[arg(long, conflicts_with = "names")]
    all: bool,

    /// The email address of the person who approves
    #[arg(long, value_name = "EMAIL", value_parser = address)]
    by: Address,

    #[command(flatten)]
    policy: PolicyOption,
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|error| error.to_string())
}

impl Approve {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = Directory::read(&self.policy.directory)?;
        directory.proven()?;
        let open = approval::unapproved(directory.sources()).map_err(|finding| directory.broken(vec![finding]))?;
        let chosen = self.chosen(directory.sources(), open)?;
        for unapproved in &chosen {
            show(&directory, unapproved);
        }
        write(&directory, &chosen, &self.by)?;
        match chosen.len() {
            0 => console::say("Everything is already approved."),
            _ => console::say(format_args!(
                "{GREEN}Wrote {APPROVALS_FILE}. Commit it together with what it approves.{GREEN:#}"
            )),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What the arguments name and nobody has approved in its present form.
    fn chosen(&self, files: &Files, open: Vec<Unapproved>) -> anyhow::Result<Vec<Unapproved>> {
        if self.all {
            return Ok(open);
        }
        let names = approval::names(files);
        let wanted: Result<BTreeSet<_>, _> = self.names.iter().map(|name| resolve(&names, name)).collect();
        let wanted = wanted?;
        Ok(open.into_iter().filter(|open| wanted.contains(open.name.as_str())).collect())
    }
}

/// Takes a path for the name, because shells complete paths.
fn resolve<'a>(names: &'a BTreeSet<String>, text: &str) -> anyhow::Result<&'a str> {
    let plain = text.trim_start_matches("./").trim_end_matches('/').trim_end_matches(".json");
    let found = names.iter().find(|name| *name == plain);
    found.map(String::as_str).ok_or_else(|| {
        anyhow!("There is nothing named `{text}` to approve; {}.", known(names.iter().map(String::as_str)))
    })
}

fn write(directory: &Directory, chosen: &[Unapproved], by: &Address) -> anyhow::Result<()> {
    let names: Vec<_> = chosen.iter().map(|open| open.name.clone()).collect();
    let text = approval::approve(directory.sources(), &names, by, today()?)?;
    if directory.sources().text(APPROVALS_FILE) == Some(text.as_str()) {
        return Ok(());
    }
    let path = directory.path().join(APPROVALS_FILE);
    fs::write(&path, text).with_context(|| format!("Cannot write {}", path.display()))
}

/// The day in UTC.
fn today() -> anyhow::Result<approval::Date> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = now.get(..10).and_then(|day| day.parse::<approval::Datetime>().ok()).and_then(|day| day.date);
    day.with_context(|| format!("This machine's clock is wrong: it says {now}."))
}

/// Shows what would be approved: what changed since the last approval, or all of it.
fn show(directory: &Directory, open: &Unapproved) {
    console::say(format_args!("{BOLD}{}{BOLD:#}", visible::line(&open.name)));
    let now = approval::texts(directory.sources(), &open.name);
    let then = open.last.as_ref().and_then(|last| before(directory, &open.name, last));
    match then {
        Some(then) => changes(&then, &now),
        None => now.iter().for_each(|(title, text)| whole(title, text)),
    }
    console::say("");
}

/// The text that was approved, or a line that says why the whole text follows.
fn before(directory: &Directory, name: &str, last: &Approval) -> Option<Vec<(String, String)>> {
    let why = match history::find(directory.path(), name, &last.sha256) {
        Found::Then(files) => {
            console::say(format_args!(
                "{DIM}changes since {} approved it on {}{DIM:#}",
                last.approved_by, last.approved_on
            ));
            return Some(approval::texts(&files, name));
        }
        Found::NoHistory => "there is no git history here",
        Found::Nowhere => "no commit contains it",
    };
    let (by, on) = (&last.approved_by, &last.approved_on);
    console::say(format_args!("{DIM}cannot find the text that {by} approved on {on}: {why}{DIM:#}"));
    None
}

fn whole(title: &str, text: &str) {
    console::say(format_args!("{DIM}--- {}{DIM:#}\n{}", visible::line(title), visible::text(text.trim_end())));
}

fn changes(then: &[(String, String)], now: &[(String, String)]) {
    let titles: BTreeSet<_> = then.iter().chain(now).map(|(title, _)| title).collect();
    let text = |texts: &[(String, String)], title: &String| {
        texts.iter().find(|(known, _)| known == title).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    for title in titles {
        let (then, now) = (text(then, title), text(now, title));
        if then != now {
            diff(title, &then, &now);
        }
    }
}

fn diff(title: &str, then: &str, now: &str) {
    console::say(format_args!("{DIM}--- {}{DIM:#}", visible::line(title)));
    let diff = TextDiff::from_lines(then, now);
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        console::say(format_args!("{DIM}{}{DIM:#}", hunk.header()));
        for change in hunk.iter_changes() {
            let line = change.value();
            let line = visible::line(line.strip_suffix("\r\n").or(line.strip_suffix('\n')).unwrap_or(line));
            match change.tag() {
                ChangeTag::Delete => console::say(format_args!("{RED}-{line}{RED:#}")),
                ChangeTag::Insert => console::say(format_args!("{GREEN}+{line}{GREEN:#}")),
                ChangeTag::Equal => console::say(format_args!(" {line}")),
            }
        }
    }
}
