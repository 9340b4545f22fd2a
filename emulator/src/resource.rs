//! The emulated resource: its settings, its store, and who may call it.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use uuid::Uuid;

use crate::acs::refusal::Refusal;
use crate::acs::signature::verify;
use crate::config::Config;
use crate::store::Store;

/// What every call works with.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) config: Config,
    pub(crate) store: Store,
    /// The port in `Operation-Location` if the client's Host header has none (the Java SDK).
    pub(crate) port: u16,
    /// The code that a webhook for delivery reports must return, or that a person must confirm.
    pub(crate) validation_code: Uuid,
}

impl Resource {
    /// Accepts a call that is signed with the key, or that has a token that the configuration accepts.
    pub(crate) fn authorise(&self, parts: &Parts, body: &[u8]) -> Result<(), Refusal> {
        match bearer_token(&parts.headers) {
            Some(token) if self.config.bearer.accepts(token) => Ok(()),
            Some(_) => Err(Refusal::Token),
            None => {
                let now = self.store.now();
                Ok(verify(&self.config.access_key, parts, body, now)?)
            }
        }
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.config.tls.is_some() { "https" } else { "http" }
    }

    /// Scheme, host and port as the client knows them.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("127.0.0.1");
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let scheme = self.scheme();
        if has_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", self.port) }
    }
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
