//! The order of the steps, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, Uri};
use uuid::Uuid;

use crate::acs::{self, Credentials, Delivery, Outcome, SettingError, SettingFault, Standing, State};
use crate::audit::{self, Entry};
use crate::auth::{self, Caller, KeyCache};
use crate::contract::{self, Contract};
use crate::decode::{self, Events, Submission};
use crate::entra::TokenCache;
use crate::form::{self, Endpoint, Visit, Wants};
use crate::guard::{self, CONFIRMATION, Keys, Site};
use crate::handshake;
use crate::host::{BodyError, Host};
use crate::inquiry::Question;
use crate::outbound::Outbound;
use crate::overflow::{self, Head, Letter, StorageError};
use crate::policy::{Diagnostic, Digest, Kind, Overflow, Policy, Route, RouteAuth, Stage};
use crate::redirect;
use crate::render::{self, Message};
use crate::reply::{self, Handled, Readiness, Refusal, Sent, Summary};
use crate::select::{self, Selected};
use crate::texts::Texts;
use crate::trace::Trace;
use crate::validate::{self, Valid};

/// The paths that the gate answers itself.
pub const RESERVED_PATHS: [&str; 4] = [HEALTH, READINESS, form::SCRIPT_PATH, form::OPENAPI_PATH];
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
    /// Published keys that callers are checked with.
    keys: KeyCache,
}

/// What a request's body may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The most bytes it may have; none where no route wants one.
    pub bytes: usize,
    /// The longest time until it is there.
    pub time: Duration,
}

/// A request's beginning.
struct Arrival {
    trace: Trace,
    /// The host's monotonic clock when its head was there.
    at: Duration,
}

/// What a request came to.
enum Done {
    /// A sender asked whether its events are wanted.
    Handshake(Response<Bytes>),
    /// Its events were handled, if it held any.
    Handled { batch: bool, events: Vec<(Entry, Handled)> },
}

/// An event whose mails are written.
struct Prepared<'a> {
    caller: Caller,
    mails: Vec<(Selected<'a>, Message)>,
}

/// What all mails of a request have in common on their way out.
struct Way<'a> {
    route: &'a Route,
    tokens: &'a TokenCache,
    trace: &'a Trace,
    deadline: Duration,
    policy: Digest,
    overflow: Option<&'a Overflow>,
}

impl Gate {
    /// A gate for a policy. Without a usable one it answers that it is not configured.
    pub fn new(policy: Result<Policy, Vec<Diagnostic>>) -> Self {
        Self { policy, tokens: TokenCache::default(), keys: KeyCache::default() }
    }

    fn overflow(&self) -> Option<&Overflow> {
        self.policy.as_ref().ok().and_then(Policy::overflow)
    }

    fn digest(&self) -> Option<Digest> {
        self.policy.as_ref().ok().map(Policy::digest)
    }

    /// How much of a body the host should read for a path and a request's headers, and how long it should wait for that.
    pub fn allowance(&self, path: &str, headers: &HeaderMap) -> Allowance {
        match self.target(path) {
            Some((route, Stage::Submitted)) => {
                Allowance { bytes: decode::limit(route, headers), time: route.time_budget }
            }
            Some((route, Stage::Confirmed)) => Allowance { bytes: 0, time: route.time_budget },
            None => Allowance { bytes: 0, time: contract::PLAIN.time_budget() },
        }
    }

