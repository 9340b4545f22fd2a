//! From what happened to an HTTP answer: the one table of statuses.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::acs::{Delivery, Outcome, SettingError, Standing};
use crate::audit::Verdict;
use crate::contract::Contract;
use crate::decode;
use crate::guard::{CaptchaError, ConfirmationError};
use crate::host::BodyError;
use crate::policy::{Address, Digest};
use crate::validate::Violation;
use crate::{auth, guard, handshake};

/// A kind of problem: what callers may rely on (RFC 9457).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// The last part of the `type` URN, and the reason in audit lines.
    pub slug: &'static str,
    /// The status, where the caller's contract does not say otherwise.
    pub status: StatusCode,
    /// What the caller should do.
    pub fate: Fate,
    /// The title: the same for every problem of this type.
    pub title: &'static str,
}

/// What a caller should do after a problem. With its contract this decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Prove itself, or ask elsewhere: the same for every caller.
    Mend,
    /// Give up: this request will never do.
    GiveUp,
    /// Give up: ACS refused the mail, and would again.
    Refused,
    /// Come again later.
    ComeAgain,
}

/// How long to wait before asking ACS again where it does not say: as long as its own answers have asked for.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What stands before the slug in a problem's `type`.
pub const PROBLEM_TYPE_PREFIX: &str = "urn:postern:problem:";

macro_rules! problem_types {
    ($($name:ident = $slug:literal, $status:ident, $fate:ident, $title:literal;)*) => {
        $(const $name: ProblemType =
            ProblemType { slug: $slug, status: StatusCode::$status, fate: Fate::$fate, title: $title };)*
        /// Every kind of problem, in the order of the flow.
        pub const PROBLEM_TYPES: &[ProblemType] = &[$($name),*];
    };
}

problem_types! {
    UNKNOWN_PATH = "unknown-path", NOT_FOUND, Mend, "There is no webhook at this path";
    METHOD = "method-not-allowed", METHOD_NOT_ALLOWED, Mend, "This webhook does not take this method";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, GiveUp, "The body is too large";
    BODY_INTERRUPTED = "body-interrupted", BAD_REQUEST, ComeAgain, "The body did not arrive whole";
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, Mend, "The caller did not prove who it is";
    MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, GiveUp, "The body is of a type that is not taken here";
    MALFORMED = "malformed-body", BAD_REQUEST, GiveUp, "The body cannot be read";
    FOREIGN_ORIGIN = "foreign-origin", FORBIDDEN, Mend, "This site may not use this form";
    UNPROVEN = "unproven", FORBIDDEN, Mend, "The form did not prove that a person sent it";
    UNVOUCHED = "captcha-unavailable", SERVICE_UNAVAILABLE, ComeAgain, "The captcha cannot be checked now";
    HANDSHAKE = "handshake-refused", FORBIDDEN, Mend, "This sender's question is not answered here";
    INVALID = "invalid-payload", UNPROCESSABLE_ENTITY, GiveUp, "The payload does not fit the schema";
    TEMPLATE = "template-failed", INTERNAL_SERVER_ERROR, ComeAgain, "A mail could not be written";
    NOT_CONFIGURED = "not-configured", SERVICE_UNAVAILABLE, ComeAgain, "The gate is not configured";
    SUPPRESSED = "recipients-suppressed", BAD_GATEWAY, Refused, "Every recipient is on the suppression list";
    UNKNOWN_SENDER = "unknown-sender", BAD_GATEWAY, ComeAgain, "The sender is not known to the mail service";
    UNLINKED_DOMAIN = "unlinked-domain", BAD_GATEWAY, ComeAgain, "The sender's domain is not linked to the mail service";
    REFUSED_BY_ACS = "not-accepted", BAD_GATEWAY, Refused, "Mail was not accepted for delivery";
    TRY_LATER = "try-later", SERVICE_UNAVAILABLE, ComeAgain, "Mail cannot be accepted for delivery now";
    MALFORMED_OPERATION = "malformed-operation-id", BAD_REQUEST, GiveUp, "This is not the id of an operation";
    UNKNOWN_OPERATION = "unknown-operation", NOT_FOUND, Mend, "The mail service does not know this operation";
    STATUS_UNAVAILABLE = "status-unavailable", SERVICE_UNAVAILABLE, ComeAgain, "The mail service cannot be asked now";
    STATUS_REFUSED = "status-refused", BAD_GATEWAY, ComeAgain, "The mail service does not tell";
}

