//! The listening socket: accepts connections, hands them to the routes, cuts them when a fault says so.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{Extension, Router};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};
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

use crate::error::Refusal;
use crate::line::Line;
use crate::resource::Resource;
use crate::{acs, api, inbox};

/// Connections at a time; ACS documents the same number per subscription.
const MAX_CONNECTIONS: usize = 250;
/// How long a client may take to send its request line and headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How long open calls may take to end once the emulator is told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait when the system has no file handle left for another connection.
const BREATH: Duration = Duration::from_millis(50);

/// All routes of the emulator; those of the studio are below `/studio`.
pub(crate) fn router(resource: Arc<Resource>, listening: SocketAddr, studio: Router) -> Router {
    let page = Router::new()
        .merge(api::routes())
        .merge(inbox::routes())
        .with_state(Arc::clone(&resource))
        .nest("/studio", studio)
        .layer(from_fn_with_state(listening.ip(), guard));
    Router::new()
        .merge(acs::routes())
        .with_state(resource)
        .merge(page)
        .fallback(async || Refusal::NoSuchPlace)
        .method_not_allowed_fallback(async || Refusal::Method)
}

/// Keeps pages of other sites out of a developer's mails: a name that was made to point at this machine (DNS
/// rebinding) shows in the Host header, and another site's page in Origin. ACS's own calls are signed and need no such
/// guard.
async fn guard(State(listening): State<IpAddr>, request: Request, next: Next) -> Result<Response, Refusal> {
    let headers = request.headers();
    if (listening.is_loopback() && !names_this_machine(headers)) || is_foreign(headers) {
        return Err(Refusal::NoSuchPlace);
    }
    Ok(next.run(request).await)
}

/// Browsers write the origin of the page that asks, except where a page reads from its own. Programs write none.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let site = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, site)| site.as_bytes());
    site.is_none() || site != headers.get(HOST).map(HeaderValue::as_bytes)
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
    })
}

/// Serves until `shutdown` completes, then lets open calls end for a short while.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let door = Door { listener, tls, router, room: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
    tokio::select! {
        never = door.accept(&closing, &mut connections) => match never {},
        () = shutdown => {}
    }
    drop(door);
    drop(close);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off when the set is dropped.
    let _ = timeout(GRACE, drained).await;
    Ok(())
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    room: Arc<Semaphore>,
}

impl Door {
    async fn accept(&self, closing: &watch::Receiver<()>, connections: &mut JoinSet<()>) -> Infallible {
        loop {
            while connections.try_join_next().is_some() {}
            let place = Arc::clone(&self.room).acquire_owned().await;
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(BREATH).await;
                continue;
            };
            let (tls, router, closing) = (self.tls.clone(), self.router.clone(), closing.clone());
            connections.spawn(async move {
                greet(stream, tls, router, closing).await;
                drop(place);
            });
        }
    }
}

/// Speaks TLS first where that is asked for. A client that does not trust the certificate hangs up here.
async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, closing: watch::Receiver<()>) {
    let Some(tls) = tls else {
        return converse(stream, router, closing).await;
    };
    if let Ok(Ok(stream)) = timeout(HEADERS_WITHIN, tls.accept(stream)).await {
        converse(stream, router, closing).await;
    }
}

/// A connection, which can be stripped down to its socket.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn into_socket(self) -> TcpStream;
}

impl Wire for TcpStream {
    fn into_socket(self) -> TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn into_socket(self) -> TcpStream {
        self.into_inner().0
    }
}

async fn converse(stream: impl Wire, router: Router, mut closing: watch::Receiver<()>) {
    let line = Line::default();
    let service = TowerToHyperService::new(router.layer(Extension(line.clone())));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A broken connection is the client's business.
        _ = &mut connection => return,
        () = line.cut() => return reset(connection.into_parts().io.into_inner().into_socket()),
        _ = closing.changed() => std::pin::Pin::new(&mut connection).graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Closes with RST instead of FIN: the client sees "connection reset", not an end of file.
fn reset(stream: TcpStream) {
    // If the option cannot be set, the client sees a plain close, which is just as unanswered.
    let _ = stream.set_zero_linger();
    drop(stream);
}
