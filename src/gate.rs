//! The order of the steps, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use uuid::Uuid;

use crate::acs::{self, Credentials, Delivery, SettingError, SettingFault};
use crate::audit::{self, Entry};
use crate::auth::{self, Caller};
use crate::decode::{self, Format};
use crate::entra::TokenCache;
use crate::guard;
use crate::host::{BodyError, Host};
use crate::policy::{Diagnostic, Digest, Policy, Route};
use crate::redirect;
use crate::render::{self, Message};
use crate::reply::{self, Readiness, Refusal, Sent};
use crate::select::{self, Selected};
use crate::trace::Trace;
use crate::validate;

/// The paths that the gate answers itself.
pub const RESERVED_PATHS: [&str; 2] = [HEALTH, READINESS];
const HEALTH: &str = "/healthz";
const READINESS: &str = "/readyz";

/// The namespace of operation ids (RFC 9562, 5.5): the name is route, mail and event id, each on a line.
const OPERATIONS: Uuid = Uuid::from_u128(0x7d5c_9a2e_41b6_4f0a_9c3d_2f6b_8e17_a054);

/// The gate: a policy, ready to work, or the reasons why there is none.
#[derive(Debug)]
pub struct Gate {
    policy: Result<Policy, Vec<Diagnostic>>,
    /// Tokens that the gate proves itself with.
    tokens: TokenCache,
}

/// What a request's mails came to.
struct Done<'a> {
    route: &'a Route,
    format: Format,
    sent: Vec<Sent>,
}

/// What all mails of a request have in common on their way out.
struct Way<'a> {
    route: &'a Route,
    caller: &'a Caller,
    tokens: &'a TokenCache,
    trace: &'a Trace,
    deadline: Duration,
}

impl Gate {
    /// A gate for a policy. Without a usable one it answers that it is not configured.
    pub fn new(policy: Result<Policy, Vec<Diagnostic>>) -> Self {
        Self { policy, tokens: TokenCache::default() }
    }

    fn digest(&self) -> Option<Digest> {
        self.policy.as_ref().ok().map(Policy::digest)
    }

    /// How many bytes of a body the host should read for a path; none where no route wants one.
    pub fn body_limit(&self, path: &str) -> usize {
        self.policy.as_ref().ok().and_then(|policy| policy.route(path)).map_or(0, |route| route.body_limit)
    }

    /// Answers one request and writes its audit line. Probes have no line.
    pub async fn handle(&self, host: &impl Host, request: Request<Result<Bytes, BodyError>>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        if let Some(response) = self.probe(host, &parts).await {
            return response;
        }
        let started = host.monotonic();
        let trace = Trace::of(&parts.headers, host.random(), host.random() as u64);
        let mut entry = Entry::begin(host.now(), self.digest(), &trace, &parts.method);
        let (response, summary) = match self.pass(host, &parts, body, &trace, started, &mut entry).await {
            Ok(done) => reply::respond(done.route, &parts.headers, done.format, &done.sent),
            Err(refusal) => refusal.respond(),
        };
        let duration = host.monotonic().saturating_sub(started);
        host.audit(&entry.finish(summary.verdict, summary.reason, response.status().as_u16(), duration));
        response
    }

    /// The way of a request through the gate.
    async fn pass(
        &self,
        host: &impl Host,
        parts: &Parts,
        body: Result<Bytes, BodyError>,
        trace: &Trace,
        started: Duration,
        entry: &mut Entry,
    ) -> Result<Done<'_>, Refusal> {
        let policy = self.policy.as_ref().map_err(|_| Refusal::Policy)?;
        let route = policy.route(parts.uri.path()).ok_or(Refusal::UnknownPath)?;
        entry.route(route);
        if parts.method != Method::POST {
            return Err(Refusal::Method { allow: "POST" });
        }
        let body = body.map_err(|error| Refusal::Body { error, limit: route.body_limit })?;
        let secrets = secrets(host, route).await?;
        let verified = auth::authenticate(route, &parts.headers, body, &secrets, host.now())
            .inspect_err(|_| entry.impostor(route.auth.as_ref().map_or(auth::FORM, |auth| auth.scheme.name)))?;
        entry.caller(verified.caller());
        let format = decode::format(route.kind, &parts.headers)?;
        let submission = decode::decode(format, verified)?;
        let admitted = guard::admit(route, &parts.headers, submission)?;
        let valid = validate::validate(&route.schema, admitted)?;
        let selected = select::select(route, &valid)?;
        let mut messages = selected
            .iter()
            .map(|selected| {
                render::render(policy.templates(), selected, &valid)
                    .map_err(|error| Refusal::Template { mail: selected.mail.name.clone(), place: error.place() })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(address) = redirect::read(host).await.map_err(|error| vec![error])? {
            messages.iter_mut().for_each(|message| redirect::redirect(message, &address));
            entry.redirected();
        }
        let deadline = started + route.time_budget;
        let way = Way { route, caller: valid.caller(), tokens: &self.tokens, trace, deadline };
        let sent = deliver(host, &way, &selected, &messages, entry).await?;
        Ok(Done { route, format, sent })
    }

    async fn probe(&self, host: &impl Host, parts: &Parts) -> Option<Response<Bytes>> {
        let path = parts.uri.path();
        if !RESERVED_PATHS.contains(&path) {
            return None;
        }
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Some(Refusal::Method { allow: "GET, HEAD" }.respond().0);
        }
        Some(if path == HEALTH { reply::alive() } else { self.readiness(host).await })
    }

