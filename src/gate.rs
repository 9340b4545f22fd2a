//! The order of the steps, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};

use crate::acs::{self, Connection, OperationStatus};
use crate::audit::{Entry, Summary};
use crate::auth::{self, Caller, KeyCache, secrets};
use crate::contract::{self, Contract};
use crate::decode::{self, Events, Submission};
use crate::deliver::{Dispatch, Handled, Prepared, deliver};
use crate::entra::TokenCache;
use crate::guard::{self, Keys};
use crate::handshake;
use crate::host::{AuditLog as _, BodyError, Clock as _, Host, Sending, Services};
use crate::inquiry::Question;
use crate::outbound::Outbound;
use crate::policy::{ConfirmationGuard, Diagnostic, Kind, Policy, Route, Stage};
use crate::refusal::Refusal;
use crate::render::{self, Message};
use crate::repeat::operation;
use crate::reply;
use crate::select::{self, Selected};
use crate::staging;
use crate::target::Target;
use crate::texts::Texts;
use crate::trace::Trace;
use crate::validate::{self, Valid};
use crate::visitor::{self, Visit, Wants};
use crate::web::Sites;

/// The gate: a policy that is ready to use, or the reasons why there is none.
#[derive(Debug)]
pub struct Gate {
    policy: Result<Policy, Vec<Diagnostic>>,
    /// Tokens with which the gate authenticates.
    tokens: TokenCache,
    /// Published keys with which the gate verifies callers.
    keys: KeyCache,
}

/// How large a request's body may be, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The most bytes it may have; 0 if no route accepts a body.
    pub bytes: usize,
    /// The longest time until it has arrived.
    pub time: Duration,
}

/// What is known when a request starts.
struct Arrival<'a> {
    parts: &'a Parts,
    trace: Trace,
    /// The host's monotonic clock when the request's head had arrived.
    at: Duration,
}

/// What a request resulted in.
enum Done {
    /// A sender sent a handshake.
    Handshake(Response<Bytes>),
    /// Its events were handled, if it had any.
    Handled { batch: bool, events: Vec<(Entry, Handled)> },
}

/// An answer, and the audit line of each event.
type Answered = (Response<Bytes>, Vec<(Entry, Summary)>);

impl Gate {
    /// A gate for a policy. Without a valid policy, it answers `not-configured`.
    pub fn new(policy: Result<Policy, Vec<Diagnostic>>) -> Self {
        Self { policy, tokens: TokenCache::default(), keys: KeyCache::default() }
    }

    /// How much of a body the host should read for a path and a request's headers, and how long it should wait for
    /// that.
    pub fn allowance(&self, path: &str, headers: &HeaderMap) -> Allowance {
        match Target::at(&self.policy, path) {
            Target::Submission(_, route) => Allowance { bytes: decode::limit(route, headers), time: route.time_budget },
            Target::Confirmation(_, route, _) => Allowance { bytes: 0, time: route.time_budget },
            _ => Allowance { bytes: 0, time: contract::PLAIN.time_budget() },
        }
    }