/// Why a request ended before its mails were sent.
#[derive(Debug)]
pub enum Refusal {
    /// No route has the path.
    UnknownPath,
    /// The route or probe does not take the method.
    Method {
        /// The methods it takes.
        allow: &'static str,
    },
    /// There is no body to work on.
    Body {
        /// Why.
        error: BodyError,
        /// The route's limit in bytes.
        limit: usize,
    },
    /// The caller did not prove itself.
    Caller(auth::Refusal),
    /// The body cannot be read.
    Decode(decode::Error),
    /// A guard refused.
    Guard(guard::Refusal),
    /// A sender's question is not answered.
    Handshake(handshake::Refusal),
    /// The payload does not fit.
    Invalid(Vec<Violation>),
    /// A template failed; the place in it.
    Template {
        /// The mail's name.
        mail: String,
        /// The part and line.
        place: String,
    },
    /// The policy cannot be used.
    Policy,
    /// Settings are missing or malformed.
    Settings(Vec<SettingError>),
    /// What should be the id of an operation is none.
    OperationId,
    /// ACS does not tell how an operation stands: [`Outcome::NotFound`] where it does not know it.
    Inquiry(Outcome),
}

/// A mail that applied, and what became of it.
#[derive(Debug)]
pub struct Sent {
    /// The mail's name.
    pub mail: String,
    /// What became of it.
    pub delivery: Delivery,
}

/// What audit lines say of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// The request as a whole.
    pub verdict: Verdict,
    /// The problem, and what exactly it was where the answer does not tell.
    pub reason: Option<String>,
}

impl Summary {
    /// Of a sender's question that was answered.
    pub const HANDSHAKE: Self = Self { verdict: Verdict::Handshake, reason: None };

    /// Of a question how an operation stands.
    pub const ANSWERED: Self = Self { verdict: Verdict::Answered, reason: None };

    /// Of a request without an event.
    pub const IGNORED: Self = Self { verdict: Verdict::Ignored, reason: None };
}

impl From<auth::Refusal> for Refusal {
    fn from(refusal: auth::Refusal) -> Self {
        Self::Caller(refusal)
    }
}

impl From<decode::Error> for Refusal {
    fn from(error: decode::Error) -> Self {
        Self::Decode(error)
    }
}

impl From<guard::Refusal> for Refusal {
    fn from(refusal: guard::Refusal) -> Self {
        Self::Guard(refusal)
    }
}

impl From<handshake::Refusal> for Refusal {
    fn from(refusal: handshake::Refusal) -> Self {
        Self::Handshake(refusal)
    }
}

impl From<Vec<Violation>> for Refusal {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Vec<SettingError>> for Refusal {
    fn from(errors: Vec<SettingError>) -> Self {
        Self::Settings(errors)
    }
}

impl Refusal {
    /// The kind of problem.
    pub const fn problem_type(&self) -> ProblemType {
        match self {
            Self::UnknownPath => UNKNOWN_PATH,
            Self::Method { .. } => METHOD,
            Self::Body { error: BodyError::TooLarge, .. } => BODY_TOO_LARGE,
            Self::Body { error: BodyError::Interrupted, .. } => BODY_INTERRUPTED,
            Self::Caller(auth::Refusal::Keys(_)) => TRY_LATER,
            Self::Caller(auth::Refusal::UnusableSecret) | Self::Policy | Self::Settings(_) => NOT_CONFIGURED,
            Self::Caller(_) => UNAUTHENTICATED,
            Self::Decode(decode::Error::MediaType(_)) => MEDIA_TYPE,
            Self::Decode(decode::Error::FilesTooLarge(_)) => BODY_TOO_LARGE,
            Self::Decode(_) => MALFORMED,
            Self::Handshake(_) => HANDSHAKE,
            Self::Guard(guard::Refusal::Origin | guard::Refusal::Trap { .. }) => FOREIGN_ORIGIN,
            Self::Guard(guard::Refusal::Captcha(CaptchaError::Secret) | guard::Refusal::Key(_)) => NOT_CONFIGURED,
            Self::Guard(guard::Refusal::Captcha(CaptchaError::Unavailable)) => UNVOUCHED,
            Self::Guard(guard::Refusal::Confirmation(ConfirmationError::TooLong)) => BODY_TOO_LARGE,
            Self::Guard(_) => UNPROVEN,
            Self::Invalid(_) => INVALID,
            Self::Template { .. } => TEMPLATE,
            Self::OperationId => MALFORMED_OPERATION,
            Self::Inquiry(Outcome::NotFound) => UNKNOWN_OPERATION,
            Self::Inquiry(outcome) if outcome.is_temporary() => STATUS_UNAVAILABLE,
            Self::Inquiry(_) => STATUS_REFUSED,
        }
    }