    /// Answers one request and writes its audit line. Probes have no line.
    ///
    /// `arrived` is the host's monotonic clock when the request's head was there: the route's time budget counts
    /// from then.
    pub async fn handle(
        &self,
        host: &impl Host,
        request: Request<Result<Bytes, BodyError>>,
        arrived: Duration,
    ) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let host = &Outbound::new(host, self.verifier(host, &parts).await, self.overflow());
        if let Some(response) = self.probe(host, &parts).await {
            return response;
        }
        if let Some(response) = self.ask(host, &parts).await {
            return response;
        }
        let form = self.target(parts.uri.path()).filter(|(route, _)| route.kind == Kind::Form);
        let mut visit = form.map(|(route, stage)| (route, Visit::of(route, stage, &parts)));
        if let Some((_, visit)) = &visit
            && parts.method == Method::OPTIONS
        {
            return form::preflight(visit);
        }
        let arrival = Arrival { trace: Trace::of(&parts.headers, host.random(), host.random() as u64), at: arrived };
        let contract = self.contract(parts.uri.path());
        let mut entry = Entry::begin(host.now(), self.digest(), &arrival.trace, &parts.method);
        if let Some(question) = self.question(&parts) {
            let standing = self.inquire(host, &parts, question, &arrival, &mut entry).await;
            let (response, summary) = match standing {
                Ok(standing) => (reply::standing(&standing), Summary::ANSWERED),
                Err(refusal) => (refusal.respond(&contract::PLAIN), refusal.summary()),
            };
            let duration = host.monotonic().saturating_sub(arrived);
            host.audit(&entry.finish(summary, &contract::PLAIN, response.status().as_u16(), duration));
            return response;
        }
        let visitor = visit.as_mut().map(|(_, visit)| visit);
        let (response, lines) = match self.pass(host, &parts, body, &arrival, &mut entry, visitor).await {
            Ok(Done::Handshake(response)) => (response, vec![(entry, Summary::HANDSHAKE)]),
            Ok(Done::Handled { batch, events }) if events.is_empty() => {
                (reply::respond(contract, &[], batch), vec![(entry, Summary::IGNORED)])
            }
            Ok(Done::Handled { batch, events }) => answer(contract, visit.as_ref(), events, batch),
            Err(refusal) => answer(contract, visit.as_ref(), vec![(entry, Err(refusal))], false),
        };
        let duration = host.monotonic().saturating_sub(arrived);
        for (entry, summary) in lines {
            host.audit(&entry.finish(summary, contract, response.status().as_u16(), duration));
        }
        response
    }

    /// What the callers of a path expect of answers.
    fn contract(&self, path: &str) -> &'static Contract {
        self.target(path).map_or(&contract::PLAIN, |(route, _)| route.contract)
    }

    /// The route at a request's path, and what is asked of it: a form's confirmation is below its path. A route of the
    /// policy comes first.
    fn target(&self, path: &str) -> Option<(&Route, Stage)> {
        let policy = self.policy.as_ref().ok()?;
        if let Some(route) = policy.route(path) {
            return Some((route, Stage::Submitted));
        }
        let (form, CONFIRMATION) = path.rsplit_once('/')? else { return None };
        let route = policy.route(form).filter(|route| route.form.confirmation.is_some())?;
        Some((route, Stage::Confirmed))
    }

    /// The way of a request through the gate.
    async fn pass(
        &self,
        host: &impl Host,
        parts: &Parts,
        body: Result<Bytes, BodyError>,
        arrival: &Arrival,
        entry: &mut Entry,
        mut visit: Option<&mut Visit>,
    ) -> Result<Done, Refusal> {
        let policy = self.policy.as_ref().map_err(|_| Refusal::Policy)?;
        let (route, stage) = self.target(parts.uri.path()).ok_or(Refusal::UnknownPath)?;
        entry.route(route);
        if stage == Stage::Confirmed {
            return self.confirm(host, parts, arrival, entry, visit.as_deref()).await;
        }
        if let Some(answer) = handshake::options(route, parts) {
            return Ok(Done::Handshake(answer?));
        }
        if parts.method != Method::POST {
            return Err(Refusal::Method { allow: "POST" });
        }
        let body = body.map_err(|error| Refusal::Body { error, limit: decode::limit(route, &parts.headers) })?;
        let deadline = arrival.at + route.time_budget;
        let secrets = secrets(host, route.auth.as_ref()).await?;
        let verified = auth::authenticate(host, &self.keys, route, parts, body, &secrets, deadline)
            .await
            .inspect_err(|_| entry.impostor(route.auth.as_ref().map_or(auth::FORM, |auth| auth.scheme)))?;
        entry.caller(verified.caller());
        let format = decode::format(route, &parts.headers)?;
        let Events { submissions, batch } = decode::decode(route, &parts.headers, format, verified)?;
        if let Some(answer) = handshake::event(route, &parts.headers, &submissions) {
            return Ok(Done::Handshake(answer?));
        }
        let keys = Keys::read(host, route).await?;
        let of = submissions.len();
        let mut events = Vec::new();
        for (index, mut submission) in submissions.into_iter().enumerate() {
            let mut entry = entry.clone();
            entry.caller(&submission.caller);
            if let Some(visit) = &mut visit {
                visit.note(&mut submission);
                if visit.wants == Wants::Page {
                    visit.renew(route, &keys, host.now(), host.random());
                }
            }
            if batch {
                entry.batch(index, of);
            }
            let prepared = prepare(host, policy, route, visit.as_deref(), &keys, submission, deadline).await;
            events.push((entry, prepared));
        }
        // Everything is written before anything is sent.
        Ok(Done::Handled { batch, events: self.send(host, route, arrival, events).await? })
    }

    /// The way of a confirmation through the gate: its link holds the form.
    async fn confirm(
        &self,
        host: &impl Host,
        parts: &Parts,
        arrival: &Arrival,
        entry: &mut Entry,
        visit: Option<&Visit>,
    ) -> Result<Done, Refusal> {
        let policy = self.policy.as_ref().map_err(|_| Refusal::Policy)?;
        let (route, _) = self.target(parts.uri.path()).ok_or(Refusal::UnknownPath)?;
        let guard = route.form.confirmation.as_ref().ok_or(Refusal::UnknownPath)?;
        // Mail scanners look at links with HEAD; only somebody who reads the page confirms.
        if parts.method != Method::GET {
            return Err(Refusal::Method { allow: "GET" });
        }
        let keys = Keys::read(host, route).await?;
        let admitted = guard::confirmed(route, guard, parts.uri.query(), &keys, host.now())?;
        entry.caller(admitted.caller());
        let texts = visit.map_or(Texts::neutral(), |visit| visit.texts);
        let valid = validate::validate(route, admitted, texts)?;
        let mails = write(policy, route, Stage::Confirmed, &valid, None, texts)?;
        let prepared = Ok(Prepared { caller: valid.caller().clone(), mails });
        let events = self.send(host, route, arrival, vec![(entry.clone(), prepared)]).await?;
        Ok(Done::Handled { batch: false, events })
    }

    /// Sends what is written.
    async fn send(
        &self,
        host: &impl Host,
        route: &Route,
        arrival: &Arrival,
        events: Vec<(Entry, Result<Prepared<'_>, Refusal>)>,
    ) -> Result<Vec<(Entry, Handled)>, Refusal> {
        let redirected_to = redirect::read(host).await.map_err(|error| vec![error])?;
        let deadline = arrival.at + route.time_budget;
        let policy = self.policy.as_ref().map_err(|_| Refusal::Policy)?;
        let (trace, overflow) = (&arrival.trace, policy.overflow());
        let way = Way { route, tokens: &self.tokens, trace, deadline, policy: policy.digest(), overflow };
        let mut handled = Vec::new();
        let mut trouble = None;
        for (mut entry, mut prepared) in events {
            if let (Some(address), Ok(prepared)) = (&redirected_to, &mut prepared) {
                prepared.mails.iter_mut().for_each(|(_, message)| redirect::redirect(message, address));
                entry.redirected();
            }
            let sent = match prepared {
                Ok(prepared) => deliver(host, &way, &prepared, &mut trouble, &mut entry).await,
                Err(refusal) => Err(refusal),
            };
            handled.push((entry, sent));
        }
        Ok(handled)
    }

    /// The way of a question how an operation stands; it is one call of ACS.
    async fn inquire(
        &self,
        host: &impl Host,
        parts: &Parts,
        question: Question<'_>,
        arrival: &Arrival,
        entry: &mut Entry,
    ) -> Result<Standing, Refusal> {
        if parts.method != Method::GET {
            return Err(Refusal::Method { allow: "GET" });
        }
        let auth = question.auth;
        let deadline = arrival.at + contract::PLAIN.time_budget();
        let secrets = secrets(host, Some(auth)).await?;
        let proven = auth::prove(host, &self.keys, auth, parts, &[], &secrets, deadline).await;
        proven.inspect_err(|_| entry.impostor(auth.scheme))?;
        entry.inquirer(auth.scheme);
        let operation = question.operation()?;
        let credentials = Credentials::read(host).await?;
        let acs = acs::Client { host, credentials: &credentials, tokens: &self.tokens, trace: arrival.trace };
        let inquiry = acs.inquire(operation, deadline.saturating_sub(host.monotonic())).await;
        entry.inquiry(&inquiry);
        inquiry.answer.map_err(Refusal::Inquiry)
    }

    /// The question how an operation stands that a request asks, if it does.
    fn question<'a>(&'a self, parts: &'a Parts) -> Option<Question<'a>> {
        Question::find(self.policy.as_ref().ok()?, parts.uri.path())
    }

    /// The server that the callers or visitors of the request's path are checked with, where there is one.
    async fn verifier(&self, host: &impl Host, parts: &Parts) -> Option<Uri> {
        if let Some(question) = self.question(parts) {
            return auth::verifier(host, question.auth).await;
        }
        let route = self.policy.as_ref().ok()?.route(parts.uri.path())?;
        match (guard::verifier(route), &route.auth) {
            (None, Some(auth)) => auth::verifier(host, auth).await,
            (captcha, _) => captcha,
        }
    }

    /// What pages ask beside sending a form; it asks for no mail and has no audit line.
    async fn ask(&self, host: &impl Host, parts: &Parts) -> Option<Response<Bytes>> {
        let policy = self.policy.as_ref().ok()?;
        let path = parts.uri.path();
        if let Some(document) = form::document(policy, path, &parts.method) {
            return Some(document);
        }
        let (route, endpoint) = Endpoint::find(policy, path)?;
        let site = Site::of(&route.origins, &parts.uri, &parts.headers);
        Some(endpoint.answer(host, route, &site, &parts.method).await)
    }

    async fn probe(&self, host: &impl Host, parts: &Parts) -> Option<Response<Bytes>> {
        let path = parts.uri.path();
        if ![HEALTH, READINESS].contains(&path) {
            return None;
        }
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Some(Refusal::Method { allow: "GET, HEAD" }.respond(&contract::PLAIN));
        }
        Some(if path == HEALTH { reply::alive() } else { self.readiness(host).await })
    }

    async fn readiness(&self, host: &impl Host) -> Response<Bytes> {
        let missing = self.missing(host).await;
        let identity = Credentials::read(host).await.ok().map(|credentials| credentials.identity());
        let redirected_to = redirect::read(host).await.ok().flatten();
        let overflow = match self.overflow() {
            Some(_) => overflow::Credentials::read(host).await.ok().map(|credentials| credentials.name()),
            None => None,
        };
        reply::readiness(&Readiness { policy: self.digest(), missing: &missing, identity, overflow, redirected_to })
    }

    /// What keeps the gate from sending: findings of the policy, or settings by name.
    async fn missing(&self, host: &impl Host) -> Vec<String> {
        let policy = match &self.policy {
            Ok(policy) => policy,
            Err(findings) => return findings.iter().map(ToString::to_string).collect(),
        };
        let mut errors = Credentials::read(host).await.err().unwrap_or_default();
        errors.extend(redirect::read(host).await.err());
        errors.extend(secrets(host, policy.operations()).await.err().unwrap_or_default());
        if policy.overflow().is_some() {
            errors.extend(overflow::Credentials::read(host).await.err().unwrap_or_default());
        }
        for route in policy.routes() {
            errors.extend(secrets(host, route.auth.as_ref()).await.err().unwrap_or_default());
            errors.extend(Keys::read(host, route).await.err().unwrap_or_default());
        }
        let mut missing: Vec<_> = errors.iter().map(ToString::to_string).collect();
        missing.dedup();
        missing
    }
}