    /// Answers one request and writes its audit line. Probes have no line.
    ///
    /// `arrived` is the host's monotonic clock when the request's head had arrived: the route's time budget counts
    /// from then.
    pub async fn handle(
        &self,
        host: &impl Host,
        request: Request<Result<Bytes, BodyError>>,
        arrived: Duration,
    ) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let target = Target::of(&self.policy, &parts.method, parts.uri.path());
        let overflow = self.policy.as_ref().ok().and_then(Policy::overflow);
        let http = &Outbound::new(host, target.verifier(host).await, overflow);
        let host = &Services { settings: host, clock: host, http, audit: host };
        let contract = target.contract();
        // The gate's own pages only send forms; they need no preflight.
        let site = |route: &Route| Sites { listed: &route.origins, own: None }.of(&parts.uri, &parts.headers);
        let (response, lines) = match target {
            Target::Probe(probe) => return probe.answer(host, &self.policy, &parts.method).await,
            Target::Document(policy, document) => return document.answer(policy, &parts.method),
            Target::Endpoint(route, endpoint) => {
                return endpoint.answer(host, route, &site(route), &parts.method).await;
            }
            Target::Preflight(route) => return visitor::preflight(&site(route)),
            Target::Status(question) => {
                let (arrival, mut entry) = self.begin(host, &parts, arrived);
                let (response, summary) = match self.inquire(host, &arrival, question, &mut entry).await {
                    Ok(status) => (reply::operation(&status), Summary::ANSWERED),
                    Err(refusal) => (refusal.respond(contract), refusal.summary()),
                };
                (response, vec![(entry, summary)])
            }
            Target::Submission(policy, route) => {
                let (arrival, mut entry) = self.begin(host, &parts, arrived);
                let own = guard::own_origin(host).await.ok().flatten();
                let mut visit = match route.kind {
                    Kind::Form => Some(Visit::of(route, Stage::Submitted, &parts, own.as_ref())),
                    Kind::Event => None,
                };
                let done = self.submit(host, policy, route, body, &arrival, &mut entry, visit.as_mut()).await;
                answer(route, visit.as_ref(), entry, done)
            }
            Target::Confirmation(policy, route, guard) => {
                let (arrival, mut entry) = self.begin(host, &parts, arrived);
                let own = guard::own_origin(host).await.ok().flatten();
                let visit = Visit::of(route, Stage::Confirmed, &parts, own.as_ref());
                let done = self.confirm(host, policy, route, guard, &arrival, &mut entry, &visit).await;
                answer(route, Some(&visit), entry, done)
            }
            Target::Unknown => self.refuse(host, &parts, arrived, contract, &Refusal::UnknownPath),
            Target::Unconfigured => self.refuse(host, &parts, arrived, contract, &Refusal::Policy),
        };
        let duration = host.monotonic().saturating_sub(arrived);
        for (entry, summary) in lines {
            host.audit(&entry.finish(summary, contract, response.status().as_u16(), duration));
        }
        response
    }

    /// Begins the audit line of a request.
    fn begin<'a>(&self, host: &impl Sending, parts: &'a Parts, at: Duration) -> (Arrival<'a>, Entry) {
        let trace = Trace::of(&parts.headers, host.random(), host.random() as u64);
        let policy = self.policy.as_ref().ok().map(Policy::digest);
        let entry = Entry::begin(host.now(), policy, &trace, &parts.method);
        (Arrival { parts, trace, at }, entry)
    }

    /// Refuses a request that has no target.
    fn refuse(
        &self,
        host: &impl Sending,
        parts: &Parts,
        at: Duration,
        contract: &Contract,
        refusal: &Refusal,
    ) -> Answered {
        let (_, entry) = self.begin(host, parts, at);
        (refusal.respond(contract), vec![(entry, refusal.summary())])
    }

    /// Handles events, or a visitor's form.
    #[expect(clippy::too_many_arguments, reason = "the request, and what was decided about it")]
    async fn submit(
        &self,
        host: &impl Sending,
        policy: &Policy,
        route: &Route,
        body: Result<Bytes, BodyError>,
        arrival: &Arrival<'_>,
        entry: &mut Entry,
        mut visit: Option<&mut Visit>,
    ) -> Result<Done, Refusal> {
        let parts = arrival.parts;
        entry.route(route);
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
            .inspect_err(|_| entry.refused_caller(route.auth.as_ref().map_or(auth::FORM, |auth| auth.name)))?;
        entry.caller(verified.caller());
        let format = decode::format(route, &parts.headers)?;
        let Events { submissions, batch, fields } = decode::decode(route, &parts.headers, format, verified)?;
        if let Some(answer) = handshake::event(route, &parts.headers, &submissions) {
            return Ok(Done::Handshake(answer?));
        }
        let keys = Keys::read(host, route).await?;
        if let Some(visit) = &mut visit {
            visit.fields = fields;
            if visit.wants == Wants::Page {
                visit.renew(route, &keys, host.now(), host.random());
            }
        }
        let of = submissions.len();
        let mut events = Vec::new();
        for (index, submission) in submissions.into_iter().enumerate() {
            let mut entry = entry.clone();
            entry.caller(&submission.caller);
            if batch {
                entry.batch(index, of);
            }
            let prepared = prepare(host, policy, route, visit.as_deref(), &keys, submission, deadline).await;
            events.push((entry, prepared));
        }
        // Everything is rendered before anything is sent.
        Ok(Done::Handled { batch, events: self.send(host, policy, route, arrival, events).await? })
    }

    /// Handles a confirmation: its link contains the form.
    #[expect(clippy::too_many_arguments, reason = "the request, and what was decided about it")]
    async fn confirm(
        &self,
        host: &impl Sending,
        policy: &Policy,
        route: &Route,
        guard: &ConfirmationGuard,
        arrival: &Arrival<'_>,
        entry: &mut Entry,
        visit: &Visit,
    ) -> Result<Done, Refusal> {
        let parts = arrival.parts;
        entry.route(route);
        // Mail scanners check links with HEAD; only a person who opens the page confirms.
        if parts.method != Method::GET {
            return Err(Refusal::Method { allow: "GET" });
        }
        let keys = Keys::read(host, route).await?;
        let (admitted, event_id) = guard::confirmed(route, guard, parts.uri.query(), &keys, host.now())?;
        entry.caller(admitted.caller());
        let valid = validate::validate(route, admitted, visit.texts)?;
        let mails = write(policy, route, Stage::Confirmed, &valid, None, visit.texts)?;
        let prepared = Ok(Prepared { event_id, derived: false, mails });
        let events = self.send(host, policy, route, arrival, vec![(entry.clone(), prepared)]).await?;
        Ok(Done::Handled { batch: false, events })
    }

    /// Sends the rendered mails.
    async fn send(
        &self,
        host: &impl Sending,
        policy: &Policy,
        route: &Route,
        arrival: &Arrival<'_>,
        mut events: Vec<(Entry, Result<Prepared<'_>, Refusal>)>,
    ) -> Result<Vec<(Entry, Handled)>, Refusal> {
        let redirected_to = staging::read(host).await.map_err(|error| vec![error])?;
        let deadline = arrival.at + route.time_budget;
        let (trace, overflow) = (&arrival.trace, policy.overflow());
        let dispatch = Dispatch { route, tokens: &self.tokens, trace, deadline, policy: policy.digest(), overflow };
        if let Some(address) = &redirected_to {
            for (entry, prepared) in &mut events {
                let Ok(prepared) = prepared else { continue };
                prepared.mails.iter_mut().for_each(|(_, message)| staging::redirect(message, address));
                entry.redirected();
            }
        }
        Ok(deliver(host, &dispatch, events).await)
    }

    /// Handles a status request; it takes one call to ACS.
    async fn inquire(
        &self,
        host: &impl Sending,
        arrival: &Arrival<'_>,
        question: Question<'_>,
        entry: &mut Entry,
    ) -> Result<OperationStatus, Refusal> {
        let parts = arrival.parts;
        if parts.method != Method::GET {
            return Err(Refusal::Method { allow: "GET" });
        }
        let auth = question.auth;
        let deadline = arrival.at + contract::PLAIN.time_budget();
        let secrets = secrets(host, Some(auth)).await?;
        let proven = auth::prove(host, &self.keys, auth, parts, &[], &secrets, deadline).await;
        proven.inspect_err(|_| entry.refused_caller(auth.name))?;
        entry.inquirer(auth.name);
        let operation = question.operation()?;
        let connection = Connection::read(host).await?;
        let acs = acs::Client { host, connection: &connection, tokens: &self.tokens, trace: arrival.trace };
        let inquiry = acs.inquire(operation, deadline.saturating_sub(host.monotonic())).await;
        entry.inquiry(&inquiry);
        inquiry.answer.map_err(Refusal::Inquiry)
    }
}

