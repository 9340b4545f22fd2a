//! Every limit of the host, with its default, in one place.

use std::time::Duration;

/// What a component and its callers may use; each field is a hard upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes; growing beyond it ends the instance.
    pub memory_bytes: usize,
    /// Time from the request's head to the response's head; then the caller gets 504.
    pub request_time: Duration,
    /// Requests in progress, over all instances. Further ones wait, and get 503 if none ends in time.
    pub max_requests: usize,
    /// How many requests one WASI 0.3 instance answers before it is replaced; 1 means a fresh instance for each
    /// request. A WASI 0.2 instance always answers one request.
    pub requests_per_instance: usize,
    /// How many requests one WASI 0.3 instance works on at the same time.
    pub concurrent_per_instance: usize,
    /// From this many bytes of bodies in progress on, an instance accepts no further request: a large upload takes
    /// several times its size of the instance's memory. A body without `Content-Length` counts as this many bytes.
    pub body_bytes_per_instance: usize,
    /// How long to keep an idle instance.
    pub idle_time: Duration,
    /// Whether instances come from a pool that is reserved at start, which is faster but needs address space.
    pub pooling: bool,
    /// WebAssembly instructions of one instance, as wasmtime's fuel counts them, from its start to its end; running more
    /// ends the instance. With a limit they are counted, for [`Host::instructions`](crate::Host::instructions): the count
    /// is the same on every machine, and slows the guest down by some tenths. `None` counts nothing.
    pub instructions_per_instance: Option<u64>,
    /// Whether the compiler optimises. If not, a new component is ready sooner but runs slower.
    pub optimise: bool,
    /// Open connections. Further ones wait to be accepted.
    pub max_connections: usize,
    /// Open connections of one IPv4 address, or of one IPv6 network of 64 bits. Further ones are closed at once. A
    /// proxy in front of the host is one address.
    pub max_connections_per_peer: usize,
    /// Requests on one connection; the answer to the last says `connection: close`.
    pub requests_per_connection: usize,
    /// The life of a connection, whatever happens on it; after that, the host closes it. An answer says `connection:
    /// close` if too little time is left for another request, so this never interrupts a client that respects the other
    /// limits.
    pub connection_time: Duration,
    /// How long a client may take to send the head of its request, and stay silent before one.
    pub header_time: Duration,
    /// How long a client may take nothing of an answer that is ready for it.
    pub write_time: Duration,
    /// How long requests in progress may take after the server was asked to stop.
    pub shutdown_time: Duration,
    /// The most that a guest's time limit for opening a connection can be.
    pub connect_time: Duration,
    /// The most that a guest's time limit for the head of an answer can be.
    pub first_byte_time: Duration,
    /// The most that a guest's time limit for each further piece of an answer's body can be.
    pub between_bytes_time: Duration,
}

impl Default for Limits {
    /// Instance reuse and connections are those of `wasmtime serve` 48. The bytes of bodies are those of as many bodies
    /// of a route's default limit as an instance works on at the same time.
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            request_time: Duration::from_secs(30),
            max_requests: 256,
            requests_per_instance: 128,
            concurrent_per_instance: 16,
            body_bytes_per_instance: 4 << 20,
            idle_time: Duration::from_secs(1),
            pooling: true,
            instructions_per_instance: None,
            optimise: true,
            max_connections: 1000,
            max_connections_per_peer: 250,
            requests_per_connection: 1000,
            connection_time: Duration::from_mins(5),
            header_time: Duration::from_secs(10),
            write_time: Duration::from_secs(10),
            shutdown_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(10),
            first_byte_time: Duration::from_secs(30),
            between_bytes_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The longest time for one request of a client that respects the limits: to send its head, to get its answer, and
    /// to read it.
    pub(crate) fn exchange_time(&self) -> Duration {
        self.header_time + self.request_time + self.write_time
    }
}