/// The values of the settings that callers are checked with.
async fn secrets(host: &impl Host, auth: Option<&RouteAuth>) -> Result<Vec<String>, Vec<SettingError>> {
    let Some(auth) = auth else { return Ok(Vec::new()) };
    let (mut secrets, mut errors) = (Vec::new(), Vec::new());
    for name in &auth.secrets {
        match host.setting(name.as_str()).await {
            None => errors.push(SettingError::new(name.as_str(), SettingFault::Missing)),
            Some(secret) if auth.proof.usable(&secret) => secrets.push(secret),
            Some(_) => errors.push(SettingError::new(name.as_str(), SettingFault::Secret)),
        }
    }
    if errors.is_empty() { Ok(secrets) } else { Err(errors) }
}

/// The answer to events, and the line of each: a visitor's form is one event and has an answer of its own.
fn answer(
    contract: &Contract,
    visit: Option<&(&Route, Visit)>,
    events: Vec<(Entry, Handled)>,
    batch: bool,
) -> (Response<Bytes>, Vec<(Entry, Summary)>) {
    let (entries, handled): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    let (response, summaries) = match (visit, handled.as_slice()) {
        (Some((route, visit)), [handled]) => {
            let (response, summary) = form::answer(route, visit, handled);
            (response, vec![summary])
        }
        (_, handled) => (reply::respond(contract, handled, batch), handled.iter().map(reply::summary).collect()),
    };
    (response, entries.into_iter().zip(summaries).collect())
}