/// The answer to a request, and the audit line of each event. A visitor's form is one event, and its answer differs
/// from a system's.
fn answer(route: &Route, visit: Option<&Visit>, entry: Entry, done: Result<Done, Refusal>) -> Answered {
    let (events, batch) = match done {
        Ok(Done::Handshake(response)) => return (response, vec![(entry, Summary::HANDSHAKE)]),
        Ok(Done::Handled { batch, events }) if events.is_empty() => {
            return (reply::respond(route.contract, &[], batch), vec![(entry, Summary::IGNORED)]);
        }
        Ok(Done::Handled { batch, events }) => (events, batch),
        Err(refusal) => (vec![(entry, Err(refusal))], false),
    };
    let (entries, handled): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    let (response, summaries) = match (visit, handled.as_slice()) {
        (Some(visit), [handled]) => {
            let (response, summary) = visitor::answer(route, visit, handled);
            (response, vec![summary])
        }
        (_, handled) => (reply::respond(route.contract, handled, batch), handled.iter().map(reply::summary).collect()),
    };
    (response, entries.into_iter().zip(summaries).collect())
}

/// Turns one event's payload into its mails.
async fn prepare<'a>(
    host: &impl Sending,
    policy: &Policy,
    route: &'a Route,
    visit: Option<&Visit>,
    keys: &Keys,
    submission: Submission,
    deadline: Duration,
) -> Result<Prepared<'a>, Refusal> {
    if !select::is_wanted(route, &submission.payload) {
        let Caller { event_id, derived, .. } = submission.caller;
        return Ok(Prepared { event_id, derived, mails: Vec::new() });
    }
    let texts = visit.map_or(Texts::neutral(), |visit| visit.texts);
    let stranger = visit.map(Visit::stranger);
    let admitted = guard::admit(route, stranger, submission, keys, host.now())?;
    let valid = validate::validate(route, admitted, texts)?;
    let confirmation = route.form.confirmation.as_ref();
    let (payload, filled, caller) = (valid.payload(), valid.filled(), valid.caller());
    let link = confirmation.map(|guard| guard::link(route, guard, keys, payload, filled, caller, host.now()));
    let link = link.transpose()?;
    let address = link.as_ref().map(|link| link.address.as_str());
    let mut mails = write(policy, route, Stage::Submitted, &valid, address, texts)?;
    let event = operation(route, "captcha", &caller.event_id);
    let left = deadline.saturating_sub(host.monotonic());
    guard::vouch(host, route, stranger, keys, event, left).await?;
    if visit.is_some_and(|visit| visit.validate_only) {
        mails.clear();
    }
    // A question in a later period is a new event, but not before: a stranger must not flood an address with questions.
    let (event_id, derived) = match link {
        Some(link) => (link.event_id, false),
        None => (caller.event_id.clone(), caller.derived),
    };
    Ok(Prepared { event_id, derived, mails })
}

/// Renders the mails of an event that belong to a stage.
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
