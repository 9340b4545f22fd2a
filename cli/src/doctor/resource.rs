//! Checks the ACS resource of the settings without sending a mail.
//!
//! Two calls are enough. ACS answers a status request for an operation that never existed with 404 if it has
//! authenticated the caller, and the `Date` of its answer shows its clock. It refuses a mail without recipients, and
//! some refusals name the sender. ACS does not document the order of its checks, so any other refusal says nothing
//! about the sender.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Request, Response};
use postern::acs::{self, Client, Connection, Inquiry, setting};
use postern::entra::TokenCache;
use postern::host::{Clock as _, Fetch, FetchError, Random as _, Sending, Services, Settings};
use postern::outcome::Outcome;
use postern::policy::{Address, Policy};
use postern::render::{Message, Parts};
use postern::trace::Trace;
use uuid::Uuid;

use super::{Finding, State};
use crate::machine::Machine;

/// How long ACS and the issuer of tokens may take together for one call.
const BUDGET: Duration = Duration::from_secs(20);

/// How far a request's date may be from ACS's clock (Microsoft Learn, "HMAC header"; five minutes by reports).
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// A clock that is this far off will soon be too far off.
const NOTABLE: Duration = Duration::from_secs(60);

/// All checks of the resource, for the senders of a policy.
pub async fn look(policy: Option<&Policy>) -> Vec<Finding> {
    let machine = Machine::new();
    let observer = ClockObserver { machine: &machine, skew: Mutex::default() };
    let host = Services { settings: &machine, clock: &machine, http: &observer, audit: &machine };
    if !is_meant(&host).await {
        let (endpoint, key) = (setting::ENDPOINT.to_ascii_uppercase(), setting::ACCESS_KEY.to_ascii_uppercase());
        return vec![Finding::skipped(
            "ACS",
            format!("not checked: set {endpoint}, and {key} or an identity's settings"),
        )];
    }
    let connection = match Connection::read(&host).await {
        Ok(connection) => connection,
        Err(errors) => {
            let help = "In the environment, names are in upper case; copy the values from the resource's Keys page.";
            let bad = |error: &postern::setting::SettingError| {
                Finding::bad("ACS settings", State::Failed, error.to_string(), help)
            };
            return errors.iter().map(bad).collect();
        }
    };
    let trace = Trace::of(&HeaderMap::new(), host.random(), host.random() as u64);
    let client = Client { host: &host, connection: &connection, tokens: &TokenCache::default(), trace };
    let inquiry = client.inquire(Uuid::from_u128(host.random()), BUDGET).await;
    let skew = observer.skew();
    let mut findings = vec![reached(&connection, &inquiry)];
    if inquiry.status.is_none() {
        return findings;
    }
    findings.push(clock(skew));
    findings.push(access(&connection, &inquiry, skew));
    if is_let_in(&inquiry) {
        for (address, names) in senders(policy) {
            findings.push(sender(&client, address, &names).await);
        }
    }
    findings
}

/// Whether the settings are meant for a resource: platforms set the variables of identities unasked.
async fn is_meant(host: &impl Settings) -> bool {
    for name in [setting::ENDPOINT, setting::ACCESS_KEY, setting::CONNECTION_STRING, setting::IDENTITY] {
        if host.setting(name).await.is_some() {
            return true;
        }
    }
    false
}

fn reached(connection: &Connection, inquiry: &Inquiry) -> Finding {
    let endpoint = &connection.endpoint;
    match (inquiry.status, &inquiry.answer) {
        (Some(_), _) => Finding::good("ACS", format!("{endpoint} answers")),
        (None, answer) => {
            let word = answer.as_ref().err().map(|outcome| outcome.as_str()).unwrap_or_default();
            let help =
                "Compare the endpoint with the resource's Keys page, and check that this machine can connect to it.";
            Finding::bad("ACS", State::Failed, format!("{endpoint} does not answer: {word}"), help)
        }
    }
}

fn clock(skew: Option<Duration>) -> Finding {
    let help =
        "Synchronise the system clock with NTP: ACS refuses requests that are signed at another time than its own.";
    match skew {
        None => {
            Finding::bad("clock", State::Unknown, "unknown: ACS's response has no date", "Compare the clock by hand.")
        }
        Some(skew) if skew > TOLERANCE => {
            let message = format!("{} away from ACS's clock, which is more than ACS accepts", shown(skew));
            Finding::bad("clock", State::Failed, message, help)
        }
        Some(skew) if skew > NOTABLE => {
            Finding::bad("clock", State::Warning, format!("{} away from ACS's clock", shown(skew)), help)
        }
        Some(_) => Finding::good("clock", "less than a minute away from ACS's clock"),
    }
}

