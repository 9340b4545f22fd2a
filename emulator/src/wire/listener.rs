//! The listening socket: accepts connections, passes them to the routes, resets them when a fault says so.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::faults::ResetHandle;

/// The most connections at a time; ACS documents the same number per subscription.
const MAX_CONNECTIONS: usize = 250;
/// How long a client may take to send its request line and headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How long open calls may take to finish once the emulator stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// How long to wait if the system has no file descriptor for another connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Serves until `shutdown` completes, then gives open calls a short time to finish.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let socket = Socket { listener, tls, router, room: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
    tokio::select! {
        never = socket.accept(&closing, &mut connections) => match never {},
        () = shutdown => {}
    }
    drop(socket);
    drop(close);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Connections that are still open then are closed when the set is dropped.
    let _ = timeout(SHUTDOWN_GRACE, drained).await;
    Ok(())
}

/// Where connections arrive.
struct Socket {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    room: Arc<Semaphore>,
}

impl Socket {
    async fn accept(&self, closing: &watch::Receiver<()>, connections: &mut JoinSet<()>) -> Infallible {
        loop {
            while connections.try_join_next().is_some() {}
            let place = Arc::clone(&self.room).acquire_owned().await;
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            };
            let (tls, router, closing) = (self.tls.clone(), self.router.clone(), closing.clone());
            connections.spawn(async move {
                serve_stream(stream, tls, router, closing).await;
                drop(place);
            });
        }
    }
}

/// Speaks TLS first if it is configured. A client that does not trust the certificate hangs up here.
async fn serve_stream(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, closing: watch::Receiver<()>) {
    let Some(tls) = tls else {
        return serve_connection(stream, router, closing).await;
    };
    if let Ok(Ok(stream)) = timeout(HEADERS_WITHIN, tls.accept(stream)).await {
        serve_connection(stream, router, closing).await;
    }
}

/// A connection from which the socket can be taken.
trait Stream: AsyncRead + AsyncWrite + Unpin {
    fn into_socket(self) -> TcpStream;
}

impl Stream for TcpStream {
    fn into_socket(self) -> TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn into_socket(self) -> TcpStream {
        self.into_inner().0
    }
}

async fn serve_connection(stream: impl Stream, router: Router, mut closing: watch::Receiver<()>) {
    let reset = ResetHandle::default();
    let service = TowerToHyperService::new(router.layer(Extension(reset.clone())));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A broken connection only concerns the client.
        _ = &mut connection => return,
        () = reset.requested() => return abort(connection.into_parts().io.into_inner().into_socket()),
        _ = closing.changed() => std::pin::Pin::new(&mut connection).graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Closes with RST instead of FIN: the client sees "connection reset", not an end of file.
fn abort(stream: TcpStream) {
    // If the option cannot be set, the client sees a normal close, which is also no answer.
    let _ = stream.set_zero_linger();
    drop(stream);
}
