//! Probes: whether the component runs, and whether the gate could send.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::acs::Connection;
use crate::auth::secrets;
use crate::contract;
use crate::guard::{Keys, own_origin};
use crate::host::Settings;
use crate::overflow::{self, StorageCredential};
use crate::policy::{Address, Diagnostic, Digest, Policy};
use crate::refusal::Refusal;
use crate::staging;
use crate::web::response;

/// A policy, or the reasons why there is none.
type Loaded = Result<Policy, Vec<Diagnostic>>;

/// A question that hosts ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Whether the component runs.
    Health,
    /// Whether the gate could send.
    Readiness,
}

impl Probe {
    /// Answers the probe.
    pub async fn answer(self, host: &impl Settings, policy: &Loaded, method: &Method) -> Response<Bytes> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Refusal::Method { allow: "GET, HEAD" }.respond(&contract::PLAIN);
        }
        match self {
            Self::Health => alive(),
            Self::Readiness => readiness(&Readiness::read(host, policy).await),
        }
    }
}

/// The answer to `GET /healthz`: the component runs.
fn alive() -> Response<Bytes> {
    response::json(StatusCode::OK, &json!({ "status": "alive" }))
}

/// Whether the gate could send, and how.
struct Readiness {
    /// The policy, if there is a usable one.
    policy: Option<Digest>,
    /// What keeps it from sending, one sentence for each reason.
    missing: Vec<String>,
    /// How the gate authenticates to ACS, if its settings allow it to.
    identity: Option<&'static str>,
    /// How it authenticates to the overflow queue, if the policy has one and the settings allow it to.
    overflow: Option<&'static str>,
    /// The address that gets all mails instead of the policy's recipients.
    redirected_to: Option<Address>,
}

impl Readiness {
    async fn read(host: &impl Settings, policy: &Loaded) -> Self {
        let loaded = policy.as_ref().ok();
        let overflow = match loaded.and_then(Policy::overflow) {
            Some(_) => StorageCredential::read(host).await.ok().map(|credential| credential.name()),
            None => None,
        };
        Self {
            policy: loaded.map(Policy::digest),
            missing: missing(host, policy).await,
            identity: Connection::read(host).await.ok().map(|acs| acs.identity()),
            overflow,
            redirected_to: staging::read(host).await.ok().flatten(),
        }
    }
}

/// The answer to `GET /readyz`.
fn readiness(readiness: &Readiness) -> Response<Bytes> {
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
        let known = [policy, identity, overflow, redirected].into_iter().flatten();
        members.extend(known.map(|(name, value)| (name.to_owned(), value)));
    }
    response::json(status, &answer)
}

/// What keeps the gate from sending: findings about the policy, or settings by name.
async fn missing(host: &impl Settings, policy: &Loaded) -> Vec<String> {
    let policy = match policy {
        Ok(policy) => policy,
        Err(findings) => return findings.iter().map(ToString::to_string).collect(),
    };
    let mut errors = Connection::read(host).await.err().unwrap_or_default();
    errors.extend(staging::read(host).await.err());
    errors.extend(secrets(host, policy.operations()).await.err().unwrap_or_default());
    if policy.overflow().is_some() {
        errors.extend(StorageCredential::read(host).await.err().unwrap_or_default());
        errors.extend(overflow::Key::read(host).await.err());
    }
    if policy.has_forms() {
        errors.extend(own_origin(host).await.err());
    }
    for route in policy.routes() {
        errors.extend(secrets(host, route.auth.as_ref()).await.err().unwrap_or_default());
        errors.extend(Keys::read(host, route).await.err().unwrap_or_default());
    }
    let mut named = BTreeSet::new();
    errors.iter().map(ToString::to_string).filter(|error| named.insert(error.clone())).collect()
}