/// The way of one event from its payload to its mails.
async fn prepare<'a>(
    host: &impl Host,
    policy: &Policy,
    route: &'a Route,
    visit: Option<&Visit>,
    keys: &Keys,
    submission: Submission,
    deadline: Duration,
) -> Result<Prepared<'a>, Refusal> {
    let texts = visit.map_or(Texts::neutral(), |visit| visit.texts);
    let admitted = guard::admit(route, visit, submission, keys, host.now())?;
    let valid = validate::validate(route, admitted, texts)?;
    let confirmation = route.form.confirmation.as_ref();
    let link = confirmation.map(|guard| guard::link(route, guard, keys, &valid, host.now())).transpose()?;
    let address = link.as_ref().map(|link| link.address.as_str());
    let mut mails = write(policy, route, Stage::Submitted, &valid, address, texts)?;
    let event = operation(route, "captcha", &valid.caller().event_id);
    let left = deadline.saturating_sub(host.monotonic());
    guard::vouch(host, route, visit, keys, event, left).await?;
    if visit.is_some_and(|visit| visit.validate_only) {
        mails.clear();
    }
    let mut caller = valid.caller().clone();
    // Asking anew, in a later period, is another event than asking again.
    caller.event_id = link.map_or(caller.event_id, |link| link.event_id);
    Ok(Prepared { caller, mails })
}

