//! The embedded host, through its public interface, with its own component (`tests/probe`) that misbehaves on request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use postern_engine::{Build, add_target};
use postern_runtime::{
    BindError, Cache, Event, Guest, Host, Limits, LoadError, Log, Origin, SealError, Server, seal_within,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

fn probe() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let probe = Build::package("postern-probe");
        add_target(root).expect("the wasm target");
        let output = probe.command(root).output().expect("cargo starts");
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{messages}");
        std::fs::read(probe.component(root)).expect("the probe was built")
    })
}

/// The host's events, in order: `out`, `err`, `failed` or `outbound`, and the text.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Told {
    fn log(&self) -> Log {
        let told = self.0.clone();
        Arc::new(move |event| {
            told.lock().unwrap().push(match event {
                Event::Stdout(text) => ("out", text.to_owned()),
                Event::Stderr(text) => ("err", text.to_owned()),
                Event::Failed(text) => ("failed", text.to_owned()),
                Event::Outbound(text) => ("outbound", text.to_owned()),
            });
        })
    }

    fn of(&self, kind: &str) -> Vec<String> {
        let told = self.0.lock().unwrap();
        let matching = told.iter().filter(|(name, _)| *name == kind);
        matching.map(|(_, text)| text.clone()).collect()
    }

    /// Waits for an event that comes after the answer; the test runner has the only time limit.
    async fn first(&self, kind: &str) -> String {
        loop {
            if let Some(text) = self.of(kind).into_iter().next() {
                return text;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn cache() -> Cache {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Cache::open(directory).expect("a private directory")
}

struct Running {
    host: Host,
    told: Told,
}

impl Running {
    async fn new(limits: Limits, guest: Guest) -> Self {
        let told = Told::default();
        let host = Host::new(limits, Some(cache()), told.log()).expect("an engine");
        host.load(guest).await.expect("the probe loads");
        Self { host, told }
    }

    async fn plain() -> Self {
        Self::new(Limits::default(), guest()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Full::<Bytes>::default()).unwrap();
        read(self.host.handle(request).await).await
    }

    async fn text(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text
    }
}

async fn read(response: http::Response<postern_runtime::ResponseBody>) -> (StatusCode, String) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.into()).unwrap())
}

fn guest() -> Guest {
    Guest { component: probe().into(), ..Guest::default() }
}

fn with_settings() -> Guest {
    let settings = [("acs_endpoint", "https://acs.test"), ("acs_key", "k3y")];
    Guest { settings: settings.map(|(name, value)| (name.into(), value.into())).into(), ..guest() }
}

/// Tests that wait for a time limit use the shortest one that works.
fn impatient() -> Limits {
    Limits { request_time: Duration::from_millis(300), ..Limits::default() }
}

const TOO_SLOW: &str = "The component did not answer in time.\n";
const FAILED: &str = "The component failed while it handled this request.\n";

#[tokio::test]
async fn request_bodies_and_hosts_reach_the_guest() {
    let running = Running::plain().await;
    let body = Full::new(Bytes::from(vec![b'x'; 300_000]));
    let request = Request::post("/echo").body(body).unwrap();
    let (status, text) = read(running.host.handle(request).await).await;
    assert_eq!((status, text.len()), (StatusCode::OK, 300_000));

    let request = Request::get("/authority").header("host", "gate.test:3000");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let answer = read(running.host.handle(request).await).await;
    assert_eq!(answer, (StatusCode::OK, "gate.test:3000".to_owned()));
}

#[tokio::test]
async fn the_environment_is_the_settings_and_nothing_else() {
    let running = Running::new(Limits::default(), with_settings()).await;
    let environment = running.text("/environment").await;
    assert_eq!(environment, "ACS_ENDPOINT=https://acs.test\nACS_KEY=k3y");
    assert_eq!(Running::plain().await.text("/environment").await, "");
}

#[tokio::test]
async fn spin_variables_are_the_settings() {
    let running = Running::new(Limits::default(), with_settings()).await;
    assert_eq!(running.text("/variable?acs_key").await, "Ok(\"k3y\")");
    let undefined = running.text("/variable?other").await;
    assert_eq!(undefined, "Err(Error::Undefined(\"other\"))");
    let invalid = running.text("/variable?ACS_KEY").await;
    assert_eq!(invalid, "Err(Error::InvalidName(\"ACS_KEY\"))");
}

