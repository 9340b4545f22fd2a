//! Requests with a deliberate mistake, to see how the gate refuses them.

use std::time::{Duration, SystemTime};

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue};
use postern::auth::{RequestAuth, SignError};
use postern::policy::{Kind, Policy, Route, RouteAuth, Scheme};
use postern::texts::Texts;
use postern::validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::visitor::{PageGuards, with};
use crate::caller::{self, Body};

/// Longer than any scheme tolerates.
const LONG_AGO: Duration = Duration::from_secs(24 * 60 * 60);

/// A site that no policy lists: nobody can own it (RFC 6761).
const FOREIGN: HeaderValue = HeaderValue::from_static("https://other-site.invalid");

/// The member that no schema has.
const UNKNOWN: &str = "not-in-the-schema";

/// The mistake in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mistake {
    /// It is not signed.
    Unsigned,
    /// Its signature is another request's, or made with another secret.
    WrongSignature,
    /// It was signed a day ago.
    Stale,
    /// Another site's page sent it.
    ForeignOrigin,
    /// It names no site.
    NoOrigin,
    /// It lacks the fields that the form's page adds.
    Unproven,
    /// A field that people do not see is filled in.
    Trapped,
    /// It has a member that the schema does not know.
    UnknownField,
    /// It lacks a member that the schema requires.
    MissingField,
    /// A member has another type.
    WrongType,
    /// Its body is truncated.
    NotJson,
    /// Its body is a byte longer than the route allows.
    TooLarge,
}

impl Mistake {
    /// All of them, in the order in which people read them.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Unsigned, "without authentication"),
        (Self::WrongSignature, "with a wrong signature"),
        (Self::Stale, "signed a day ago"),
        (Self::ForeignOrigin, "from another site"),
        (Self::NoOrigin, "without an origin"),
        (Self::Unproven, "without the page's token or proof of work"),
        (Self::Trapped, "with the hidden field filled in, as robots do"),
        (Self::UnknownField, "with an unknown field"),
        (Self::MissingField, "without a required field"),
        (Self::WrongType, "with a field of the wrong type"),
        (Self::NotJson, "with a truncated body"),
        (Self::TooLarge, "with a body that is too large"),
    ];

    /// Whether a route would refuse it, judging by a payload that the route accepts.
    pub fn applies_to(self, policy: &Policy, route: &Route, payload: &str) -> bool {
        let form = route.kind == Kind::Form;
        match self {
            Self::Unsigned => route.auth.is_some(),
            Self::WrongSignature | Self::Stale => {
                route.auth.as_ref().is_some_and(|auth| self.changes_proof(policy, route, auth))
            }
            Self::ForeignOrigin => form,
            Self::NoOrigin => form && !route.form.allow_missing_origin,
            Self::Unproven => PageGuards::of(route).is_some(),
            Self::Trapped => honeypot(route).is_some(),
            Self::UnknownField | Self::MissingField | Self::WrongType => {
                invalid_payload(self, route, payload).is_some()
            }
            // The form of texts is made from JSON that can be read.
            Self::NotJson => !route.contract.only_forms,
            Self::TooLarge => true,
        }
    }

    /// Whether authentication with this mistake differs from the correct one: not every scheme signs the time.
    fn changes_proof(self, policy: &Policy, route: &Route, auth: &RouteAuth) -> bool {
        let Ok(key) = caller::key(policy, auth) else { return false };
        if self == Self::WrongSignature {
            return true;
        }
        match &auth.scheme {
            Scheme::Rule(rule) => rule.timestamp.is_some(),
            Scheme::SendGrid { .. } => {
                let body = Body { content_type: "", bytes: Vec::new() };
                self.prove(route, auth, &key.value, SystemTime::now(), &body).is_ok()
            }
            _ => false,
        }
    }

    /// The payload with this mistake; unchanged if the mistake is elsewhere.
    pub fn payload(self, route: &Route, payload: &str) -> Vec<u8> {
        match self {
            Self::UnknownField | Self::MissingField | Self::WrongType => invalid_payload(self, route, payload)
                .map_or_else(|| payload.into(), |value| value.to_string().into_bytes()),
            Self::Trapped => {
                honeypot(route).map_or_else(|| payload.to_owned(), |name| with(payload, name, "x")).into_bytes()
            }
            Self::NotJson => payload.trim_end().trim_end_matches(['}', ']']).into(),
            Self::TooLarge => {
                let mut bytes = payload.as_bytes().to_vec();
                bytes.resize(bytes.len().max(route.body_limit + 1), b' ');
                bytes
            }
            _ => payload.into(),
        }
    }

    /// The authentication with this mistake.
    pub fn prove(
        self,
        route: &Route,
        auth: &RouteAuth,
        key: &str,
        now: SystemTime,
        body: &Body,
    ) -> Result<RequestAuth, SignError> {
        match (self, &auth.scheme) {
            (Self::WrongSignature, Scheme::Token(_)) => caller::prove(route, auth, &format!("{key}x"), now, body),
            (Self::WrongSignature, _) => {
                let other = [body.bytes.as_slice(), b"&x=1"].concat();
                caller::prove(route, auth, key, now, &Body { content_type: body.content_type, bytes: other })
            }
            (Self::Stale, _) => caller::prove(route, auth, key, now.checked_sub(LONG_AGO).unwrap_or(now), body),
            _ => caller::prove(route, auth, key, now, body),
        }
    }

    /// Adds the mistake to the caller's headers.
    pub fn apply_to_headers(self, headers: &mut Vec<(HeaderName, HeaderValue)>) {
        if matches!(self, Self::ForeignOrigin | Self::NoOrigin) {
            headers.retain(|(name, _)| *name != ORIGIN);
        }
        if self == Self::ForeignOrigin {
            headers.push((ORIGIN, FOREIGN));
        }
    }
}

/// The name of a honeypot.
fn honeypot(route: &Route) -> Option<&str> {
    let form = &route.form;
    let own = form.honeypot.as_ref().map(|honeypot| honeypot.name.as_str());
    own.or_else(|| form.conventions.first().map(|convention| convention.honeypot))
}

/// A payload that the schema refuses because of this mistake; `None` if no small change makes it invalid.
fn invalid_payload(mistake: Mistake, route: &Route, payload: &str) -> Option<Value> {
    let Value::Object(members) = serde_json::from_str(payload).ok()? else { return None };
    let refused = |value: &Value| !validate::violations(&route.schema, value, Texts::neutral()).is_empty();
    let with = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut changed = members.clone();
        change(&mut changed);
        Some(Value::Object(changed)).filter(refused)
    };
    match mistake {
        Mistake::UnknownField => with(&|members| {
            members.insert(UNKNOWN.to_owned(), true.into());
        }),
        Mistake::MissingField => members.keys().find_map(|name| {
            with(&|members| {
                members.remove(name);
            })
        }),
        // No useful schema of a member accepts a list that contains null.
        Mistake::WrongType => members.keys().find_map(|name| {
            with(&|members| {
                members.insert(name.clone(), Value::Array(vec![Value::Null]));
            })
        }),
        _ => None,
    }
}
