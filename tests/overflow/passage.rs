//! A proxy between the programs under test and the services: it counts their calls, and can end a program at any call.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use postern_emulator::InProcess;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use ureq::Agent;

/// At which call a program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The call, counted from 0.
    pub call: usize,
    /// Whether the call reaches the service first; its answer is lost either way.
    pub carried_out: bool,
}

/// The calls of a program, and its end.
#[derive(Debug, Default)]
struct Watch {
    calls: usize,
    victim: Option<(u32, Step)>,
    /// What a call must have, and what replaces it.
    token: Option<(String, String)>,
}

/// Proxies for the three services, with a common count.
pub struct Passage {
    pub acs: String,
    pub queues: String,
    pub blobs: String,
    watch: Arc<Mutex<Watch>>,
}

#[derive(Clone)]
enum Service {
    Acs(InProcess),
    Storage(String, Agent),
}

impl Passage {
    pub fn open(runtime: &Handle, acs: InProcess, queues: &str, blobs: &str) -> Self {
        let watch = Arc::<Mutex<Watch>>::default();
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let door = |service| runtime.block_on(listen(service, Arc::clone(&watch)));
        Self {
            acs: door(Service::Acs(acs)),
            queues: door(Service::Storage(queues.to_owned(), agent.clone())),
            blobs: door(Service::Storage(blobs.to_owned(), agent)),
            watch,
        }
    }

    /// Forgets all calls, and kills this process at this step from now on.
    pub fn watch(&self, victim: Option<(u32, Step)>) {
        let mut watch = self.watch.lock().unwrap();
        watch.calls = 0;
        watch.victim = victim;
    }

    /// From now on, storage calls must have this token, and get this signature instead, which Azurite knows.
    pub fn demand(&self, token: Option<(&str, &str)>) {
        let owned = token.map(|(token, signature)| (token.to_owned(), signature.to_owned()));
        self.watch.lock().unwrap().token = owned;
    }
}

async fn listen(service: Service, watch: Arc<Mutex<Watch>>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(pass).with_state((service, watch));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn pass(State((service, watch)): State<(Service, Arc<Mutex<Watch>>)>, request: Request) -> Response {
    let victim = {
        let mut watch = watch.lock().unwrap();
        let call = watch.calls;
        watch.calls += 1;
        watch.victim.filter(|(_, step)| step.call == call)
    };
    if let Some((process, Step { carried_out: false, .. })) = victim {
        kill(process);
        return std::future::pending().await;
    }
    let token = watch.lock().unwrap().token.clone();
    let answer = service.answer(request, token).await;
    if let Some((process, _)) = victim {
        kill(process);
        return std::future::pending().await;
    }
    answer
}

fn kill(process: u32) {
    // The process may already have ended, which is fine.
    let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
}

impl Service {
    async fn answer(self, request: Request, token: Option<(String, String)>) -> Response {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        match self {
            Self::Acs(door) => match door.answer(http::Request::from_parts(parts, body)).await {
                Ok(answer) => answer.map(Body::from),
                Err(_) => std::future::pending().await,
            },
            Self::Storage(upstream, agent) => {
                let mut target = format!("{upstream}{}", parts.uri.path_and_query().unwrap());
                if let Some((token, signature)) = token {
                    let given = parts.headers.remove("authorization");
                    if given.is_none_or(|given| given != format!("Bearer {token}")) {
                        return Response::builder().status(StatusCode::FORBIDDEN).body(Body::empty()).unwrap();
                    }
                    target = format!("{target}{}{signature}", if target.contains('?') { '&' } else { '?' });
                }
                parts.uri = target.parse().unwrap();
                for name in ["host", "connection", "content-length", "transfer-encoding"] {
                    parts.headers.remove(name);
                }
                tokio::task::spawn_blocking(move || forward(&agent, parts, &body)).await.unwrap()
            }
        }
    }
}

fn forward(agent: &Agent, parts: http::request::Parts, body: &Bytes) -> Response {
    let plain = body.is_empty() && !matches!(parts.method.as_str(), "PUT" | "POST");
    let answer = match plain {
        true => agent.run(http::Request::from_parts(parts, ())),
        false => agent.run(http::Request::from_parts(parts, body.to_vec())),
    };
    let (mut parts, mut body) = answer.unwrap().into_parts();
    let bytes = body.with_config().limit(64 << 20).read_to_vec().unwrap();
    for name in ["connection", "content-length", "transfer-encoding", "keep-alive"] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::from(bytes))
}