    /// A sentence for the caller. What would help a forger, or concerns the operator alone, is not in it.
    fn detail(&self) -> String {
        match self {
            Self::UnknownPath => "Check the path against the policy.".to_owned(),
            Self::Method { allow } => format!("Use {allow}."),
            Self::Body { limit, .. } => format!("At most {limit} bytes are taken here."),
            Self::Caller(auth::Refusal::Keys(_)) => "Callers cannot be checked now. Send the request again.".to_owned(),
            Self::Caller(_) => "The request does not prove its caller as this webhook demands.".to_owned(),
            Self::Decode(error) => error.to_string(),
            Self::Guard(guard::Refusal::Token(_)) => "The form token is missing, too new or too old.".to_owned(),
            Self::Guard(guard::Refusal::Proof(_)) => "The proof of work is missing, wrong or too old.".to_owned(),
            Self::Guard(guard::Refusal::Captcha(_)) => {
                "The captcha was not solved here, or not by a person.".to_owned()
            }
            Self::Guard(guard::Refusal::Confirmation(ConfirmationError::TooLong)) => {
                "The form is too long to be confirmed by a link: send less text.".to_owned()
            }
            Self::Guard(guard::Refusal::Confirmation(_)) => {
                "The confirmation link is not complete, or too old: send the form again.".to_owned()
            }
            Self::Guard(guard::Refusal::Key(_)) => "Nothing was sent. GET /readyz says what is missing.".to_owned(),
            Self::Guard(_) => "The page that sent this is not on a site that this form lists.".to_owned(),
            Self::Handshake(_) => "The route expects another sender.".to_owned(),
            Self::Invalid(violations) if violations.len() == 1 => "One field is not as expected.".to_owned(),
            Self::Invalid(violations) => format!("{} fields are not as expected.", violations.len()),
            Self::Template { .. } => "Nothing was sent. The operator's log says where it failed.".to_owned(),
            Self::Policy | Self::Settings(_) => "Nothing was sent. GET /readyz says what is missing.".to_owned(),
            Self::OperationId => "Write it as answers do: 8540c0de-899f-5cce-acb5-3ec493af3800.".to_owned(),
            Self::Inquiry(Outcome::NotFound) => {
                "It was never accepted, or too long ago. Ask again in a moment if it is new.".to_owned()
            }
            Self::Inquiry(outcome) if outcome.is_temporary() => "Ask again later.".to_owned(),
            Self::Inquiry(_) => "The operator's log says why.".to_owned(),
        }
    }

