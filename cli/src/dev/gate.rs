//! The real component in the embedded host, with the policy sealed into it.

use std::iter;
use std::sync::Arc;

use postern::acs::setting;
use postern::entra::PUBLIC_AUTHORITY;
use postern::policy::{Files, PUBLIC_URL, Policy};
use postern_emulator::{DEVELOPMENT_KEY, Store};
use postern_engine::Flavour;
use postern_runtime::{Cache, Event, Guest, Host, Limits, SealError, Sealed, seal};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Screen;
use crate::cache;
use crate::secret::Secret;

/// The host, and what its guest is given.
pub struct Gate {
    host: Host,
    cache: Option<Cache>,
    own: String,
    acs: String,
}

impl Gate {
    /// A host without a policy yet, that is reached at `own` and sends to the emulator at `acs`.
    ///
    /// Its audit lines go to the screen, and to the emulator's inbox, which shows them beside the mails.
    pub fn new(own: String, acs: String, screen: Screen, inbox: Store) -> anyhow::Result<Self> {
        let cache = cache::open();
        let tell = move |event: Event<'_>| {
            if let Event::Stdout(line) = &event {
                inbox.audit(line);
            }
            screen.event(event);
        };
        let host = Host::new(Limits::default(), cache.clone(), Arc::new(tell))?;
        Ok(Self { host, cache, own, acs })
    }

    /// The host, to be served.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Puts a policy in the place of the present one.
    pub async fn load(&mut self, files: &Files, secrets: &[Secret]) -> anyhow::Result<()> {
        let fixed = [
            (setting::ENDPOINT, self.acs.as_str()),
            (setting::ACCESS_KEY, DEVELOPMENT_KEY),
            (PUBLIC_URL, self.own.as_str()),
        ];
        let secrets = secrets.iter().map(|secret| (secret.name.as_str(), secret.value.as_str()));
        let servers = Policy::load(files).map(|policy| servers(&policy)).unwrap_or_default();
        let guest = Guest {
            component: self.seal(files).await??.component.into(),
            settings: secrets.chain(fixed).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            allowed_outbound: iter::once(self.acs.as_str())
                .chain(servers.iter().map(String::as_str))
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            ..Guest::default()
        };
        Ok(self.host.load(guest).await?)
    }

    fn seal(&self, files: &Files) -> JoinHandle<Result<Sealed, SealError>> {
        let (files, cache) = (files.sealed(), self.cache.clone());
        spawn_blocking(move || seal(Flavour::Wasi.component(), &files, cache.as_ref()))
    }
}

/// Whom the gate checks callers and visitors with.
fn servers(policy: &Policy) -> Vec<String> {
    let authority = policy.takes_entra_tokens().then(|| PUBLIC_AUTHORITY.to_owned());
    policy.servers().into_iter().chain(authority).collect()
}
