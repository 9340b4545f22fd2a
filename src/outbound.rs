//! The servers that the gate talks to, checked before each request: not every host does.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::acs::Credentials;
use crate::host::{FetchError, Host};

/// A host that lets requests out to the ACS resource of the settings and to the server that gives tokens for it, and
/// nowhere else.
#[derive(Debug)]
pub struct Outbound<'a, H>(&'a H);

impl<'a, H: Host> Outbound<'a, H> {
    /// Puts the check before a host.
    pub const fn new(host: &'a H) -> Self {
        Self(host)
    }

    async fn allows(&self, uri: &Uri) -> bool {
        let Ok(credentials) = Credentials::read(self.0).await else { return false };
        let target = origin(uri);
        target.is_some() && credentials.servers().iter().any(|server| origin(server) == target)
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
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    fn random(&self) -> u128 {
        self.0.random()
    }

    async fn setting(&self, name: &str) -> Option<String> {
        self.0.setting(name).await
    }

    async fn file(&self, path: &str) -> Option<String> {
        self.0.file(path).await
    }

    /// As the host's, but [`FetchError::Denied`] for every other server.
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        if self.allows(request.uri()).await { self.0.fetch(request, timeout).await } else { Err(FetchError::Denied) }
    }

    fn audit(&self, line: &str) {
        self.0.audit(line);
    }
}
