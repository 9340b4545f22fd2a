//! The order of the steps, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};

use crate::acs::{self, Connection, OperationStatus};
use crate::audit::{Entry, Summary};
use crate::auth::{self, KeyCache, secrets};
use crate::contract::{self, Contract};
use crate::decode::{self, Events, Submission};
use crate::deliver::{Dispatch, Handled, Prepared, deliver, operation};
use crate::entra::TokenCache;
use crate::guard::{self, Keys};
use crate::handshake;
use crate::host::{AuditLog as _, BodyError, Clock as _, Host, Sending, Services, Settings};
use crate::inquiry::Question;
use crate::outbound::Outbound;
use crate::policy::{ConfirmationGuard, Diagnostic, Kind, PUBLIC_URL, Policy, Route, Stage};
use crate::refusal::Refusal;
use crate::render::{self, Message};
use crate::reply;
use crate::select::{self, Selected};
use crate::staging;
use crate::target::Target;
use crate::texts::Texts;
use crate::trace::Trace;
use crate::validate::{self, Valid};
use crate::visitor::{self, Visit, Wants};
use crate::web::{Origin, Sites};

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
struct Arrival<'a> {
    parts: &'a Parts,
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

/// An answer, and the audit line of each event.
type Answered = (Response<Bytes>, Vec<(Entry, Summary)>);

impl Gate {
    /// A gate for a policy. Without a usable one it answers that it is not configured.
    pub fn new(policy: Result<Policy, Vec<Diagnostic>>) -> Self {
        Self { policy, tokens: TokenCache::default(), keys: KeyCache::default() }
    }

    /// How much of a body the host should read for a path, and how long it should wait for that.
    pub fn allowance(&self, path: &str) -> Allowance {
        match Target::at(&self.policy, path) {
            Target::Submission(_, route) => Allowance { bytes: route.body_limit, time: route.time_budget },
            Target::Confirmation(_, route, _) => Allowance { bytes: 0, time: route.time_budget },
            _ => Allowance { bytes: 0, time: contract::PLAIN.time_budget() },
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
        let target = Target::of(&self.policy, &parts.method, parts.uri.path());
        let overflow = self.policy.as_ref().ok().and_then(Policy::overflow);
        let http = &Outbound::new(host, target.verifier(host).await, overflow);
        let host = &Services { settings: host, clock: host, http, audit: host };
        let contract = target.contract();
        // The gate's own pages send forms, and ask for nothing else.
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
                let mut visit = match route.kind {
                    Kind::Form => Some(Visit::of(route, Stage::Submitted, &parts, own(host).await.as_ref())),
                    Kind::Event => None,
                };
                let done = self.submit(host, policy, route, body, &arrival, &mut entry, visit.as_mut()).await;
                answer(route, visit.as_ref(), entry, done)
            }
            Target::Confirmation(policy, route, guard) => {
                let (arrival, mut entry) = self.begin(host, &parts, arrived);
                let visit = Visit::of(route, Stage::Confirmed, &parts, own(host).await.as_ref());
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

    /// Refuses a request that is for nothing.
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

    /// The way of events, or of a visitor's form, through the gate.
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
        let body = body.map_err(|error| Refusal::Body { error, limit: route.body_limit })?;
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
        // Everything is written before anything is sent.
        Ok(Done::Handled { batch, events: self.send(host, policy, route, arrival, events).await? })
    }

    /// The way of a confirmation through the gate: its link holds the form.
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
        // Mail scanners look at links with HEAD; only somebody who reads the page confirms.
        if parts.method != Method::GET {
            return Err(Refusal::Method { allow: "GET" });
        }
        let keys = Keys::read(host, route).await?;
        let admitted = guard::confirmed(route, guard, parts.uri.query(), &keys, host.now())?;
        entry.caller(admitted.caller());
        let valid = validate::validate(route, admitted, visit.texts)?;
        let mails = write(policy, route, Stage::Confirmed, &valid, None, visit.texts)?;
        let prepared = Ok(Prepared { caller: valid.caller().clone(), mails });
        let events = self.send(host, policy, route, arrival, vec![(entry.clone(), prepared)]).await?;
        Ok(Done::Handled { batch: false, events })
    }

    /// Sends what is written.
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

    /// The way of a question about an operation's status; it is one call of ACS.
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

/// The address under which visitors reach the gate, where the operator says so.
async fn own(host: &impl Settings) -> Option<Origin> {
    Origin::parse(&host.setting(PUBLIC_URL).await?)
}

/// The answer to what a request came to, and the line of each event: a visitor's form is one event and has an answer
/// of its own.
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

/// The way of one event from its payload to its mails.
async fn prepare<'a>(
    host: &impl Sending,
    policy: &Policy,
    route: &'a Route,
    visit: Option<&Visit>,
    keys: &Keys,
    submission: Submission,
    deadline: Duration,
) -> Result<Prepared<'a>, Refusal> {
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
    let mut caller = caller.clone();
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
