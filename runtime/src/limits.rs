//! Every limit of the host, with its default, in one place.

use std::time::Duration;

/// What a component and its callers may use; each field is a hard upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes; growing beyond it ends the instance.
    pub memory_bytes: usize,
    /// Time from the request's head to the response's head; then the caller gets 504.
    pub request_time: Duration,
    /// Requests in progress at once, over all instances; more of them wait, and get 503 if none ends in time.
    pub max_requests: usize,
    /// Requests one WASI 0.3 instance answers before it is replaced; 1 means a fresh instance for each request.
    /// WASI 0.2 instances answer one request always.
    pub requests_per_instance: usize,
    /// Requests one WASI 0.3 instance works on at once.
    pub concurrent_per_instance: usize,
    /// Bytes of bodies from which on an instance that is at work takes no further request: a large upload takes several
    /// times its size of the instance's memory. A body whose length is not announced counts as so many.
    pub body_bytes_per_instance: usize,
    /// How long an instance without work is kept.
    pub idle_time: Duration,
    /// Whether instances come from a pool that is reserved at start: faster, at the price of address space.
    pub pooling: bool,
    /// Whether the guest's instructions are counted, for [`Host::instructions`](crate::Host::instructions). The count is
    /// the same on every machine, and slows the guest down by some tenths.
    pub count_instructions: bool,
    /// Whether the compiler optimises. Without, a new component is ready sooner, and runs slower.
    pub optimise: bool,
    /// Open connections; more of them wait to be accepted.
    pub max_connections: usize,
    /// Open connections of one address, and of one IPv6 network of 64 bits; more of them are closed at once. A proxy
    /// before the host is one address.
    pub max_connections_per_peer: usize,
    /// Requests on one connection; the answer to the last says `connection: close`.
    pub requests_per_connection: usize,
    /// The life of a connection, whatever happens on it; then it is cut off. An answer says `connection: close` when
    /// too little of it is left for another request, so this never interrupts a client that keeps to the other limits.
    pub connection_time: Duration,
    /// Time a client has for sending the head of its request, and for beginning another.
    pub header_time: Duration,
    /// Time in which a client must take something of an answer that is ready for it.
    pub write_time: Duration,
    /// Time that requests in progress have for ending after the server was asked to stop.
    pub shutdown_time: Duration,
    /// Cap on the guest's time limit for opening a connection.
    pub connect_time: Duration,
    /// Cap on the guest's time limit for the head of an answer.
    pub first_byte_time: Duration,
    /// Cap on the guest's time limit for each further piece of an answer's body.
    pub between_bytes_time: Duration,
}

impl Default for Limits {
    /// Instance reuse and connections as `wasmtime serve` 48 has them. The bytes of bodies are those of as many bodies
    /// of a route's default limit as an instance works on at once.
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
            count_instructions: false,
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
    /// The longest that one request takes whose client keeps to the limits: its head, its answer, and taking that.
    pub(crate) fn exchange_time(&self) -> Duration {
        self.header_time + self.request_time + self.write_time
    }
}
