//! The real component in the embedded host, with the policy mounted, so that an edit takes effect without a
//! compilation.

use std::borrow::Cow;
use std::fs;
use std::iter;
use std::sync::Arc;

use anyhow::Context as _;
use postern::acs::setting;
use postern::entra::PUBLIC_AUTHORITY;
use postern::policy::{Files, PUBLIC_URL, Policy};
use postern_emulator::{DEVELOPMENT_KEY, Store};
use postern_runtime::{Event, Guest, Host, Limits};
use tempfile::TempDir;

use super::Screen;
use crate::cache;
use crate::secret::Secret;
use crate::studio::{AuditCapture, DryRun, GateClient};

/// The host, and what it gives the guest.
pub struct Gate {
    host: Host,
    policy: Option<TempDir>,
    before: Option<TempDir>,
    engine: Cow<'static, [u8]>,
    own: String,
    acs: String,
    capture: AuditCapture,
    dry_run: Arc<DryRun>,
}

impl Gate {
    /// A host without a policy, whose address is `own` and which sends to the emulator at `acs`.
    ///
    /// Its audit lines go to the screen, to the studio, and to the emulator's inbox, which shows them with the mails.
    /// The dry run loads whatever this loads.
    pub fn new(
        engine: Cow<'static, [u8]>,
        own: String,
        acs: String,
        screen: Screen,
        inbox: Store,
        dry_run: DryRun,
    ) -> anyhow::Result<Self> {
        let capture = AuditCapture::default();
        let capturing = capture.clone();
        let tell = move |event: Event<'_>| {
            if let Event::Stdout(line) = &event {
                inbox.audit(line);
                capturing.line(line);
            }
            screen.event(event);
        };
        let host = Host::new(limits(), cache::open(), Arc::new(tell))?;
        Ok(Self { host, policy: None, before: None, engine, own, acs, capture, dry_run: Arc::new(dry_run) })
    }

    /// The gate as the studio calls it.
    pub fn client(&self) -> GateClient {
        GateClient::new(self.host(), self.capture.clone(), self.own.clone())
    }

    /// The gate for the studio's previews, which sends nothing.
    pub fn dry_run(&self) -> Arc<DryRun> {
        Arc::clone(&self.dry_run)
    }

    /// The host, to serve.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Replaces the current policy.
    pub async fn load(&mut self, files: &Files, secrets: &[Secret]) -> anyhow::Result<()> {
        let servers = Policy::load(files).map(|policy| servers(&policy)).unwrap_or_default();
        let policy = snapshot(files)?;
        let guest = |acs: &str| -> anyhow::Result<Guest> {
            let fixed =
                [(setting::ENDPOINT, acs), (setting::ACCESS_KEY, DEVELOPMENT_KEY), (PUBLIC_URL, self.own.as_str())];
            let secrets = secrets.iter().map(|secret| (secret.name.as_str(), secret.value.as_str()));
            let origins = iter::once(acs).chain(servers.iter().map(AsRef::as_ref));
            Ok(Guest {
                component: self.engine.clone(),
                policy_dir: Some(policy.path().to_owned()),
                settings: secrets.chain(fixed).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                allowed_outbound: origins.map(str::parse).collect::<Result<_, _>>()?,
                ..Guest::default()
            })
        };
        self.host.load(guest(&self.acs)?).await?;
        self.dry_run.load(guest(self.dry_run.acs())?).await?;
        // An existing instance may read its policy only now, so the previous directory stays.
        self.before = self.policy.replace(policy);
        Ok(())
    }
}

/// The limits of `postern serve`, except that the component is compiled without optimisation, to be ready sooner.
pub fn limits() -> Limits {
    Limits { optimise: false, ..Limits::default() }
}

/// The policy as it was checked, in a separate directory, so that no instance reads an unchecked edit.
fn snapshot(files: &Files) -> anyhow::Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("postern-").tempdir().context("no directory for the policy")?;
    for (path, text) in files.sealed() {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory.path()))?;
        fs::write(path, text)?;
    }
    Ok(directory)
}

/// The servers that check the gate's callers and visitors.
fn servers(policy: &Policy) -> Vec<String> {
    let authority = policy.takes_entra_tokens().then(|| PUBLIC_AUTHORITY.to_owned());
    policy.servers().into_iter().chain(authority).collect()
}
