//! The last lines of a terminal: the current step of `postern dev`, and the errors of the policy until they are fixed.

use std::fmt::Display;
use std::io::stderr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::console::Term;
use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console::{self, DIM, GREEN, RED};
use crate::report::counted;
use crate::visible;

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// How many lines of the terminal an error report leaves free.
const KEPT_LINES: usize = 5;

/// The lines, redrawn in place on standard error.
#[derive(Debug)]
pub struct Status {
    bar: ProgressBar,
    inbox: OnceLock<String>,
    requests: AtomicUsize,
    mails: AtomicUsize,
    broken: AtomicBool,
    busy: AtomicBool,
}

impl Status {
    /// Only on a terminal: elsewhere, nothing can be redrawn.
    pub fn on_terminal() -> Option<Self> {
        let bar = ProgressBar::new_spinner();
        (!bar.is_hidden()).then(|| Self {
            bar,
            inbox: OnceLock::new(),
            requests: AtomicUsize::new(0),
            mails: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        })
    }

    /// Shows that something takes a while.
    pub fn working(&self, text: impl Display) {
        self.busy.store(true, Ordering::Relaxed);
        self.bar.set_style(style("{prefix}{spinner} {wide_msg} {elapsed}"));
        self.bar.reset_elapsed();
        self.bar.set_message(drawn(text));
        self.bar.enable_steady_tick(TURN);
    }

    /// Shows the inbox's address from now on.
    pub fn inbox(&self, url: &str) {
        // It does not move while the command runs.
        let _ = self.inbox.set(url.to_owned());
    }

    /// Shows that the gate waits for requests.
    pub fn resting(&self) {
        self.busy.store(false, Ordering::Relaxed);
        self.bar.disable_steady_tick();
        self.bar.set_style(style("{prefix}{wide_msg}"));
        self.bar.set_message(drawn(self.summary()));
        self.bar.force_draw();
    }

    fn summary(&self) -> String {
        let (style, state) = match self.broken.load(Ordering::Relaxed) {
            true => (RED, "serving the last good policy"),
            false => (GREEN, "ready"),
        };
        let inbox = self.inbox.get().map(String::as_str).unwrap_or_default();
        format!("{style}{} {state}{style:#}  {}  {DIM}{inbox}{DIM:#}", dot(), self.counts())
    }

    fn counts(&self) -> String {
        let requests = counted(self.requests.load(Ordering::Relaxed), "request");
        let mails = counted(self.mails.load(Ordering::Relaxed), "mail");
        format!("{requests}, {mails}")
    }

    /// Counts an answered request.
    pub fn count(&self, mails: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.mails.fetch_add(mails, Ordering::Relaxed);
        if !self.busy.load(Ordering::Relaxed) {
            self.bar.set_message(drawn(self.summary()));
        }
    }

    /// Shows the errors of the policy, in place of the previous ones.
    pub fn complain(&self, complaint: &str) {
        self.broken.store(true, Ordering::Relaxed);
        self.bar.set_prefix(drawn(format_args!("\n{}\n\n", cut(complaint))));
        self.resting();
    }

    /// Removes the errors.
    pub fn clear_errors(&self) {
        self.broken.store(false, Ordering::Relaxed);
        self.bar.set_prefix("");
        self.resting();
    }

    /// Prints on standard output, above the lines.
    pub fn say(&self, text: impl Display) {
        self.bar.suspend(|| console::say(text));
    }

    /// Leaves one line with a summary; none if the gate was never ready.
    pub fn end(&self) {
        if self.inbox.get().is_none() {
            return self.bar.finish_and_clear();
        }
        self.bar.set_prefix("");
        self.bar.finish_with_message(drawn(format_args!("{DIM}{} stopped  {}{DIM:#}", dot(), self.counts())));
    }
}

fn dot() -> &'static str {
    if console::unicode() { "●" } else { "*" }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    if console::unicode() { style } else { style.tick_chars(r"-\|/ ") }
}

/// Without colours if standard error has none: the progress bar would write them to the terminal unchanged.
fn drawn(text: impl Display) -> String {
    let text = visible::styled(&text.to_string());
    match AutoStream::choice(&stderr()) {
        ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
        _ => text,
    }
}

/// As many lines as fit.
fn cut(complaint: &str) -> String {
    let room = usize::from(Term::stderr().size().0).saturating_sub(KEPT_LINES);
    let count = complaint.lines().count();
    if count <= room {
        return complaint.to_owned();
    }
    let lines: Vec<_> = complaint.lines().take(room.saturating_sub(1)).collect();
    let rest = counted(count - lines.len(), "more line");
    format!("{}\n{DIM}{rest}: `postern check` shows them all{DIM:#}", lines.join("\n"))
}