#[tokio::test]
async fn the_policy_directory_can_be_read_and_nothing_else() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("policy");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("postern.toml"), "text").unwrap();
    let _ = std::fs::remove_file(directory.join("new"));
    let guest = Guest { policy_dir: Some(directory.clone()), ..guest() };
    let running = Running::new(Limits::default(), guest).await;
    assert_eq!(running.text("/read?/policy/postern.toml").await, "Ok(\"text\")");
    assert_eq!(running.text("/write?/policy/postern.toml").await, "false");
    assert_eq!(running.text("/write?/policy/new").await, "false");
    assert!(!directory.join("new").exists());
    for outside in ["/policy/../runtime.txt", "/etc/passwd", "postern.toml"] {
        let read = running.text(&format!("/read?{outside}")).await;
        assert!(read.starts_with("Err("), "{outside}: {read}");
    }
}

#[tokio::test]
async fn without_a_policy_directory_there_is_none() {
    let running = Running::plain().await;
    assert_eq!(running.text("/read?/policy/postern.toml").await, "Err(NotFound)");
    let guest = Guest { policy_dir: Some("no/such/directory".into()), ..guest() };
    let refused = running.host.load(guest).await.unwrap_err();
    assert_eq!(refused.to_string(), "The policy directory no/such/directory does not exist or is not a directory.");
}

#[tokio::test]
async fn sockets_are_closed_to_the_guest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let running = Running::plain().await;
    let answer = running.text(&format!("/connect?{address}")).await;
    assert_eq!(answer, "Err(PermissionDenied)");
}

#[tokio::test]
async fn lines_arrive_whole_and_in_order() {
    let running = Running::plain().await;
    running.text("/print?a").await;
    assert_eq!(running.told.of("out"), ["first a", "second a"]);
    assert_eq!(running.told.of("err"), ["aside a"]);
}

#[tokio::test]
async fn a_trap_is_answered_and_told() {
    let running = Running::plain().await;
    let answer = running.get("/trap").await;
    assert_eq!(answer, (StatusCode::INTERNAL_SERVER_ERROR, FAILED.to_owned()));
    let told = running.told.first("failed").await;
    assert!(told.contains("unreachable"), "{told}");
    assert!(running.told.of("err").join("\n").contains("asked to"));
    assert_eq!(running.text("/count").await, "1");
}

/// Holds the first request that it gets, and answers the others; says when it has one.
async fn holding() -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (arrived, arrivals) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            while stream.read(&mut vec![0; 65536]).await.unwrap() > 0 {
                arrived.send(()).unwrap();
                if held.is_empty() {
                    break;
                }
                stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
            held.push(stream);
        }
    });
    (address, arrivals)
}

