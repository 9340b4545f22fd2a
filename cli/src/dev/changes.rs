//! Detects edits to a policy directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use postern::policy::{FOLDERS, POLICY_FILE};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Editors save in several steps, and version control changes many files at once: an edit is over if nothing more
/// happens for this long.
const QUIET: Duration = Duration::from_millis(100);

/// An edit that takes longer is reported before it is over.
const LONGEST: Duration = Duration::from_secs(2);

/// A watched policy directory.
pub struct Changes {
    directory: PathBuf,
    watcher: RecommendedWatcher,
    events: UnboundedReceiver<()>,
}

impl Changes {
    /// Starts to watch.
    pub fn watch(directory: &Path) -> anyhow::Result<Self> {
        // Events contain real paths, so this compares them with the directory's real path.
        let directory = directory.canonicalize().context("Cannot watch the policy directory")?;
        let (sender, events) = unbounded_channel();
        let root = directory.clone();
        let watcher = notify::recommended_watcher(move |event| report(&sender, &root, event))
            .context("Cannot watch the policy directory")?;
        let mut changes = Self { directory, watcher, events };
        changes.watcher.watch(&changes.directory, RecursiveMode::NonRecursive).context("Cannot watch the policy")?;
        changes.watch_folders();
        Ok(changes)
    }

    /// Watches the root without its folders, because a policy may share it with a large build directory.
    fn watch_folders(&mut self) {
        for folder in FOLDERS {
            // If a folder does not exist yet, its creation shows at the root, and watching it starts then.
            let _ = self.watcher.watch(&self.directory.join(folder), RecursiveMode::Recursive);
        }
    }

    /// Waits for an edit to start and to be over.
    pub async fn next(&mut self) {
        let _ = self.events.recv().await;
        self.watch_folders();
        let quiet = async { while timeout(QUIET, self.events.recv()).await.is_ok() {} };
        let _ = timeout(LONGEST, quiet).await;
    }
}

/// Passes on changes to the policy, but not the gate's own reads.
fn report(sender: &UnboundedSender<()>, root: &Path, event: notify::Result<Event>) {
    let concerns = match event {
        Ok(event) => !event.kind.is_access() && event.paths.iter().any(|path| is_policy(root, path)),
        // Events were lost, so the policy may have changed.
        Err(_) => true,
    };
    if concerns {
        // The receiver is only gone when the command ends.
        let _ = sender.send(());
    }
}

fn is_policy(root: &Path, path: &Path) -> bool {
    let first = path.strip_prefix(root).ok().and_then(|below| below.iter().next());
    first.is_some_and(|name| name == POLICY_FILE || FOLDERS.iter().any(|folder| name == *folder))
}
