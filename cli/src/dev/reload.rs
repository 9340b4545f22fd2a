//! Serves edits of the policy that are valid, and reports the errors of the others.

use std::convert::Infallible;

use postern::policy::Files;

use super::{Changes, Gate, Screen, State};
use crate::directory::Directory;
use crate::secret;
use crate::studio::Studio;

/// The policy that is served, and the last report.
pub struct Reload {
    served: Directory,
    seen: Option<Files>,
    complaint: Option<String>,
    gate: Gate,
    screen: Screen,
    studio: Studio,
}

impl Reload {
    /// Starts with a policy that is already served.
    pub const fn new(served: Directory, gate: Gate, screen: Screen, studio: Studio) -> Self {
        Self { served, seen: None, complaint: None, gate, screen, studio }
    }

    /// Follows edits for ever.
    pub async fn follow(mut self, mut changes: Changes) -> Infallible {
        loop {
            // First of all, because the directory was read before it was watched.
            self.look().await;
            changes.next().await;
        }
    }

    async fn look(&mut self) {
        match Directory::read(self.served.path()) {
            Ok(directory) if self.seen.as_ref() == Some(directory.sources()) => {}
            Ok(directory) => {
                self.seen = Some(directory.sources().clone());
                if let Err(error) = self.take(directory).await {
                    self.complain(&error);
                }
            }
            Err(error) => {
                self.seen = None;
                self.complain(&error);
            }
        }
    }

    async fn take(&mut self, directory: Directory) -> anyhow::Result<()> {
        let unchanged = directory.sources() == self.served.sources();
        if unchanged && self.complaint.is_none() {
            return Ok(());
        }
        let (policy, warnings) = directory.proven()?;
        if !unchanged {
            self.screen.working("sealing the edited policy …");
            let secrets = secret::all(&policy)?;
            self.gate.load(directory.files(), &secrets).await?;
            self.served = directory.clone();
        }
        let state = if self.complaint.take().is_some() { State::Mended } else { State::Reloaded };
        self.screen.served(state, &self.served, &policy, &warnings);
        self.studio.show(directory, policy);
        Ok(())
    }

    /// Reports errors, once for as long as they stay the same.
    fn complain(&mut self, error: &anyhow::Error) {
        let complaint = format!("{error:#}");
        if self.complaint.as_ref() == Some(&complaint) {
            return self.screen.resting();
        }
        self.screen.broken(error);
        self.studio.complain(&complaint);
        self.complaint = Some(complaint);
    }
}
