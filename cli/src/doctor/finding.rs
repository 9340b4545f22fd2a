//! The result of one check.

use std::fmt;

use serde::Serialize;

use crate::console::{self, BOLD, DIM, GREEN, RED, YELLOW};

/// The width of the names in a table.
const NAME_COLUMNS: usize = 14;

/// What was checked, with the result.
#[derive(Debug, Serialize)]
pub struct Finding {
    check: String,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// Something is missing that not everybody needs.
    Warning,
    /// The check could not determine it.
    Unknown,
    /// Something necessary is wrong.
    Failed,
    /// It was not checked.
    Skipped,
}

impl Finding {
    /// Everything is right.
    pub fn good(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Good, message: message.into(), help: None }
    }

    /// It was not checked, with the reason.
    pub fn skipped(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::good(check, message) }
    }

    /// A problem, or something that could not be determined; `help` says how to fix it.
    pub fn bad(check: impl Into<String>, state: State, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state, help: Some(help.into()), ..Self::good(check, message) }
    }

    /// Whether something necessary is wrong.
    pub fn is_failure(&self) -> bool {
        self.state == State::Failed
    }
}

/// A line with a mark, and a second line that says how to fix the problem.
impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (style, mark) = match (self.state, console::unicode()) {
            (State::Good, true) => (GREEN, "✓"),
            (State::Good, false) => (GREEN, "+"),
            (State::Warning | State::Unknown, _) => (YELLOW, "!"),
            (State::Failed, true) => (RED, "✗"),
            (State::Failed, false) => (RED, "x"),
            (State::Skipped, _) => (DIM, "-"),
        };
        let Self { check, message, .. } = self;
        write!(out, "{style}{mark}{style:#} {BOLD}{check:<NAME_COLUMNS$}{BOLD:#}  {message}")?;
        match &self.help {
            Some(help) => write!(out, "\n  {:<NAME_COLUMNS$}  {DIM}{help}{DIM:#}", ""),
            None => Ok(()),
        }
    }
}
