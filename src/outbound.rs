//! The servers that the gate talks to, checked before each request: not every host does.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::acs::Credentials;
use crate::host::{FetchError, Host};
use crate::overflow;
use crate::policy::Overflow;

/// A host that lets requests out to the ACS resource of the settings, to the policy's overflow queue, to the servers
/// that give tokens for them and to the one that a route's callers or visitors are checked with, and nowhere else.
#[derive(Debug)]
pub struct Outbound<'a, H> {
    host: &'a H,
    verifier: Option<Uri>,
    overflow: Option<&'a Overflow>,
}

impl<'a, H: Host> Outbound<'a, H> {
    /// Puts the check before a host, for a request to a route with this verifier, under a policy with this overflow.
    pub const fn new(host: &'a H, verifier: Option<Uri>, overflow: Option<&'a Overflow>) -> Self {
        Self { host, verifier, overflow }
    }

    async fn allows(&self, uri: &Uri) -> bool {
        let Some(target) = origin(uri) else { return false };
        let is_target = |server: &Uri| origin(server).as_ref() == Some(&target);
        let credentials = Credentials::read(self.host).await;
        let servers = credentials.map(|credentials| credentials.servers()).unwrap_or_default();
        if servers.iter().chain(&self.verifier).any(is_target) {
            return true;
        }
        let Some(overflow) = self.overflow else { return false };
        let tokens = overflow::Credentials::read(self.host).await.ok().and_then(|credentials| credentials.server());
        [overflow.queue.uri(""), overflow.container.uri("")].iter().chain(&tokens).any(is_target)
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
