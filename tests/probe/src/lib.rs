//! A component that misbehaves on request, for the tests of the embedded host: each path tries one thing.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "misbehaving is its purpose")]

use spin_sdk::http::{FullBody, Request, Response, body::IncomingBodyExt};
use spin_sdk::wasip3::clocks::monotonic_clock::{now, wait_for};
use spin_sdk::wasip3::random::random::get_random_bytes;
use spin_sdk::{http_service, variables};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

type Answer = Response<FullBody<bytes::Bytes>>;

#[http_service]
async fn probe(request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let authority = request.uri().authority().map(ToString::to_string);
    let text = match path.as_str() {
        "/echo" => return echo(request).await,
        "/authority" => authority.unwrap_or_default(),
        "/environment" => environment(),
        "/variable" => format!("{:?}", variables::get(&query).await),
        "/read" => format!("{:?}", std::fs::read_to_string(&query).map_err(|e| e.kind())),
        "/write" => format!("{:?}", std::fs::write(&query, "x").is_ok()),
        "/connect" => format!("{:?}", std::net::TcpStream::connect(&query).map_err(|e| e.kind())),
        "/count" => count().to_string(),
        "/print" => print(&query),
        "/trap" => panic!("asked to"),
        "/spin" => spin(),
        "/sleep" => sleep().await,
        "/relay" => return relay(request, &query).await,
        "/grow" => grow(query.parse().unwrap()).to_string(),
        "/post" => post(&query).await,
        _ => "unknown".to_owned(),
    };
    Response::new(FullBody::new(text.into()))
}

/// The function for the sealer, as in the gate: the first file's name says what to try, and its text with what.
mod sealable {
    #![allow(missing_docs, unsafe_code, reason = "the interface is generated")]

    wit_bindgen::generate!({
        inline: "
            package postern:probe;

            world sealable {
                export seal: func(files: list<tuple<string, string>>) -> result<_, string>;
            }
        ",
    });

    struct Component;
    export!(Component);

    impl Guest for Component {
        fn seal(files: Vec<(String, String)>) -> Result<(), String> {
            files.first().map_or(Ok(()), |(name, text)| super::seal(name, text))
        }
    }
}

fn seal(name: &str, text: &str) -> Result<(), String> {
    match name {
        "refuse" => return Err(text.to_owned()),
        "trap" => panic!("asked to"),
        "spin" => drop(spin()),
        "grow" => drop(grow(text.parse().unwrap())),
        "read" => drop(std::fs::read_to_string(text)),
        "environment" => drop(environment()),
        "clock" => drop(now()),
        "print" => drop(print(text)),
        "random" => drop(get_random_bytes(text.parse().unwrap())),
        "map" => drop(std::collections::HashMap::from([(text, 1)])),
        _ => return Err(format!("unknown: {name}")),
    }
    Ok(())
}

async fn echo(request: Request) -> Answer {
    let body = request.into_body().bytes().await.unwrap();
    Response::new(FullBody::new(body))
}

fn environment() -> String {
    let mut lines: Vec<String> = std::env::vars().map(|(k, v)| format!("{k}={v}")).collect();
    lines.sort();
    lines.join("\n")
}

/// How many requests this instance has seen.
fn count() -> u32 {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    REQUESTS.fetch_add(1, Ordering::Relaxed) + 1
}

fn print(query: &str) -> String {
    println!("first {query}");
    print!("sec");
    println!("ond {query}");
    eprintln!("aside {query}");
    String::new()
}

fn spin() -> String {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

async fn sleep() -> String {
    wait_for(3_600_000_000_000).await;
    String::new()
}

/// Reads the body, asks another server, and answers with the body.
async fn relay(request: Request, url: &str) -> Answer {
    let answer = echo(request).await;
    post(url).await;
    answer
}

fn grow(megabytes: usize) -> usize {
    std::hint::black_box(vec![1_u8; megabytes << 20]).len()
}

async fn post(url: &str) -> String {
    let request = Request::post(url)
        .header("content-length", "5")
        .body(Halting { pieces: vec![b"lo", b"hel"], pause: Box::pin(async {}) })
        .unwrap();
    match spin_sdk::http::send(request).await {
        Ok(response) => format!("{}", response.status().as_u16()),
        Err(error) => format!("{error:?}"),
    }
}

/// A body that arrives in pieces, the last of the list first, with a pause after each.
struct Halting {
    pieces: Vec<&'static [u8]>,
    pause: Pin<Box<dyn Future<Output = ()>>>,
}

impl http_body::Body for Halting {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        ready!(self.pause.as_mut().poll(context));
        self.pause = Box::pin(wait_for(20_000_000));
        let piece = self.pieces.pop().map(bytes::Bytes::from_static);
        Poll::Ready(piece.map(|piece| Ok(http_body::Frame::data(piece))))
    }
}
