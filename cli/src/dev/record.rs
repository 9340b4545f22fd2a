//! What happens while `postern dev` runs, as programs read it: one JSON object a line.

use std::fmt;

use postern::policy::{Policy, Route};
use serde::Serialize;
use serde_json::Value;

use crate::report::{Entry, counted};

/// One object. Its member `event` says which of these it is.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Record<'a> {
    /// The start has come to a step.
    Step {
        /// What is done or begins, in words.
        text: &'a str,
        /// Since the start.
        elapsed_ms: u64,
    },
    /// A policy is served from now on, the first one or an edited one.
    Policy {
        /// How it came to be served.
        state: State,
        /// How much it does.
        #[serde(flatten)]
        extent: Extent,
        /// Warnings about it.
        findings: &'a [Entry],
        /// The names of what is not approved.
        not_approved: &'a [String],
    },
    /// An edited policy is not served; the last good one still is.
    Broken {
        /// In one sentence.
        message: &'a str,
        /// What is wrong with it, and where.
        findings: &'a [Entry],
    },
    /// Requests are answered from now on.
    Ready {
        /// The gate's address.
        gate: &'a str,
        /// The inbox's address.
        inbox: &'a str,
        /// What can be posted to.
        routes: Vec<RouteRecord<'a>>,
        /// Environment variables that are not set, so that values for development are used.
        development: Vec<String>,
        /// A command that shows the gate at work.
        #[serde(rename = "try", skip_serializing_if = "Option::is_none")]
        trial: Option<String>,
    },
    /// A request was answered; the gate's audit line as it is.
    Request {
        /// The line, as `docs/operations.md` describes it.
        audit: &'a Value,
    },
    /// Something else that the component or its host has to say.
    Message {
        /// Who says it.
        from: Source,
        /// In words.
        text: &'a str,
    },
}

/// How a policy came to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is the first one.
    Good,
    /// It was edited.
    Reloaded,
    /// It was broken before.
    Mended,
}

/// How much a policy does.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Extent {
    /// How many routes it has.
    pub routes: usize,
    /// How many mails they have.
    pub mails: usize,
}

impl Extent {
    /// Counts.
    pub fn of(policy: &Policy) -> Self {
        Self { routes: policy.routes().count(), mails: policy.routes().map(|route| route.mails.len()).sum() }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}", counted(self.routes, "route"), counted(self.mails, "mail"))
    }
}

/// A route, as far as one must know it to post to it.
#[derive(Debug, Serialize)]
pub struct RouteRecord<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its path at the gate.
    pub path: &'a str,
    /// How its callers authenticate; none if it is a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
}

impl<'a> RouteRecord<'a> {
    /// A route as the record describes it.
    pub fn of(route: &'a Route) -> Self {
        let scheme = route.auth.as_ref().map(|auth| auth.name.to_string());
        Self { name: &route.name, path: &route.path, scheme }
    }
}

/// Who has something to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The gate itself.
    Component,
    /// What it runs in.
    Host,
    /// This tool.
    Tool,
}
