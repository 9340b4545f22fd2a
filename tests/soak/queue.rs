//! An Azure Storage queue in this process, as far as gate and replay need it, with its own random faults.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use fastrand::Rng;
use http::Method;
use postern::overflow::Letter;
use tokio::net::TcpListener;

/// A queue and its address.
pub struct Queue {
    pub address: String,
    state: Arc<Mutex<Messages>>,
}

struct Messages {
    kept: Vec<Message>,
    /// All operations that were ever in it.
    operations: BTreeSet<String>,
    next: u64,
    /// None once it works.
    dice: Option<Rng>,
}

struct Message {
    id: u64,
    text: String,
    dequeue_count: u32,
    hidden_until: Instant,
}

impl Queue {
    pub async fn listen(seed: u64) -> Self {
        let dice = Some(Rng::with_seed(seed));
        let messages = Messages { kept: Vec::new(), operations: BTreeSet::new(), next: 0, dice };
        let state = Arc::new(Mutex::new(messages));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/soak/mail", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    /// Ends the faults.
    pub fn get_well(&self) {
        self.state.lock().unwrap().dice = None;
    }

    /// The operations of all letters that were ever in it.
    pub fn operations(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().operations.clone()
    }
}

async fn answer(State(state): State<Arc<Mutex<Messages>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().into()).unwrap();
    let query = parts.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    let hidden = Duration::from_secs(parameter("visibilitytimeout").map_or(0, |text| text.parse().unwrap()));
    let id = || parts.uri.path().rsplit('/').next().unwrap().parse::<u64>().unwrap();
    let mut state = state.lock().unwrap();
    // Of a hundred writes, some are not carried out, and some are carried out and not confirmed.
    let thrown = state.dice.as_mut().map_or(99, |dice| dice.u8(..100));
    match (parts.method, parts.uri.path().ends_with("/messages")) {
        (Method::POST, _) if thrown < 10 => empty(503),
        (Method::POST, _) => {
            state.put(body);
            empty(if thrown < 20 { 500 } else { 201 })
        }
        (Method::GET, true) => state.lease(hidden),
        (Method::GET, false) => {
            let count = state.kept.len().to_string();
            Response::builder().header("x-ms-approximate-messages-count", count).body(Body::empty()).unwrap()
        }
        (Method::PUT, _) => {
            let wanted = id();
            let message = state.kept.iter_mut().find(|message| message.id == wanted).unwrap();
            message.hidden_until = Instant::now() + hidden;
            Response::builder().status(204).header("x-ms-popreceipt", "receipt").body(Body::empty()).unwrap()
        }
        _ => {
            let wanted = id();
            state.kept.retain(|message| message.id != wanted);
            empty(204)
        }
    }
}

impl Messages {
    fn put(&mut self, xml: String) {
        let text = xml.split("<MessageText>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        self.operations.insert(Letter::decode(&text).unwrap().head.operation.to_string());
        self.kept.push(Message { id: self.next, text, dequeue_count: 0, hidden_until: Instant::now() });
        self.next += 1;
    }

    fn lease(&mut self, hidden: Duration) -> Response {
        let now = Instant::now();
        let visible = self.kept.iter_mut().find(|message| message.hidden_until <= now);
        let message = visible.map(|message| {
            message.hidden_until = now + hidden;
            message.dequeue_count += 1;
            format!(
                "<QueueMessage><MessageId>{}</MessageId><PopReceipt>receipt</PopReceipt><DequeueCount>{}</DequeueCount>\
                 <MessageText>{}</MessageText></QueueMessage>",
                message.id, message.dequeue_count, message.text
            )
        });
        let list = format!("<QueueMessagesList>{}</QueueMessagesList>", message.unwrap_or_default());
        Response::new(Body::from(list))
    }
}

fn empty(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}