    async fn readiness(&self, host: &impl Host) -> Response<Bytes> {
        let missing = self.missing(host).await;
        let identity = Credentials::read(host).await.ok().map(|credentials| credentials.identity());
        let redirected_to = redirect::read(host).await.ok().flatten();
        reply::readiness(&Readiness { policy: self.digest(), missing: &missing, identity, redirected_to })
    }

    /// What keeps the gate from sending: findings of the policy, or settings by name.
    async fn missing(&self, host: &impl Host) -> Vec<String> {
        let policy = match &self.policy {
            Ok(policy) => policy,
            Err(findings) => return findings.iter().map(ToString::to_string).collect(),
        };
        let mut errors = Credentials::read(host).await.err().unwrap_or_default();
        errors.extend(redirect::read(host).await.err());
        for route in policy.routes() {
            errors.extend(secrets(host, route).await.err().unwrap_or_default());
        }
        let mut missing: Vec<_> = errors.iter().map(ToString::to_string).collect();
        missing.dedup();
        missing
    }
}

/// The values of the settings that a route's callers are checked with.
async fn secrets(host: &impl Host, route: &Route) -> Result<Vec<String>, Vec<SettingError>> {
    let Some(auth) = &route.auth else { return Ok(Vec::new()) };
    let (mut secrets, mut errors) = (Vec::new(), Vec::new());
    for name in &auth.secrets {
        match host.setting(name.as_str()).await {
            None => errors.push(SettingError::new(name.as_str(), SettingFault::Missing)),
            Some(secret) if auth::hmac::usable_secret(auth.scheme, &secret) => secrets.push(secret),
            Some(_) => errors.push(SettingError::new(name.as_str(), SettingFault::Secret)),
        }
    }
    if errors.is_empty() { Ok(secrets) } else { Err(errors) }
}

/// Sends the messages one after the other; once one meets trouble that concerns all, the rest are not tried.
async fn deliver(
    host: &impl Host,
    way: &Way<'_>,
    selected: &[Selected<'_>],
    messages: &[Message],
    entry: &mut Entry,
) -> Result<Vec<Sent>, Refusal> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let credentials = Credentials::read(host).await?;
    let acs = acs::Client { host, credentials: &credentials, tokens: way.tokens, trace: *way.trace };
    let mut sent: Vec<Sent> = Vec::new();
    for (selected, message) in selected.iter().zip(messages) {
        let mail = selected.mail;
        let operation = operation(way.route, &mail.name, &way.caller.event_id);
        let left = way.deadline.saturating_sub(host.monotonic());
        let hopeless = left.is_zero() || sent.iter().any(|earlier| earlier.delivery.outcome.concerns_all());
        let delivery = if hopeless { Delivery::not_sent(operation) } else { acs.send(message, operation, left).await };
        entry.mail(mail, audit::domains(selected), &delivery);
        sent.push(Sent { mail: mail.name.clone(), delivery });
    }
    Ok(sent)
}

/// The same event always has the same operation ids, so that ACS can know a repeat.
fn operation(route: &Route, mail: &str, event_id: &str) -> Uuid {
    Uuid::new_v5(&OPERATIONS, format!("{}\n{mail}\n{event_id}", route.name).as_bytes())
}
