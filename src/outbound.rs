//! The servers that the gate talks to, checked before each request: not every host does.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::acs::Credentials;
use crate::host::{FetchError, Host};

/// A host that lets requests out to the ACS resource of the settings, to the server that gives tokens for it and to the
/// one that a route's callers or visitors are checked with, and nowhere else.
#[derive(Debug)]
pub struct Outbound<'a, H> {
    host: &'a H,
    verifier: Option<Uri>,
}

impl<'a, H: Host> Outbound<'a, H> {
    /// Puts the check before a host, for a request to a route with this verifier.
    pub const fn new(host: &'a H, verifier: Option<Uri>) -> Self {
        Self { host, verifier }
    }

    async fn allows(&self, uri: &Uri) -> bool {
        let credentials = Credentials::read(self.host).await;
        let servers = credentials.map(|credentials| credentials.servers()).unwrap_or_default();
        let target = origin(uri);
        target.is_some() && servers.iter().chain(&self.verifier).any(|server| origin(server) == target)
    }
}

/// Scheme, host and port of an http address without a user's name (RFC 6454).
fn origin(uri: &Uri) -> Option<(bool, String, u16)> {
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let (tls, usual) = match uri.scheme_str()? {
        "https" => (true, 443),
        "http" => (false, 80),
        _ => return None,
    };
    Some((tls, authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(usual)))
}

impl<H: Host> Host for Outbound<'_, H> {
    fn now(&self) -> SystemTime {
        self.host.now()
    }

    fn monotonic(&self) -> Duration {
        self.host.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.host.sleep(duration).await;
    }

    fn random(&self) -> u128 {
        self.host.random()
    }

    async fn setting(&self, name: &str) -> Option<String> {
        self.host.setting(name).await
    }

    async fn file(&self, path: &str) -> Option<String> {
        self.host.file(path).await
    }

    /// As the host's, but [`FetchError::Denied`] for every other server.
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        if self.allows(request.uri()).await { self.host.fetch(request, timeout).await } else { Err(FetchError::Denied) }
    }

    fn audit(&self, line: &str) {
        self.host.audit(line);
    }
}