fn shown(skew: Duration) -> String {
    humantime::format_duration(Duration::from_secs(skew.as_secs())).to_string()
}

/// Whether ACS accepted the caller's authentication.
fn is_let_in(inquiry: &Inquiry) -> bool {
    matches!(inquiry.answer, Ok(_) | Err(Outcome::NotFound))
}

fn access(connection: &Connection, inquiry: &Inquiry, skew: Option<Duration>) -> Finding {
    let check = connection.identity();
    let status = inquiry.status.unwrap_or_default();
    if is_let_in(inquiry) {
        return Finding::good(check, "ACS accepts it");
    }
    match inquiry.answer {
        Err(Outcome::Unauthorized) if skew.is_some_and(|skew| skew > TOLERANCE) => {
            Finding::bad(check, State::Unknown, "cannot tell: the clock is too far off", "Fix the clock first.")
        }
        Err(Outcome::Unauthorized) => Finding::bad(
            check,
            State::Failed,
            format!("ACS refuses it ({status})"),
            "Copy the key from the resource's Keys page again, or assign the identity its role on the resource.",
        ),
        _ => Finding::bad(
            check,
            State::Unknown,
            format!("unknown: ACS answers {status}"),
            "Try again later; docs/operations.md explains such answers.",
        ),
    }
}

/// Each address once, with the names that the policy has for it.
fn senders(policy: Option<&Policy>) -> Vec<(&Address, String)> {
    let Some(policy) = policy else { return Vec::new() };
    let addresses: BTreeSet<&str> = policy.senders().map(|sender| sender.address.as_str()).collect();
    let named = |address: &&str| {
        let mut all = policy.senders().filter(move |sender| sender.address.as_str() == *address);
        let first = all.next()?;
        let names = std::iter::once(first).chain(all).map(|sender| sender.name.as_str());
        Some((&first.address, names.collect::<Vec<_>>().join(", ")))
    };
    addresses.iter().filter_map(named).collect()
}

/// Tries to send a mail without recipients. ACS counts it against the quota of sends.
async fn sender<H: Sending>(client: &Client<'_, H>, address: &Address, names: &str) -> Finding {
    let parts = Parts { subject: "postern doctor".to_owned(), text: "A mail to nobody.".to_owned(), html: None };
    let message = Message { from: address.clone(), to: Vec::new(), reply_to: None, parts, attachments: Vec::new() };
    // The mail is far smaller than the limit, so there is always a body.
    let body = acs::body(&message).unwrap_or_default();
    let delivery = client.send(body, Uuid::from_u128(client.host.random()), acs::State::Send, BUDGET).await;
    let check = format!("sender {names}");
    let advice = delivery.outcome.advice().unwrap_or("Try again later.");
    let code = delivery.error_code.map(|code| format!(", {code}")).unwrap_or_default();
    let answer =
        delivery.status.map_or_else(|| delivery.outcome.as_str().to_owned(), |status| format!("{status}{code}"));
    match delivery.outcome {
        Outcome::UnlinkedDomain => {
            let message = format!("the domain {} is not linked to the resource ({answer})", address.domain());
            Finding::bad(check, State::Failed, message, sentence(advice))
        }
        Outcome::UnknownSender => {
            let message = format!("its domain is linked, but ACS does not know the name ({answer})");
            Finding::bad(check, State::Failed, message, sentence(advice))
        }
        // The address that is missing is a recipient's.
        Outcome::Rejected | Outcome::InvalidAddress => Finding::bad(
            check,
            State::Unknown,
            format!("unknown: ACS did not object ({answer}), but may not have checked"),
            "Only a first mail shows for certain; the resource's \"Domains\" page shows what is linked.",
        ),
        _ => Finding::bad(check, State::Unknown, format!("unknown: ACS answers {answer}"), sentence(advice)),
    }
}

/// Advice as a sentence.
fn sentence(advice: &str) -> String {
    let mut characters = advice.trim_end_matches('.').chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

/// This machine, which records how far the clocks of answers differ from its own.
struct ClockObserver<'a> {
    machine: &'a Machine,
    skew: Mutex<Option<Duration>>,
}

impl ClockObserver<'_> {
    fn skew(&self) -> Option<Duration> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares with the middle of the time that the call took, so the error is at most half of it.
    fn record(&self, asked: SystemTime, answer: &Response<Bytes>) {
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
        let middle = asked + self.machine.now().duration_since(asked).unwrap_or_default() / 2;
        let skew = date.duration_since(middle).unwrap_or_else(|behind| behind.duration());
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
    }
}

impl Fetch for ClockObserver<'_> {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        let asked = self.machine.now();
        let answer = self.machine.fetch(request, timeout).await?;
        self.record(asked, &answer);
        Ok(answer)
    }
}
