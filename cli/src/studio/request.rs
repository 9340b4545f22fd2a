//! Requests to the gate: a payload for a route, as its caller would send it or with a deliberate mistake.

use std::time::SystemTime;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Uri};
use postern::auth::{RequestAuth, SignError};
use postern::policy::{Policy, Route};
use postern::web::path::CONFIRM;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{GateClient, header_pairs};
use super::mistake::Mistake;
use super::visitor::PageGuards;
use crate::caller::{self, Body};
use crate::secret;

/// The text that replaces authentication wherever a request is shown.
const REDACTED: &str = "…";

/// The request that the page describes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSpec {
    /// The route's name.
    route: String,
    /// The payload's text, which need not be JSON.
    pub payload: String,
    /// The kind of event, for GitHub.
    #[serde(default)]
    event: Option<String>,
    /// The deliberate mistake.
    #[serde(default)]
    mistake: Option<Mistake>,
}

/// A request to the gate, complete.
pub struct PreparedRequest {
    /// The request itself.
    pub request: Request<Bytes>,
    /// What the page shows of it: everything except authentication.
    pub displayed: Value,
    /// The start of the link that confirms a form, if the form needs a confirmation.
    pub link: Option<String>,
}

impl RequestSpec {
    /// What the form's page would fetch first.
    pub fn guards(&self, policy: &Policy) -> Option<PageGuards> {
        let route = policy.routes().find(|route| route.name == self.route)?;
        PageGuards::of(route).filter(|_| self.mistake != Some(Mistake::Unproven))
    }

    /// Builds the request to a gate.
    pub fn request(&self, policy: &Policy, client: &GateClient) -> anyhow::Result<PreparedRequest> {
        let route = policy.routes().find(|route| route.name == self.route);
        let route = route.with_context(|| format!("The route `{}` no longer exists.", self.route))?;
        let payload = match self.mistake {
            Some(mistake) => mistake.payload(route, &self.payload),
            None => self.payload.clone().into_bytes(),
        };
        let body = Body::of(route, payload)?;
        let credentials = self.prove(policy, route, &body)?;
        let mut extra_headers = caller::extra_headers(route, self.event.as_deref().filter(|event| !event.is_empty()))?;
        if let Some(mistake) = self.mistake {
            mistake.apply_to_headers(&mut extra_headers);
        }
        let proofs: Vec<_> = credentials.headers.iter().map(|(name, _)| name.clone()).collect();
        let query = credentials.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let address: Uri = format!("{}{}{query}", client.url, route.path).parse()?;
        let host = HeaderValue::from_str(address.authority().context("The gate has no address")?.as_str())?;
        let mut request = caller::request(address, body, credentials, extra_headers)?.map(Bytes::from);
        request.headers_mut().insert(HOST, host);
        let mut shown = request.headers().clone();
        for name in proofs {
            shown.insert(name, HeaderValue::from_bytes(REDACTED.as_bytes())?);
        }
        let hidden = if query.is_empty() { String::new() } else { format!("?{REDACTED}") };
        let displayed = json!({
            "method": "POST",
            "target": format!("{}{hidden}", route.path),
            "headers": header_pairs(&shown),
            "body": String::from_utf8_lossy(request.body()),
        });
        let confirmed = route.form.confirmation.is_some();
        let link = confirmed.then(|| format!("{}{}/{CONFIRM}?token=", client.url, route.path));
        Ok(PreparedRequest { request, displayed, link })
    }

    fn prove(&self, policy: &Policy, route: &Route, body: &Body) -> anyhow::Result<RequestAuth> {
        let Some(auth) = &route.auth else { return Ok(RequestAuth::default()) };
        if self.mistake == Some(Mistake::Unsigned) {
            return Ok(RequestAuth::default());
        }
        let key = caller::key(policy, auth)?;
        let now = SystemTime::now();
        let proof = match self.mistake {
            Some(mistake) => mistake.prove(route, auth, &key.value, now, body),
            None => caller::prove(route, auth, &key.value, now, body),
        };
        match proof {
            Ok(credentials) => Ok(credentials),
            Err(SignError::Secret) => bail!(secret::unusable(&key.variable, auth)),
            Err(error @ SignError::PublicKey(_)) => bail!(
                "{error} The studio signs with the setting's own value; `postern send --secret-env NAME` uses another."
            ),
        }
    }
}
