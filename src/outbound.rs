//! The servers that the gate may call, checked before each request, because not every host checks them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::acs::Connection;
use crate::host::{Fetch, FetchError, Settings};
use crate::overflow::StorageCredential;
use crate::policy::Overflow;
use crate::web::origin::server;

/// A host's outbound HTTP, restricted to the ACS resource of the settings, the policy's overflow queue, the servers
/// that issue tokens for them, and the server that checks a route's callers or visitors.
#[derive(Debug)]
pub struct Outbound<'a, H> {
    host: &'a H,
    verifier: Option<Uri>,
    overflow: Option<&'a Overflow>,
}

impl<'a, H: Settings + Fetch> Outbound<'a, H> {
    /// Puts the check in front of a host, for a request to a route with this verifier, under a policy with this
    /// overflow queue.
    pub const fn new(host: &'a H, verifier: Option<Uri>, overflow: Option<&'a Overflow>) -> Self {
        Self { host, verifier, overflow }
    }

    async fn allows(&self, uri: &Uri) -> bool {
        let Some(target) = server(uri) else { return false };
        let is_target = |known: &Uri| server(known).as_ref() == Some(&target);
        let acs = Connection::read(self.host).await;
        let servers = acs.map(|acs| acs.servers()).unwrap_or_default();
        if servers.iter().chain(&self.verifier).any(is_target) {
            return true;
        }
        let Some(overflow) = self.overflow else { return false };
        let tokens = StorageCredential::read(self.host).await.ok().and_then(|credential| credential.server());
        [overflow.queue.uri(""), overflow.container.uri("")].iter().chain(&tokens).any(is_target)
    }
}

impl<H: Settings + Fetch> Fetch for Outbound<'_, H> {
    /// Forwards to the host; for every other server, returns [`FetchError::Denied`].
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        if self.allows(request.uri()).await { self.host.fetch(request, timeout).await } else { Err(FetchError::Denied) }
    }
}
