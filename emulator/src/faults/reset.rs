//! A handler's access to its own TCP connection, to reset it without an answer.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::Notify;

/// Asks the task that serves a connection to reset it; clones are for the same connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResetHandle(Arc<Notify>);

impl ResetHandle {
    /// Resets the connection. Never returns: the handler is dropped with its connection.
    pub(crate) async fn reset(&self) -> Infallible {
        self.0.notify_one();
        pending().await
    }

    /// Waits until a handler wants the connection reset.
    pub(crate) async fn requested(&self) {
        self.0.notified().await;
    }
}