#[tokio::test]
async fn a_trap_takes_no_other_request_with_it() {
    for (bytes, status) in
        [(0, StatusCode::OK), (256 << 10, StatusCode::OK), ((256 << 10) + 1, StatusCode::INTERNAL_SERVER_ERROR)]
    {
        let (address, mut arrivals) = holding().await;
        let running = Running::new(Limits::default(), allowed(&[format!("http://{address}")])).await;
        let body = "x".repeat(bytes);
        let request = Request::post(format!("/relay?http://{address}/")).body(Full::new(Bytes::from(body.clone())));
        let host = running.host.clone();
        let answer = tokio::spawn(async move { read(host.handle(request.unwrap()).await).await });
        arrivals.recv().await.unwrap();
        assert_eq!(running.get("/trap").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        let text = if status.is_success() { body } else { FAILED.to_owned() };
        assert!(answer.await.unwrap() == (status, text), "{bytes}");
    }
}

#[tokio::test]
async fn an_endless_loop_is_answered_in_time_and_ended() {
    let running = Running::new(impatient(), guest()).await;
    let answer = running.get("/spin").await;
    assert_eq!(answer, (StatusCode::GATEWAY_TIMEOUT, TOO_SLOW.to_owned()));
    assert!(running.told.first("failed").await.contains("timed out"));
}

#[tokio::test]
async fn a_guest_that_waits_too_long_is_answered_in_time() {
    let running = Running::new(impatient(), guest()).await;
    let answer = running.get("/sleep").await;
    assert_eq!(answer, (StatusCode::GATEWAY_TIMEOUT, TOO_SLOW.to_owned()));
}

#[tokio::test]
async fn memory_is_limited() {
    for pooling in [true, false] {
        let limits = Limits { memory_bytes: 16 << 20, pooling, ..Limits::default() };
        let running = Running::new(limits, guest()).await;
        assert_eq!(running.text("/grow?4").await, (4 << 20).to_string());
        let answer = running.get("/grow?32").await;
        assert_eq!(answer, (StatusCode::INTERNAL_SERVER_ERROR, FAILED.to_owned()));
        let told = running.told.first("failed").await;
        assert!(told.contains("memory"), "{told}");
    }
}

#[test]
fn an_instance_that_ends_with_the_program_has_not_failed() {
    let program = tokio::runtime::Runtime::new().unwrap();
    let running = program.block_on(async {
        let running = Running::plain().await;
        assert_eq!(running.text("/count").await, "1");
        running
    });
    drop(program);
    assert_eq!(running.told.of("failed"), Vec::<String>::new());
}

#[test]
fn a_cache_can_be_opened_by_many_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let opened = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..64).map(|_| scope.spawn(|| Cache::open(directory.path().join("new")))).collect();
        openers.into_iter().map(|opener| opener.join().unwrap().map(drop)).collect::<Result<Vec<()>, _>>()
    });
    assert!(opened.is_ok(), "{opened:?}");
}

#[tokio::test]
async fn instances_are_used_again_up_to_their_limit() {
    let limits = Limits { requests_per_instance: 3, ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let mut counts = Vec::new();
    for _ in 0..6 {
        counts.push(running.text("/count").await);
    }
    assert_eq!(counts, ["1", "2", "3", "1", "2", "3"]);
}

#[tokio::test]
async fn instances_can_be_fresh_for_each_request() {
    let limits = Limits { requests_per_instance: 1, pooling: false, ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    assert_eq!(running.text("/count").await, "1");
    assert_eq!(running.text("/count").await, "1");
}

#[tokio::test]
async fn a_host_at_its_limit_says_so() {
    let limits = Limits { max_requests: 0, ..impatient() };
    let running = Running::new(limits, guest()).await;
    let busy = "Too many requests are in progress; try again shortly.\n";
    let answer = running.get("/count").await;
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, busy.to_owned()));
}

#[tokio::test]
async fn before_loading_there_is_a_plain_answer() {
    let host = Host::new(Limits::default(), None, Told::default().log()).unwrap();
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let response = host.handle(request).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let text = "No component is loaded yet; try again shortly.\n".to_owned();
    assert_eq!(read(response).await, (StatusCode::SERVICE_UNAVAILABLE, text));
}

#[tokio::test]
async fn what_cannot_be_loaded_leaves_the_old_guest_in_place() {
    let running = Running::new(Limits::default(), with_settings()).await;
    let broken = Guest { component: b"\0asm no".as_slice().into(), ..Guest::default() };
    let refused = running.host.load(broken).await.unwrap_err();
    assert!(matches!(refused, LoadError::Compile(_)), "{refused}");
    let empty = Guest { component: b"\0asm\x0d\0\x01\0".as_slice().into(), ..Guest::default() };
    let refused = running.host.load(empty).await.unwrap_err();
    assert!(matches!(refused, LoadError::NoHandler), "{refused}");
    assert!(running.text("/environment").await.contains("ACS_KEY=k3y"));
    running.host.load(guest()).await.unwrap();
    assert_eq!(running.text("/environment").await, "");
}

/// Accepts connections, answers each request, and returns what each read brought.
async fn sink() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reads = Arc::new(Mutex::new(Vec::new()));
    let seen = reads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 65536];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    seen.lock().unwrap().push(text);
                    let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, reads)
}

fn allowed(origins: &[String]) -> Guest {
    Guest { allowed_outbound: origins.iter().map(|origin| origin.parse().unwrap()).collect(), ..guest() }
}

