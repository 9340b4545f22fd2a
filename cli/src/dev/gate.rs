//! The real component in the embedded host, with a policy that cannot change under it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use postern::acs::setting;
use postern::policy::Files;
use postern_emulator::DEVELOPMENT_KEY;
use postern_engine::Flavour;
use postern_runtime::{Cache, Guest, Host, Limits, Origin};
use tempfile::TempDir;

use super::Screen;
use crate::secret::Secret;

/// The host, and what its guest is given.
pub struct Gate {
    host: Host,
    acs: String,
    current: Option<TempDir>,
    // Kept until the next load, because requests in progress may still read it.
    previous: Option<TempDir>,
    // Kept as long as the host, which may look for compiled code in it.
    _scratch: TempDir,
}

impl Gate {
    /// A host without a policy yet, that sends to the emulator at `acs`.
    pub fn new(acs: String, screen: Screen) -> anyhow::Result<Self> {
        let scratch = temporary()?;
        let cache = cache(scratch.path());
        let host = Host::new(Limits::default(), cache, Arc::new(move |event| screen.event(event)))?;
        Ok(Self { host, acs, current: None, previous: None, _scratch: scratch })
    }

    /// The host, to be served.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Puts a policy in the place of the present one. The guest reads a copy: it does so on its first request, and
    /// must not find what an editor has written since.
    pub async fn load(&mut self, files: &Files, secrets: &[Secret]) -> anyhow::Result<()> {
        let snapshot = temporary()?;
        copy(files, snapshot.path()).context("The policy cannot be copied")?;
        let acs = [(setting::ENDPOINT, self.acs.as_str()), (setting::ACCESS_KEY, DEVELOPMENT_KEY)];
        let own = secrets.iter().map(|secret| (secret.name.as_str(), secret.value.as_str()));
        let guest = Guest {
            component: Flavour::Wasi.component().into(),
            settings: own.chain(acs).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            policy_dir: Some(snapshot.path().to_owned()),
            allowed_outbound: vec![self.acs.parse::<Origin>()?],
        };
        self.host.load(guest).await?;
        self.previous = self.current.replace(snapshot);
        Ok(())
    }
}

/// A directory for this user alone, removed with the value.
fn temporary() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("postern-").tempdir().context("No temporary directory can be made")
}

/// Where compiled components are kept: with the user's other caches, else for this run alone.
fn cache(scratch: &Path) -> Option<Cache> {
    let lasting = dirs::cache_dir().and_then(|caches| Cache::open(caches.join("postern")).ok());
    lasting.or_else(|| Cache::open(scratch.join("cache")).ok())
}

fn copy(files: &Files, to: &Path) -> std::io::Result<()> {
    for path in files.paths() {
        let target = to.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(target, files.text(path).unwrap_or_default())?;
    }
    Ok(())
}
