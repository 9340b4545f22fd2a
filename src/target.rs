//! What a request is for, decided once.

use http::{Method, Uri};

use crate::auth;
use crate::contract::{self, Contract};
use crate::document::Document;
use crate::guard;
use crate::host::Settings;
use crate::inquiry::Question;
use crate::policy::{ConfirmationGuard, Diagnostic, Kind, Policy, Route};
use crate::readiness::Probe;
use crate::visitor::Endpoint;
use crate::web::path::{CONFIRM, HEALTH, OPENAPI, READINESS, SCRIPT};

/// What a request is for.
#[derive(Debug)]
pub enum Target<'a> {
    /// A host checks the gate's health.
    Probe(Probe),
    /// Anyone reads the script or the OpenAPI description.
    Document(&'a Policy, Document),
    /// A page requests something other than sending its form.
    Endpoint(&'a Route, Endpoint),
    /// A browser asks whether a page's script may send a form (a CORS preflight).
    Preflight(&'a Route),
    /// A caller asks for the status of an operation.
    Status(Question<'a>),
    /// A system sends events, or a visitor a form.
    Submission(&'a Policy, &'a Route),
    /// A visitor confirms a form.
    Confirmation(&'a Policy, &'a Route, &'a ConfirmationGuard),
    /// The policy has nothing at this path.
    Unknown,
    /// There is no valid policy.
    Unconfigured,
}

impl<'a> Target<'a> {
    /// What a request with this method is for.
    pub fn of(policy: &'a Result<Policy, Vec<Diagnostic>>, method: &Method, path: &'a str) -> Self {
        match Self::at(policy, path) {
            Self::Submission(_, route) | Self::Confirmation(_, route, _)
                if route.kind == Kind::Form && *method == Method::OPTIONS =>
            {
                Self::Preflight(route)
            }
            target => target,
        }
    }

    /// What is at a path. A route of the policy takes precedence over an endpoint below another route's path.
    pub fn at(policy: &'a Result<Policy, Vec<Diagnostic>>, path: &'a str) -> Self {
        match (path, policy) {
            (HEALTH, _) => Self::Probe(Probe::Health),
            (READINESS, _) => Self::Probe(Probe::Readiness),
            (_, Err(_)) => Self::Unconfigured,
            (SCRIPT, Ok(policy)) => Self::Document(policy, Document::Script),
            (OPENAPI, Ok(policy)) => Self::Document(policy, Document::OpenApi),
            (_, Ok(policy)) => Self::of_policy(policy, path),
        }
    }

    fn of_policy(policy: &'a Policy, path: &'a str) -> Self {
        if let Some(question) = Question::find(policy, path) {
            return Self::Status(question);
        }
        if let Some(route) = policy.route(path) {
            return Self::Submission(policy, route);
        }
        if let Some((route, endpoint)) = Endpoint::find(policy, path) {
            return Self::Endpoint(route, endpoint);
        }
        let confirmed = path.rsplit_once('/').filter(|(_, name)| *name == CONFIRM);
        let route = confirmed.and_then(|(form, _)| policy.route(form));
        let guard = route.and_then(|route| Some((route, route.form.confirmation.as_ref()?)));
        guard.map_or(Self::Unknown, |(route, guard)| Self::Confirmation(policy, route, guard))
    }

    /// How callers of this target react to answers.
    pub const fn contract(&self) -> &'static Contract {
        match self {
            Self::Submission(_, route) | Self::Confirmation(_, route, _) => route.contract,
            _ => &contract::PLAIN,
        }
    }

    /// The server that verifies callers or visitors, if there is one.
    pub async fn verifier(&self, host: &impl Settings) -> Option<Uri> {
        match self {
            Self::Status(question) => auth::verifier(host, question.auth).await,
            Self::Submission(_, route) => match (guard::verifier(route), &route.auth) {
                (None, Some(auth)) => auth::verifier(host, auth).await,
                (captcha, _) => captcha,
            },
            _ => None,
        }
    }
}
