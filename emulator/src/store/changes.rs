//! A number that grows with every change, so that a page can wait for the next change instead of polling.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long a request waits if nothing changes.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// The number of changes so far; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Changes(Arc<watch::Sender<u64>>);

impl Default for Changes {
    fn default() -> Changes {
        // Starts above zero, so that a page that has not seen anything never waits.
        Changes(Arc::new(watch::Sender::new(1)))
    }
}

impl Changes {
    /// Counts a change.
    pub(crate) fn notify(&self) {
        self.0.send_modify(|revision| *revision = revision.wrapping_add(1));
    }

    /// The number, as soon as it differs from `seen`, or after `within` or the usual time.
    pub(crate) async fn since(&self, seen: u64, within: Option<Duration>) -> u64 {
        let mut watched = self.0.subscribe();
        let changed = watched.wait_for(|revision| *revision != seen);
        // If nothing changed, the page asks again.
        let _ = timeout(within.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT), changed).await;
        *self.0.borrow()
    }
}