#[tokio::test]
async fn outbound_requests_leave_in_one_piece() {
    let (address, reads) = sink().await;
    let guest = allowed(&[format!("http://{address}/")]);
    let running = Running::new(Limits::default(), guest).await;
    for _ in 0..2 {
        let status = running.text(&format!("/post?http://{address}/emails:send?a=b")).await;
        assert_eq!(status, "202");
    }
    let request = format!("POST /emails:send?a=b HTTP/1.1\r\ncontent-length: 5\r\nhost: {address}\r\n\r\nhello");
    assert_eq!(*reads.lock().unwrap(), [request.clone(), request]);
}

#[tokio::test]
async fn outbound_requests_elsewhere_are_denied() {
    let (address, reads) = sink().await;
    let other = format!("http://localhost:{}", address.port());
    let tls = format!("https://{address}");
    let running = Running::new(Limits::default(), allowed(&[other, tls])).await;
    let answer = running.text(&format!("/post?http://{address}/")).await;
    assert_eq!(answer, "ErrorCode::HttpRequestDenied");
    assert!(reads.lock().unwrap().is_empty());
    let sentence = format!("A request to http://{address} was denied: it is not an allowed outbound origin.");
    assert_eq!(running.told.of("outbound"), [sentence]);
}

#[tokio::test]
async fn a_closed_port_is_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let origin = format!("http://{address}");
    let running = Running::new(Limits::default(), allowed(std::slice::from_ref(&origin))).await;
    let answer = running.text(&format!("/post?{origin}/")).await;
    assert_eq!(answer, "ErrorCode::ConnectionRefused");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let limits = Limits {
        first_byte_time: Duration::from_millis(100),
        request_time: Duration::from_secs(5),
        ..Limits::default()
    };
    let running = Running::new(limits, allowed(std::slice::from_ref(&origin))).await;
    let answer = running.text(&format!("/post?{origin}/")).await;
    assert_eq!(answer, "ErrorCode::ConnectionReadTimeout");
}

