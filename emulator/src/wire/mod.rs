//! The wire: the routes, the calls of ACS Email, and their sockets.

mod calls;
mod in_process;
mod listener;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};

use crate::acs::refusal::Refusal;
use crate::inbox;
use crate::resource::Resource;

pub use in_process::{ConnectionReset, InProcess};
pub(crate) use listener::serve;

/// All routes of the emulator; those of the studio are below `/studio`.
pub(crate) fn router(resource: Arc<Resource>, listening: SocketAddr, studio: Router) -> Router {
    let page = Router::new()
        .merge(inbox::api::routes())
        .merge(inbox::routes())
        .with_state(Arc::clone(&resource))
        .nest("/studio", studio)
        .layer(from_fn_with_state(listening.ip(), guard));
    Router::new()
        .merge(calls::routes())
        .with_state(resource)
        .merge(page)
        .fallback(async || Refusal::NoSuchPlace)
        .method_not_allowed_fallback(async || Refusal::Method)
}

/// Keeps pages of other sites away from a developer's mails: a name that points to this machine (DNS rebinding) shows
/// in the Host header, and another site's page in Origin. ACS's own calls are signed and need no such protection.
async fn guard(State(listening): State<IpAddr>, request: Request, next: Next) -> Result<Response, Refusal> {
    let headers = request.headers();
    if (listening.is_loopback() && !names_this_machine(headers)) || is_foreign(headers) {
        return Err(Refusal::NoSuchPlace);
    }
    Ok(next.run(request).await)
}

/// Browsers send the origin of the page that makes the request, except for reads from its own origin. Programs send
/// none.
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
