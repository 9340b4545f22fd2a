//! A handler's grip on its own TCP connection, to cut it without an answer.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::Notify;

/// One connection, as its handlers see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Arc<Notify>);

impl Line {
    /// Has the connection reset. Never returns: the handler is dropped with its connection.
    pub(crate) async fn reset(&self) -> Infallible {
        self.0.notify_one();
        pending().await
    }

    /// Waits until a handler wants the connection reset.
    pub(crate) async fn cut(&self) {
        self.0.notified().await;
    }
}