    /// For the audit line: the problem, and the exact reason where the answer keeps it back.
    pub fn reason(&self) -> String {
        let slug = self.problem_type().slug;
        match self {
            Self::Guard(guard::Refusal::Origin) => slug.to_owned(),
            Self::Guard(refusal) => format!("{slug}: {refusal}"),
            Self::Caller(refusal) => format!("{slug}: {refusal}"),
            Self::Handshake(refusal) => format!("{slug}: {refusal}"),
            Self::Invalid(violations) => {
                let mut keywords: Vec<_> = violations.iter().map(|violation| violation.keyword.as_str()).collect();
                keywords.sort_unstable();
                keywords.dedup();
                format!("{slug}: {}", keywords.join(", "))
            }
            Self::Template { mail, place } => format!("{slug}: {mail} {place}"),
            Self::Settings(errors) => {
                format!("{slug}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Policy => format!("{slug}: the policy cannot be used"),
            Self::Inquiry(outcome) if *outcome != Outcome::NotFound => format!("{slug}: {}", outcome.as_str()),
            _ => slug.to_owned(),
        }
    }

    /// The problem as callers are told of it.
    fn problem(&self, contract: &Contract) -> Problem {
        let kind = self.problem_type();
        let mut problem = Problem::new(kind, kind.fate, contract, self.detail());
        if let Self::Invalid(violations) = self {
            problem.add("errors", json!(violations));
        }
        if let Self::Method { allow } = self {
            problem.headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Self::Inquiry(outcome) = self
            && outcome.is_temporary()
        {
            let wait = outcome.retry_after().unwrap_or(ASK_AGAIN);
            problem.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        problem
    }

    /// The answer to a refused request.
    pub fn respond(&self, contract: &Contract) -> Response<Bytes> {
        self.problem(contract).respond()
    }

    /// What the audit line says of it.
    pub fn summary(&self) -> Summary {
        let verdict = match self {
            Self::Inquiry(Outcome::NotFound) => Verdict::Answered,
            _ if self.problem_type().status.is_server_error() => Verdict::Failed,
            _ => Verdict::Refused,
        };
        Summary { verdict, reason: Some(self.reason()) }
    }
}

/// One event of a request, and what became of it: a form is one event.
pub type Handled = Result<Vec<Sent>, Refusal>;

/// The answer to a request whose events were tried.
pub fn respond(contract: &Contract, events: &[Handled], batch: bool) -> Response<Bytes> {
    match problem(contract, events, batch) {
        None => json(status(events), &Value::Object(success(events))),
        Some(problem) => problem.respond(),
    }
}

/// The status for events of which nothing went wrong: 202 where mails are in the overflow queue.
pub fn status(events: &[Handled]) -> StatusCode {
    if queued(events) { StatusCode::ACCEPTED } else { StatusCode::OK }
}

fn queued(events: &[Handled]) -> bool {
    events.iter().flatten().flatten().any(|sent| sent.delivery.outcome == Outcome::Queued)
}

/// What went wrong with events, if anything did.
///
/// Nothing says "sent" that ACS did not accept, and nothing "queued" that the overflow queue did not confirm. Where the caller should come again, its contract says by which status;
/// its repeat has the same operation ids, and what was accepted is not sent again.
pub fn problem(contract: &Contract, events: &[Handled], batch: bool) -> Option<Problem> {
    if let ([Err(refusal)], false) = (events, batch) {
        return Some(refusal.problem(contract));
    }
    let (kind, fate) = worst(events)?;
    let advice = match fate {
        Fate::ComeAgain => "Send the same request again later: what was accepted will not be sent twice.",
        _ => "The operator's log says why.",
    };
    let sent: Vec<_> = events.iter().flatten().flatten().collect();
    let detail = format!("{} of {} mails were accepted. {advice}", accepted(sent.iter().copied()), sent.len());
    let mut problem = Problem::new(kind, fate, contract, detail);
    problem.members = mails(events);
    if batch {
        problem.add("refused", json!(events.iter().enumerate().filter_map(refused).collect::<Vec<_>>()));
    }
    if let Some(wait) = sent.iter().filter_map(|sent| sent.delivery.outcome.retry_after()).max() {
        problem.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    Some(problem)
}

/// What an answer says where nothing went wrong.
pub fn success(events: &[Handled]) -> Map<String, Value> {
    let queued = queued(events).then(|| ("queued".to_owned(), json!(true)));
    mails(events).into_iter().chain(queued).collect()
}

/// What an answer says of mails.
fn mails(events: &[Handled]) -> Map<String, Value> {
    let sent = || events.iter().flatten().flatten();
    let mails: Vec<_> = sent().map(mail).collect();
    [("sent".to_owned(), json!(accepted(sent()))), ("mails".to_owned(), json!(mails))].into_iter().collect()
}

fn accepted<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> usize {
    sent.into_iter().filter(|sent| sent.delivery.outcome == Outcome::Accepted).count()
}

/// The problem that decides the answer: one that brings the caller back before one that stops it, since what was
/// accepted or refused will be so again.
fn worst(events: &[Handled]) -> Option<(ProblemType, Fate)> {
    let mut problems: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Ok(sent) => trouble(sent),
            Err(refusal) => Some((refusal.problem_type(), refusal.problem_type().fate)),
        })
        .collect();
    problems.sort_by_key(|(_, fate)| *fate != Fate::ComeAgain);
    problems.first().copied()
}

/// A mail that was not tried shares the fate of the one that met the trouble; alone, it was time that ran out.
fn trouble(sent: &[Sent]) -> Option<(ProblemType, Fate)> {
    let outcomes = || sent.iter().map(|sent| sent.delivery.outcome);
    if outcomes().all(Outcome::is_taken) {
        return None;
    }
    let untried = |outcome: &Outcome| outcome.is_taken() || *outcome == Outcome::NotAttempted;
    let mut met = outcomes().filter(|outcome| !untried(outcome)).peekable();
    if met.peek().is_none() || met.any(Outcome::is_temporary) {
        return Some((TRY_LATER, Fate::ComeAgain));
    }
    // What concerns the message alone stays so; what somebody can mend, such as a wrong key, is worth another try.
    let hopeless = |outcome: Outcome| {
        outcome.is_taken() || matches!(outcome, Outcome::Rejected | Outcome::Suppressed | Outcome::TooLarge)
    };
    let fate = if outcomes().filter(|outcome| *outcome != Outcome::NotAttempted).all(hopeless) {
        Fate::Refused
    } else {
        Fate::ComeAgain
    };
    Some((refused_by_acs(sent), fate))
}

/// The problem of the first mail that ACS does not take, now or later.
fn refused_by_acs(sent: &[Sent]) -> ProblemType {
    let mut outcomes = sent.iter().map(|sent| sent.delivery.outcome);
    match outcomes.find(|outcome| !outcome.is_taken()) {
        Some(Outcome::Suppressed) => SUPPRESSED,
        Some(Outcome::UnknownSender) => UNKNOWN_SENDER,
        Some(Outcome::UnlinkedDomain) => UNLINKED_DOMAIN,
        _ => REFUSED_BY_ACS,
    }
}

/// What the audit line says of an event.
pub fn summary(event: &Handled) -> Summary {
    let sent = match event {
        Ok(sent) => sent,
        Err(refusal) => return refusal.summary(),
    };
    let count = |wanted: fn(Outcome) -> bool| sent.iter().filter(|sent| wanted(sent.delivery.outcome)).count();
    match trouble(sent) {
        None if sent.is_empty() => Summary { verdict: Verdict::Ignored, reason: None },
        None => {
            let all_sent = count(|outcome| outcome == Outcome::Accepted) == sent.len();
            Summary { verdict: if all_sent { Verdict::Sent } else { Verdict::Queued }, reason: None }
        }
        Some((problem_type, _)) => Summary {
            verdict: if count(Outcome::is_taken) == 0 { Verdict::Failed } else { Verdict::Partial },
            reason: Some(problem_type.slug.to_owned()),
        },
    }
}

/// An event of a batch that did not get as far as a mail, by its place, counted from 1.
fn refused((index, event): (usize, &Handled)) -> Option<Value> {
    let refusal = event.as_ref().err()?;
    let mut value = json!({ "event": index + 1, "type": refusal.problem_type().uri(), "detail": refusal.detail() });
    if let (Refusal::Invalid(violations), Some(members)) = (refusal, value.as_object_mut()) {
        members.insert("errors".to_owned(), json!(violations));
    }
    Some(value)
}

fn mail(sent: &Sent) -> Value {
    json!({
        "mail": sent.mail,
        "status": sent.delivery.outcome.as_str(),
        "operation": sent.delivery.operation,
    })
}

/// How an operation stands.
pub fn standing(standing: &Standing) -> Response<Bytes> {
    json(StatusCode::OK, &json!(standing))
}

/// Sends a browser on.
pub fn see_other(location: &str) -> Response<Bytes> {
    let mut response = json(StatusCode::SEE_OTHER, &json!({ "next": location }));
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &Value) -> Response<Bytes> {
    body(status, JSON, value)
}

/// An answer without content.
pub fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    plain(response.headers_mut());
    response
}

/// An answer of any type.
pub fn content(status: StatusCode, content_type: &'static str, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    plain(response.headers_mut());
    response
}

/// What every answer says of itself.
fn plain(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

impl ProblemType {
    fn uri(&self) -> String {
        format!("{PROBLEM_TYPE_PREFIX}{}", self.slug)
    }
}

impl Contract {
    /// The status by which this caller does what it should.
    pub fn status(&self, problem_type: &ProblemType, fate: Fate) -> StatusCode {
        match fate {
            Fate::Mend => problem_type.status,
            Fate::GiveUp => self.unusable.unwrap_or(problem_type.status),
            Fate::Refused => self.refused,
            Fate::ComeAgain => self.later.unwrap_or(problem_type.status),
        }
    }
}

/// A problem on its way to a caller (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    /// The kind.
    pub kind: ProblemType,
    /// The status, by the caller's contract.
    pub status: StatusCode,
    /// A sentence for the caller.
    pub detail: String,
    /// What the answer holds beside that.
    pub members: Map<String, Value>,
    /// Headers that belong to it.
    pub headers: HeaderMap,
}

impl Problem {
    fn new(kind: ProblemType, fate: Fate, contract: &Contract, detail: String) -> Self {
        let mut headers = HeaderMap::new();
        if let (Some((name, value)), Fate::GiveUp | Fate::Refused) = (contract.stop, fate) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Self { kind, status: contract.status(&kind, fate), detail, members: Map::new(), headers }
    }

    /// Adds a member to the answer.
    pub fn add(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// The answer as problem details.
    pub fn respond(mut self) -> Response<Bytes> {
        self.add("type", json!(self.kind.uri()));
        self.add("title", json!(self.kind.title));
        self.add("status", json!(self.status.as_u16()));
        self.add("detail", json!(self.detail));
        let mut response = body(self.status, PROBLEM_JSON, &Value::Object(self.members));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The answer to a sender's question: its own code, under the name that the protocol wants.
pub fn handshake(name: &str, code: &str) -> Response<Bytes> {
    body(StatusCode::OK, JSON, &json!({ name: code }))
}

/// The answer to a sender that asked by OPTIONS. ACS's quota is the only limit, and it is told by `Retry-After`.
pub fn allowed_origin(origin: &str) -> Response<Bytes> {
    let mut response = body(StatusCode::OK, JSON, &json!({}));
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("POST"));
    headers.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert("webhook-allowed-origin", origin);
    }
    response
}

fn body(status: StatusCode, content_type: &'static str, value: &Value) -> Response<Bytes> {
    content(status, content_type, value.to_string())
}

/// The answer to `GET /healthz`: the component runs.
pub fn alive() -> Response<Bytes> {
    body(StatusCode::OK, JSON, &json!({ "status": "alive" }))
}

/// Whether the gate could send, and how.
#[derive(Debug)]
pub struct Readiness<'a> {
    /// The policy, if there is a usable one.
    pub policy: Option<Digest>,
    /// What keeps it from sending, a sentence each.
    pub missing: &'a [String],
    /// How the gate proves itself to ACS, if its settings say so.
    pub identity: Option<&'static str>,
    /// How it proves itself to the overflow queue, if there is one and its settings say so.
    pub overflow: Option<&'static str>,
    /// Where all mails go instead of where the policy says.
    pub redirected_to: Option<Address>,
}

/// The answer to `GET /readyz`.
pub fn readiness(readiness: &Readiness<'_>) -> Response<Bytes> {
    let mut answer = json!({ "status": "ready" });
    let mut status = StatusCode::OK;
    if !readiness.missing.is_empty() {
        status = StatusCode::SERVICE_UNAVAILABLE;
        answer = json!({ "status": "not ready", "missing": readiness.missing });
    }
    if let Some(members) = answer.as_object_mut() {
        let policy = readiness.policy.map(|digest| ("policy_sha256", json!(digest)));
        let redirected = readiness.redirected_to.as_ref().map(|to| ("redirect_all_to", json!(to.as_str())));
        let identity = readiness.identity.map(|identity| ("identity", json!(identity)));
        let overflow = readiness.overflow.map(|overflow| ("overflow", json!(overflow)));
        let told = [policy, identity, overflow, redirected].into_iter().flatten();
        members.extend(told.map(|(name, value)| (name.to_owned(), value)));
    }
    body(status, JSON, &answer)
}