/// Writes the mails of an event that go out at a stage.
fn write<'a>(
    policy: &Policy,
    route: &'a Route,
    stage: Stage,
    valid: &Valid,
    link: Option<&str>,
    texts: &Texts,
) -> Result<Vec<(Selected<'a>, Message)>, Refusal> {
    let written = select::select(route, stage, valid, texts)?.into_iter().map(|selected| {
        let message = render::render(policy.templates(), &selected, valid, link)
            .map_err(|error| Refusal::Template { mail: selected.mail.name.clone(), place: error.place() })?;
        Ok((selected, message))
    });
    written.collect()
}

/// Sends an event's mails one after the other; once one meets trouble that concerns all, the rest are not tried.
async fn deliver(
    host: &impl Host,
    way: &Way<'_>,
    event: &Prepared<'_>,
    trouble: &mut Option<Outcome>,
    entry: &mut Entry,
) -> Handled {
    if event.mails.is_empty() {
        return Ok(Vec::new());
    }
    let credentials = Credentials::read(host).await?;
    let acs = acs::Client { host, credentials: &credentials, tokens: way.tokens, trace: *way.trace };
    let reserved = way.overflow.map_or(Duration::ZERO, |_| overflow::reserved(way.route.time_budget));
    let mut sent: Vec<Sent> = Vec::new();
    for (selected, message) in &event.mails {
        let mail = &selected.mail.name;
        let operation = operation(way.route, mail, &event.caller.event_id);
        let left = way.deadline.saturating_sub(host.monotonic()).saturating_sub(reserved);
        let delivery = match acs::body(message) {
            None => Delivery { outcome: Outcome::TooLarge, ..Delivery::not_sent(operation) },
            Some(body) => {
                let delivery = if trouble.is_some() || left.is_zero() {
                    Delivery::not_sent(operation)
                } else {
                    acs.send(body.clone(), operation, State::Send, left).await
                };
                let waits = match delivery.outcome {
                    Outcome::NotAttempted => trouble.is_none_or(Outcome::waits_for_acs),
                    outcome => outcome.is_temporary(),
                };
                if waits { keep(host, way, mail, body, delivery).await } else { delivery }
            }
        };
        *trouble = trouble.or(Some(delivery.outcome).filter(|outcome| outcome.concerns_all()));
        entry.mail(selected.mail, audit::domains(selected), &delivery);
        sent.push(Sent { mail: mail.clone(), delivery });
    }
    Ok(sent)
}

/// Puts a mail into the overflow queue, if there is one; what was made of it stays where that does not succeed.
async fn keep(host: &impl Host, way: &Way<'_>, mail: &str, body: Bytes, delivery: Delivery) -> Delivery {
    let left = way.deadline.saturating_sub(host.monotonic());
    let Some(overflow) = way.overflow.filter(|_| !left.is_zero()) else { return delivery };
    let head = Head {
        postern: overflow::FORM,
        operation: delivery.operation,
        route: way.route.name.clone(),
        mail: mail.to_owned(),
        policy_sha256: way.policy.to_string(),
        queued_at: humantime::format_rfc3339_seconds(host.now()).to_string(),
        in_doubt: delivery.in_doubt,
        traceparent: way.trace.to_string(),
        blob: None,
        set_aside: None,
    };
    let kept = match overflow::Credentials::read(host).await {
        Ok(credentials) => {
            let queue = overflow::Client { host, overflow, credentials: &credentials, tokens: way.tokens };
            queue.keep(&Letter { head, body }, left).await
        }
        Err(_) => Err(StorageError::Settings),
    };
    match kept {
        Ok(()) => Delivery { outcome: Outcome::Queued, queued_after: Some(delivery.outcome), ..delivery },
        Err(error) => Delivery { overflow_error: Some(error), ..delivery },
    }
}

/// The same event always has the same operation ids, so that ACS can know a repeat.
pub(crate) fn operation(route: &Route, mail: &str, event_id: &str) -> Uuid {
    Uuid::new_v5(&OPERATIONS, format!("{}\n{mail}\n{event_id}", route.name).as_bytes())
}
