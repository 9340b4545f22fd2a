//! The HTTP/1.1 server in front of a host.

use crate::host::Host;
use crate::limits::Limits;
use crate::peers::{Peers, Seat};
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutWriter;

/// The most bytes of a request's head; for more, hyper answers 431.
const HEAD_BYTES: usize = 64 << 10;

/// The most header fields of a request; for more, hyper answers 431.
const HEAD_FIELDS: usize = 100;

/// How long to wait if the system cannot accept a connection, for example because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket that is not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why the server cannot listen on an address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "Port {port} on {ip} is in use: stop the program that uses it, or choose another address with `--listen`.",
        port = .0.port(),
        ip = .0.ip()
    )]
    InUse(SocketAddr),
    /// The system reported another error.
    #[error("Cannot listen on {0}: {1}; choose another address with `--listen`.")]
    Refused(SocketAddr, #[source] io::Error),
}

impl Server {
    /// Listens on an address; port 0 lets the system choose one.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            _ => BindError::Refused(address, error),
        };
        let listener = TcpListener::bind(address).await.map_err(explain)?;
        let address = listener.local_addr().map_err(explain)?;
        Ok(Self { listener, address })
    }

    /// The address in use, with the port the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready. Then accepts no more connections, and gives requests in progress
    /// [`Limits::shutdown_time`] to end.
    pub async fn serve(self, host: Host, shutdown: impl Future<Output = ()>) {
        let limits = *host.limits();
        let connections = Arc::new(Semaphore::new(limits.max_connections));
        let peers = Peers::default();
        let graceful = GracefulShutdown::new();
        let mut open = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (stream, peer, permit) = self.accept(&connections) => {
                    if let Some(seat) = peers.admit(peer.ip(), limits.max_connections_per_peer) {
                        open.spawn(answer(stream, (permit, seat), host.clone(), limits, graceful.watcher()));
                    }
                }
                Some(_) = open.join_next() => {}
            }
        }
        drop(self.listener);
        // Connections that are still open after that are closed when `open` is dropped.
        let _ = tokio::time::timeout(limits.shutdown_time, graceful.shutdown()).await;
    }

    async fn accept(&self, connections: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        loop {
            let permit = connections.clone().acquire_owned().await;
            match (permit, self.listener.accept().await) {
                (Ok(permit), Ok((stream, peer))) => return (stream, peer, permit),
                _ => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

/// Serves one connection to its end. A client that breaks the protocol or hangs up affects nobody else.
async fn answer(stream: TcpStream, place: (OwnedSemaphorePermit, Seat), host: Host, limits: Limits, watcher: Watcher) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limits.write_time));
    let (begun, requests) = (Instant::now(), AtomicUsize::new(0));
    let service = service_fn(move |request| {
        let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
        let host = host.clone();
        async move {
            let mut response = host.handle(request).await;
            if number >= limits.requests_per_connection
                || begun.elapsed() + limits.exchange_time() > limits.connection_time
            {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let _ = tokio::time::timeout(limits.connection_time, watcher.watch(connection)).await;
    drop(place);
}
