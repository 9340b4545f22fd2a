//! What fuzzing starts from, through the component: natively `usize` has 64 bits, in a host 32.
//!
//! Each request has an instance of its own, with a limit of instructions and one of memory, so that whatever hangs or
//! grows is found by the request that does it, on every machine alike. `POSTERN_CORPUS=fuzz/corpus` sends what fuzzing
//! found interesting, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use postern_emulator::{Config, DEVELOPMENT_KEY, Emulator, Store};
use postern_runtime::{Event, Guest, Host, Limits, Origin};
use postern_seeds::input::Input;
use postern_seeds::upload::Upload;
use postern_seeds::{MARKUP_START, hostile, policy, signed};

use crate::flavour::Flavour;
use crate::stand::{cache, seal_into};

/// The instructions that a request may take: some times those of the dearest one that is handled as it should be.
const MAX_INSTRUCTIONS: u64 = 400_000_000;

/// The memory that an instance may have.
const MEMORY_BYTES: usize = 40_000_000;

/// The component with the policy of all inputs, once for both tests.
static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| seal_into(Flavour::Wasi, &policy::FILES).unwrap());

/// A component in its host, and ACS.
struct Gate {
    host: Host,
    store: Store,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    async fn start() -> Self {
        let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), Config::default()).await.unwrap();
        let (store, endpoint) = (emulator.store(), emulator.endpoint());
        tokio::spawn(emulator.serve(std::future::pending()));
        let component = tokio::task::spawn_blocking(|| &*SEALED).await.unwrap();
        let mut settings = policy::settings();
        settings.insert("acs_endpoint".to_owned(), endpoint.clone());
        settings.insert("acs_access_key".to_owned(), DEVELOPMENT_KEY.to_owned());
        settings.insert("public_url".to_owned(), "https://mail.contoso.example".to_owned());
        let guest = Guest {
            component: component.as_slice().into(),
            settings,
            allowed_outbound: vec![endpoint.parse::<Origin>().unwrap()],
            ..Guest::default()
        };
        let limits = Limits {
            instructions_per_instance: Some(MAX_INSTRUCTIONS),
            memory_bytes: MEMORY_BYTES,
            requests_per_instance: 1,
            ..Limits::default()
        };
        let failures = Arc::new(Mutex::new(Vec::new()));
        let log = {
            let failures = Arc::clone(&failures);
            Arc::new(move |event: Event<'_>| {
                if let Event::Failed(sentence) | Event::Stderr(sentence) = event {
                    failures.lock().unwrap().push(sentence.to_owned());
                }
            })
        };
        let host = Host::new(limits, Some(cache()), log).unwrap();
        host.load(guest).await.unwrap();
        Self { host, store, failures }
    }

    /// Sends a request, and checks what holds for every one.
    async fn send(&self, name: &str, mut request: Request<Bytes>) -> u16 {
        let length = HeaderValue::from(request.body().len());
        request.headers_mut().insert("content-length", length);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        *request.uri_mut() = format!("http://gate.test{path}").parse().unwrap();
        let response = self.host.handle(request.map(Full::new)).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        // What the host says in the component's place has no such header.
        if !head.headers.contains_key("x-content-type-options") {
            panic!("{name}: {} {body:?}: {}", head.status, self.failure().await);
        }
        head.status.as_u16()
    }

    /// How an instance failed, which is known once it has ended, a moment after its answer.
    async fn failure(&self) -> String {
        let failed = async {
            loop {
                if let Some(failure) = self.failures.lock().unwrap().first() {
                    return failure.clone();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), failed).await.unwrap()
    }
}

/// A request as its sender would send it now, where its input says that it is signed.
fn ready(input: Input) -> Request<Bytes> {
    let path = input.request.uri().path();
    // The target `decode` does without a proof, so its inputs have none.
    let decoded = path.starts_with("/decode/").then_some(0);
    let key = input.number("sign").or(decoded).and_then(|number| policy::key(path, number));
    let route = policy::POLICY.route(path);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let made = route.zip(key).and_then(|(route, key)| signed(route, &key, input.request.clone(), now));
    made.map_or(input.request, |(request, _)| request)
}

/// The request of a target's input; `None` where a host would not hand it on.
fn read(target: &str, data: &[u8]) -> Option<Request<Bytes>> {
    match target {
        "upload" => Some(Upload::read(data)?.request()),
        _ => Some(ready(Input::read(data)?)),
    }
}

/// The inputs that fuzzing found, by target, where a folder is named.
fn found() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = std::env::var_os("POSTERN_CORPUS") else { return Vec::new() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let targets = entries(&root).into_iter().flat_map(|target| {
        let files = entries(&target);
        files.into_iter().map(move |file| (name(&target), fs::read(file).unwrap()))
    });
    targets.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_input_stops_the_component() {
    let gate = Gate::start().await;
    let mut statuses = BTreeMap::<(String, u16), usize>::new();
    let seeds = postern_seeds::all().into_iter();
    let seeds = seeds.flat_map(|(target, inputs)| inputs.into_iter().map(move |input| (target.to_owned(), input)));
    for (number, (target, data)) in seeds.chain(found()).enumerate() {
        let Some(request) = read(&target, &data) else { continue };
        let status = gate.send(&format!("{target} {number}"), request).await;
        *statuses.entry((target, status)).or_default() += 1;
    }
    println!("{statuses:?}");
    assert_eq!(*gate.failures.lock().unwrap(), [""; 0]);
    let messages = gate.store.messages();
    let pages: Vec<_> = messages.iter().filter_map(|message| message.email.content.html.as_deref()).collect();
    assert!(pages.iter().all(|page| !page.contains(MARKUP_START)), "a payload's markup is not escaped");
    assert!(pages.iter().any(|page| page.contains("&lt;zq")), "none shows that markup is escaped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_large_body_takes_more_than_its_share() {
    let gate = Gate::start().await;
    for (number, request) in hostile::requests().into_iter().enumerate() {
        let path = request.uri().path().to_owned();
        let input = Input::read(&postern_seeds::input::text(&request, &[("sign", "0")])).unwrap();
        let status = gate.send(&format!("{path} {number}"), ready(input)).await;
        println!("{number} {path} {status}");
    }
    assert_eq!(*gate.failures.lock().unwrap(), [""; 0]);
}
