//! The HTTP/1.1 server in front of a host.

use crate::host::Host;
use crate::limits::Limits;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Bytes of a request's head; hyper answers 431 beyond.
const HEAD_BYTES: usize = 64 << 10;

/// Header fields of a request; hyper answers 431 beyond.
const HEAD_FIELDS: usize = 100;

/// How long to wait when the system can accept no connection, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket, not yet served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "Port {port} on {ip} is in use: stop the program that has it, or choose another address with `--listen`.",
        port = .0.port(),
        ip = .0.ip()
    )]
    InUse(SocketAddr),
    /// The system refused for another reason.
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

    /// Serves until `shutdown` is ready; then takes no more connections and gives requests in progress
    /// [`Limits::shutdown_time`] to end.
    pub async fn serve(self, host: Host, shutdown: impl Future<Output = ()>) {
        let limits = *host.limits();
        let connections = Arc::new(Semaphore::new(limits.max_connections));
        let graceful = GracefulShutdown::new();
        let mut open = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (stream, permit) = self.accept(&connections) => {
                    open.spawn(answer(stream, permit, host.clone(), limits, graceful.watcher()));
                }
                Some(_) = open.join_next() => {}
            }
        }
        drop(self.listener);
        // Whoever still talks after that is cut off, when `open` ends.
        let _ = tokio::time::timeout(limits.shutdown_time, graceful.shutdown()).await;
    }

    async fn accept(&self, connections: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
        loop {
            let permit = connections.clone().acquire_owned().await;
            match (permit, self.listener.accept().await) {
                (Ok(permit), Ok((stream, _))) => return (stream, permit),
                _ => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

/// Serves one connection to its end; a client that breaks the protocol or hangs up concerns nobody else.
async fn answer(stream: TcpStream, permit: OwnedSemaphorePermit, host: Host, limits: Limits, watcher: Watcher) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let host = host.clone();
        async move { Ok::<_, Infallible>(host.handle(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    let _ = watcher.watch(connection).await;
    drop(permit);
}
