//! The events of `postern dev` for programs: one JSON object per line.

use std::fmt;

use postern::policy::{Policy, Route};
use serde::Serialize;
use serde_json::Value;

use crate::report::{Entry, counted};

/// One object. Its member `event` says which of these it is.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Record<'a> {
    /// A step of the start.
    Step {
        /// What was done or starts, in words.
        text: &'a str,
        /// Milliseconds since the command started.
        elapsed_ms: u64,
    },
    /// A policy is served from now on, the first one or an edited one.
    Policy {
        /// Why it is served now.
        state: State,
        /// Its size.
        #[serde(flatten)]
        extent: Extent,
        /// Warnings about it.
        findings: &'a [Entry],
        /// The names of everything that is not approved.
        not_approved: &'a [String],
    },
    /// An edited policy is not served; the last good one still is.
    Broken {
        /// One sentence.
        message: &'a str,
        /// What is wrong with it, and where.
        findings: &'a [Entry],
    },
    /// The gate answers requests from now on.
    Ready {
        /// The gate's address.
        gate: &'a str,
        /// The inbox's address.
        inbox: &'a str,
        /// The routes that accept requests.
        routes: Vec<RouteRecord<'a>>,
        /// Environment variables that are not set and have a development value instead.
        development: Vec<String>,
        /// A command to try the gate with.
        #[serde(rename = "try", skip_serializing_if = "Option::is_none")]
        trial: Option<String>,
    },
    /// The gate answered a request; this is its audit line, unchanged.
    Request {
        /// The line, as `docs/answers.md` describes it.
        audit: &'a Value,
    },
    /// Another message of the component, its host or the tool.
    Message {
        /// Its source.
        from: Source,
        /// Its text.
        text: &'a str,
    },
}

/// Why a policy is served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is the first one.
    Good,
    /// It was edited.
    Reloaded,
    /// It replaces an edit that had errors.
    Mended,
}

/// The size of a policy.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Extent {
    /// How many routes it has.
    pub routes: usize,
    /// How many mails they have.
    pub mails: usize,
}

impl Extent {
    /// Counts a policy's routes and mails.
    pub fn of(policy: &Policy) -> Self {
        Self { routes: policy.routes().count(), mails: policy.routes().map(|route| route.mails.len()).sum() }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}", counted(self.routes, "route"), counted(self.mails, "mail"))
    }
}

/// What a client must know about a route to post to it.
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
    /// The record of a route.
    pub fn of(route: &'a Route) -> Self {
        let scheme = route.auth.as_ref().map(|auth| auth.name.to_string());
        Self { name: &route.name, path: &route.path, scheme }
    }
}

/// The source of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The component.
    Component,
    /// Its host.
    Host,
    /// This tool.
    Tool,
}