#[test]
fn origins_are_exact() {
    let read = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
    for (text, origin) in [
        ("https://a.example", "https://a.example"),
        ("https://A.example:443/", "https://a.example"),
        ("http://127.0.0.1:3001", "http://127.0.0.1:3001"),
        ("http://[::1]:80", "http://[::1]"),
    ] {
        assert_eq!(read(text).unwrap(), origin);
    }
    for text in [
        "",
        "a.example",
        "ftp://a.example",
        "https://a.example/path",
        "https://a.example?",
        "https://a.example/#x",
        "https://user@a.example",
        "https://user@a.example:443",
        "https://*.example",
        "https://a.example:99999",
        "https://a.example:",
        "https://",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_busy_port_is_one_sentence() {
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let refused = Server::bind(server.local_addr()).await.unwrap_err();
    assert!(matches!(refused, BindError::InUse(_)));
    let port = server.local_addr().port();
    assert_eq!(
        refused.to_string(),
        format!(
            "Port {port} on 127.0.0.1 is in use: stop the program that uses it, or choose another address with `--listen`."
        )
    );
}

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(host: Host) -> Served {
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.serve(host, async {
        let _ = stopped.await;
    }));
    Served { address, stop, task }
}

/// A request whose body the guest is waiting for: the host has sent 100.
async fn begin_echo(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// Keeps a test from hanging if a guard is broken; no result depends on it.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, work).await.expect("an end")
}

#[tokio::test]
async fn stopping_lets_requests_in_progress_end() {
    let running = Running::plain().await;
    let served = serve(running.host.clone()).await;
    let mut stream = begin_echo(served.address).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    let ask = b"GET /count HTTP/1.1\r\nhost: gate.test\r\n\r\n";
    idle.write_all(ask).await.unwrap();
    assert_ne!(idle.read(&mut [0; 1024]).await.unwrap(), 0);

    served.stop.send(()).unwrap();
    soon(idle.read_to_end(&mut Vec::new())).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("hello"), "{answer}");
    soon(served.task).await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn stopping_cuts_off_who_does_not_end() {
    let limits = Limits { shutdown_time: Duration::from_millis(50), ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    let mut stream = begin_echo(served.address).await;
    served.stop.send(()).unwrap();
    soon(served.task).await.unwrap();
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let limits = Limits { header_time: Duration::from_millis(50), ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    for start in ["", "GET / HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    let ask = b"GET /count HTTP/1.1\r\nhost: gate.test\r\n\r\n";
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(ask).await.unwrap();
    assert_ne!(first.read(&mut [0; 1024]).await.unwrap(), 0);
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(ask).await.unwrap();
    let mut buffer = [0; 1024];
    tokio::select! {
        biased;
        _ = second.read(&mut buffer) => panic!("answered beyond the limit"),
        length = async { first.write_all(ask).await.unwrap(); first.read(&mut [0; 1024]).await } => {
            assert_ne!(length.unwrap(), 0);
        }
    }
    drop(first);
    assert_ne!(second.read(&mut buffer).await.unwrap(), 0);
}

/// A client that asks for a large answer and never reads it.
async fn deaf(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let body = vec![b'x'; LARGE];
    let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may close the connection before everything has arrived.
    let _ = stream.write_all(&body).await;
    stream
}

/// More than the system buffers at both ends of a connection.
const LARGE: usize = 16 << 20;

/// The answer to a request without special effects.
async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /count HTTP/1.1\r\nhost: gate.test\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1024];
    let length = soon(stream.read(&mut buffer)).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn who_never_reads_does_not_keep_the_connection() {
    let limits = Limits { max_connections: 1, write_time: Duration::from_millis(50), ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    let mut deaf = deaf(served.address).await;
    // The only place is free again, although the client still exists.
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let mut taken = Vec::new();
    let _ = soon(deaf.read_to_end(&mut taken)).await;
    assert!(taken.len() < LARGE, "{} bytes", taken.len());
}

#[tokio::test]
async fn a_connection_ends_whatever_happens_on_it() {
    let short = Duration::from_millis(100);
    let limits = Limits { max_connections: 1, connection_time: short, ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    // A client that reads a little now and then stays within the time for writing, and one whose body never arrives
    // within that of a request.
    let mut slow = deaf(served.address).await;
    let drips = tokio::spawn(async move {
        let mut taken = 0;
        while let Ok(length @ 1..) = slow.read(&mut [0; 16]).await {
            taken += length;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        taken
    });
    let mut waiting = TcpStream::connect(served.address).await.unwrap();
    let head = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";
    waiting.write_all(head).await.unwrap();
    soon(waiting.read_to_end(&mut Vec::new())).await.unwrap();
    drips.abort();
}

#[tokio::test]
async fn the_last_answer_of_a_connection_says_so() {
    let few = Limits { requests_per_connection: 2, ..Limits::default() };
    // As long as one request may take, and not as long as a further one would.
    let late = Limits { connection_time: Limits::default().header_time, ..Limits::default() };
    for (limits, answers) in [(few, 2), (late, 1)] {
        let running = Running::new(limits, guest()).await;
        let served = serve(running.host.clone()).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        for number in 1..=answers {
            let answer = ask(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert_eq!(answer.contains("connection: close\r\n"), number == answers, "{answer}");
        }
        assert_eq!(soon(stream.read(&mut [0; 16])).await.unwrap(), 0, "and then it is closed");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_peer_leaves_room_for_others() {
    let limits = Limits { max_connections_per_peer: 2, ..Limits::default() };
    let running = Running::new(limits, guest()).await;
    let served = serve(running.host.clone()).await;
    let connect = async || TcpStream::connect(served.address).await.unwrap();
    let (mut first, mut second) = (connect().await, connect().await);
    for stream in [&mut first, &mut second] {
        assert!(ask(stream).await.contains("200 OK"));
    }
    let mut third = connect().await;
    let mut nothing = Vec::new();
    let _ = soon(third.read_to_end(&mut nothing)).await;
    assert_eq!(nothing, b"", "a third is closed unanswered");

    // Another address of this machine.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(served.address).await.unwrap();
    assert!(ask(&mut other).await.contains("200 OK"));

    // Once one of the two has ended, there is room for another.
    first.shutdown().await.unwrap();
    assert_eq!(soon(first.read(&mut [0; 16])).await.unwrap(), 0);
    let admitted = async {
        loop {
            let mut stream = connect().await;
            let _ = stream.write_all(b"GET /count HTTP/1.1\r\nhost: gate.test\r\n\r\n").await;
            if let Ok(1..) = stream.read(&mut [0; 16]).await {
                break;
            }
        }
    };
    soon(admitted).await;
}

#[test]
fn names_are_read_without_compiling() {
    let exports = postern_runtime::exports(probe()).unwrap();
    assert_eq!(exports, ["seal", "wasi:http/handler@0.3.0"]);
    let imports = postern_runtime::imports(probe()).unwrap();
    assert!(imports.is_sorted());
    assert!(imports.contains(&"spin:variables/variables@3.0.0".to_owned()));
    assert!(postern_runtime::imports(b"no component").is_err());
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shared");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o770)).unwrap();
    let refused = Cache::open(&directory).unwrap_err();
    let sentence = format!(
        "Only you may have access to the cache directory {}: remove it, and it will be created again.",
        directory.display()
    );
    assert_eq!(refused.to_string(), sentence);
}

#[tokio::test]
async fn a_damaged_cache_is_replaced() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("damaged");
    let _ = std::fs::remove_dir_all(&directory);
    let load = async || {
        let cache = Cache::open(&directory).unwrap();
        let host = Host::new(Limits::default(), Some(cache), Told::default().log()).unwrap();
        host.load(guest()).await.unwrap();
    };
    let compiled = || {
        let mut files = std::fs::read_dir(&directory).unwrap();
        let path = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        path
    };
    load().await;
    let whole = std::fs::read(compiled()).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(compiled(), &damaged).unwrap();
    load().await;
    let again = std::fs::read(compiled()).unwrap();
    assert!(again != damaged && again.len() == whole.len());
}

/// More than the probe needs for anything that ends.
const INSTRUCTIONS: u64 = 50_000_000;

/// Seals the probe, which meanwhile tries one thing.
fn sealing(what: &str, with: &str) -> Result<Vec<u8>, SealError> {
    let files = [(what.to_owned(), with.to_owned())];
    seal_within(INSTRUCTIONS, probe(), &files, Some(&cache())).map(|sealed| sealed.component)
}

#[test]
fn sealing_ends_what_runs_in_a_circle() {
    let error = sealing("spin", "").unwrap_err();
    assert!(matches!(error, SealError::TooMuchWork(INSTRUCTIONS)), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("Sealing exceeded its limit of 50000000 instructions. "), "{text}");
}

#[test]
fn sealing_ends_what_takes_too_much_memory() {
    assert!(sealing("grow", "10").is_ok());
    let Err(SealError::Failed(reason)) = sealing("grow", "256") else { panic!("256 MB are too many") };
    assert!(reason.contains("memory"), "{reason}");
}

/// Whatever a component learned from its host would be in the snapshot, and different each time.
#[test]
fn what_asks_its_host_for_anything_cannot_be_sealed() {
    for (what, with, import) in [
        ("clock", "", "wasi:clocks/monotonic-clock@0.3"),
        ("environment", "", "wasi:cli/environment@0.2"),
        ("print", "x", "wasi:cli/stdout@0.2"),
        ("random", "8", "wasi:random/random@0.3"),
        ("read", "/etc/hostname", "wasi:filesystem/preopens@0.2"),
    ] {
        let Err(SealError::Failed(reason)) = sealing(what, with) else { panic!("{what} is not there") };
        assert!(reason.contains(import), "{what}: {reason}");
    }
}

#[test]
fn hash_maps_get_seeds_while_sealing_and_always_the_same() {
    let once = sealing("map", "a key").unwrap();
    assert!(once == sealing("map", "a key").unwrap());
}

#[test]
fn a_component_says_itself_why_it_cannot_be_sealed() {
    let Err(SealError::Refused(reason)) = sealing("refuse", "Not today.") else { panic!("refused") };
    assert_eq!(reason, "Not today.");
    let Err(SealError::Failed(_)) = sealing("trap", "") else { panic!("failed") };
}
