//! One instance of the component: what it owns, what it may do, and when it ends.

use crate::guest::POLICY_DIRECTORY;
use crate::limits::Limits;
use crate::log::{Event, Lines, Log, Stream};
use crate::origin::Origin;
use crate::outbound::{Gateway, Outbound};
use crate::variables::Settings;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep, timeout};
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// How much later an instance that ignores its time limit is ended: by then, the caller has its 504, and requests that
/// share the instance have had their own time.
const GRACE: Duration = Duration::from_millis(250);

/// The state of an instance on the host's side.
pub(crate) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    gateway: Gateway,
    memory: StoreLimits,
    pub(crate) settings: Settings,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gateway, table: &mut self.table, ctx: &mut self.http }
    }
}

/// What an instance should know of a request.
pub(crate) struct Arriving {
    /// The bytes of its body, from its `Content-Length`.
    pub(crate) body_bytes: Option<usize>,
    pub(crate) company: Company,
}

/// Whether a request shared its instance with another at any time.
#[derive(Clone, Default)]
pub(crate) struct Company(Arc<AtomicBool>);

impl Company {
    /// Whether another request was in progress in the same instance.
    pub(crate) fn was_kept(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The requests that an instance works on, as long as their callers wait.
#[derive(Default)]
struct InProgress(Mutex<Vec<Weak<AtomicBool>>>);

impl InProgress {
    fn join(&self, company: &Company) {
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|request| request.strong_count() > 0);
        for other in requests.iter().filter_map(Weak::upgrade) {
            other.store(true, Ordering::Release);
            company.0.store(true, Ordering::Release);
        }
        requests.push(Arc::downgrade(&company.0));
    }
}

/// Creates the instances of one guest.
pub(crate) struct Maker {
    pub(crate) engine: Engine,
    pub(crate) component: ProxyPre<State>,
    pub(crate) settings: Settings,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) policy_dir: Option<PathBuf>,
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) allowed: Arc<[Origin]>,
    pub(crate) outbound: Outbound,
    pub(crate) limits: Limits,
    pub(crate) instructions: Arc<AtomicU64>,
    pub(crate) log: Log,
}

impl Maker {
    fn store(&self) -> wasmtime::Result<Store<State>> {
        let state = State {
            table: ResourceTable::new(),
            wasi: self.wasi()?,
            http: WasiHttpCtx::new(),
            gateway: self.outbound.gateway(self.allowed.clone()),
            memory: StoreLimitsBuilder::new().memory_size(self.limits.memory_bytes).trap_on_grow_failure(true).build(),
            settings: self.settings.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        if let Some(instructions) = self.limits.instructions_per_instance {
            store.set_fuel(instructions)?;
        }
        Ok(store)
    }

    fn wasi(&self) -> wasmtime::Result<WasiCtx> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&self.environment)
            .stdout(Lines::new(Stream::Out, self.log.clone()))
            .stderr(Lines::new(Stream::Err, self.log.clone()))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        if let Some(directory) = &self.policy_dir {
            wasi.preopened_dir(directory, POLICY_DIRECTORY, FsPerms::ReadOnly)?;
        }
        for directory in &self.readable {
            wasi.preopened_dir(directory, directory.to_string_lossy(), FsPerms::ReadOnly)?;
        }
        Ok(wasi.build())
    }

    /// A WASI 0.2 instance cannot be reused: its world has no notion of several requests.
    fn requests(&self) -> usize {
        match self.component {
            ProxyPre::P2(_) => 1,
            ProxyPre::P3(_) => self.limits.requests_per_instance,
        }
    }
}

impl HandlerState for Maker {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let mut store = self.store()?;
        let instantiate = self.component.instantiate_async(&mut store);
        let proxy = timeout(self.limits.request_time, instantiate).await??;
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration::new(&self.limits),
            state: Worker {
                requests: self.requests(),
                concurrent: self.limits.concurrent_per_instance,
                body_bytes: self.limits.body_bytes_per_instance,
                held_bytes: Arc::default(),
                in_progress: InProgress::default(),
                request_time: self.limits.request_time,
                fuel: self.limits.instructions_per_instance,
                instructions: self.instructions.clone(),
                log: self.log.clone(),
            },
        })
    }
}

/// Ends an instance that is idle or has run for too long, even while the guest computes without a pause.
pub(crate) struct Expiration {
    idle_time: Duration,
    work_time: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Expiration {
    fn new(limits: &Limits) -> Self {
        Self {
            idle_time: limits.idle_time,
            work_time: limits.request_time.saturating_add(GRACE),
            sleep: Box::pin(sleep(limits.idle_time)),
        }
    }

    fn allowance(&self, status: WorkerStatus) -> Duration {
        match status {
            WorkerStatus::Idle => self.idle_time,
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.work_time,
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        let Some(deadline) = start.checked_add(self.allowance(status)) else {
            return Poll::Pending;
        };
        if self.sleep.deadline() != deadline.into() {
            self.sleep.as_mut().reset(deadline.into());
        }
        self.sleep.as_mut().poll(context)
    }
}

/// Says how many requests an instance accepts, and reports how it ended.
pub(crate) struct Worker {
    requests: usize,
    concurrent: usize,
    body_bytes: usize,
    /// Bytes of the bodies of requests in progress.
    held_bytes: Arc<AtomicUsize>,
    in_progress: InProgress,
    request_time: Duration,
    /// The instructions that it may run, if they are counted.
    fuel: Option<u64>,
    instructions: Arc<AtomicU64>,
    log: Log,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arriving;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let full = self.held_bytes.load(Ordering::Acquire) >= self.body_bytes;
        match (total >= self.requests, full || concurrent >= self.concurrent) {
            (true, _) => ShouldAccept::Never,
            (false, true) => ShouldAccept::No,
            (false, false) => ShouldAccept::Yes,
        }
    }

    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, State>,
        arriving: Arriving,
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        self.in_progress.join(&arriving.company);
        let held = HeldBytes::new(&self.held_bytes, arriving.body_bytes.unwrap_or(self.body_bytes));
        let time = sleep(self.request_time);
        Box::pin(async move {
            time.await;
            drop(held);
        })
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        if let (Some(fuel), Ok(left)) = (self.fuel, store.get_fuel()) {
            self.instructions.fetch_add(fuel.saturating_sub(left), Ordering::AcqRel);
        }
        // First the guest's last output, then how it ended.
        drop(store);
        if let Err(error) = result
            && !is_cancelled(&error)
        {
            (self.log)(Event::Failed(&format!("The component failed: {error:#}.")));
        }
    }
}

/// Bytes of one request's body, counted while the request is in progress.
struct HeldBytes {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl HeldBytes {
    fn new(held: &Arc<AtomicUsize>, bytes: usize) -> Self {
        held.fetch_add(bytes, Ordering::AcqRel);
        Self { held: Arc::clone(held), bytes }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// `ProxyHandler` also says that a worker panicked if its task was dropped, as at the end of the program. It has no
/// error type for that, so this compares the text.
fn is_cancelled(error: &wasmtime::Error) -> bool {
    !std::thread::panicking() && error.to_string() == "worker panicked"
}
