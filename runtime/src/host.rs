//! The host: an engine, and the component that it currently runs.

use crate::answer::{Failure, ResponseBody};
use crate::cache::Cache;
use crate::guest::Guest;
use crate::instance::{Arriving, Company, Maker, State};
use crate::limits::Limits;
use crate::log::{Event, Log};
use crate::outbound::Outbound;
use crate::tape::Tape;
use crate::variables;
use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::Body as _;
use http_body_util::BodyExt;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, EngineWeak, OptLevel, PoolingAllocationConfig, RegallocAlgorithm};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, ProxyPre};
use wasmtime_wasi_http::{p2, p3};

/// How often a running guest yields to others and to its time limit.
const TICK: Duration = Duration::from_millis(10);

/// The stack of code that the compiler does not optimise: its frames are several times as large, and templates that
/// include others nest deeply.
const UNOPTIMISED_STACK_BYTES: usize = 4 << 20;

/// Core instances, tables and stacks that one component instance may need; a Rust component needs about half.
const PARTS_PER_INSTANCE: u32 = 8;

/// How many bytes of an ended instance's memory, and of its tables, are reset for the next instance. Further pages go
/// back to the system, and cost the next instance a page fault each.
const KEPT_BYTES: usize = 4 << 20;

/// Runs one component at a time; clones share it.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    cache: Option<Cache>,
    outbound: Outbound,
    limits: Limits,
    log: Log,
    requests: Semaphore,
    instructions: Arc<AtomicU64>,
    current: RwLock<Option<Loaded>>,
}

/// The handlers of the current component.
#[derive(Clone)]
struct Loaded {
    /// Instances that work on several requests.
    shared: ProxyHandler<Maker>,
    /// A fresh instance for each request, for those whose instance another request took down.
    alone: ProxyHandler<Maker>,
}

/// Why a host cannot be created on this machine.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The WebAssembly engine refused its settings.
    #[error("Cannot start the WebAssembly engine: {0}.")]
    Engine(String),
    /// TLS cannot be set up.
    #[error("Cannot set up TLS for outbound requests: {0}.")]
    Tls(#[from] rustls::Error),
}

/// Why a guest cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a component this engine can compile.
    #[error("Cannot compile the component: {0}.")]
    Compile(String),
    /// The component imports something that this host does not have.
    #[error("The component needs something that this host does not provide: {0}.")]
    Imports(String),
    /// The component does not answer HTTP requests.
    #[error("The component exports neither `wasi:http/handler@0.3.0` nor `wasi:http/incoming-handler@0.2`.")]
    NoHandler,
    /// The policy directory is missing or not a directory.
    #[error("The policy directory {} does not exist or is not a directory.", .0.display())]
    PolicyDirectory(PathBuf),
    /// A directory for the guest is missing, is not a directory, or has no absolute path.
    #[error("{} is not the absolute path of an existing directory, so the component cannot read it.", .0.display())]
    ReadableDirectory(PathBuf),
}

impl Host {
    /// Starts an engine without a component.
    pub fn new(limits: Limits, cache: Option<Cache>, log: Log) -> Result<Self, HostError> {
        let engine = engine(&limits).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let linker = linker(&engine).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let ticking = engine.weak();
        thread::spawn(move || tick(&ticking));
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            outbound: Outbound::new(limits, log.clone())?,
            limits,
            log,
            requests: Semaphore::new(limits.max_requests),
            instructions: Arc::default(),
            current: RwLock::new(None),
        })))
    }

    /// The limits of this host.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The WebAssembly instructions of all ended instances, as wasmtime's fuel counts them: for starting them and for
    /// every request that they answered. Zero unless [`Limits::instructions_per_instance`] is set.
    pub fn instructions(&self) -> u64 {
        self.0.instructions.load(Ordering::Acquire)
    }

    /// Compiles a guest and replaces the current one. The old one completes its requests in progress; if this fails,
    /// the old one stays.
    pub async fn load(&self, guest: Guest) -> Result<(), LoadError> {
        let host = self.clone();
        let loaded = tokio::task::spawn_blocking(move || host.prepare(&guest))
            .await
            .map_err(|error| LoadError::Compile(error.to_string()))??;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        Ok(())
    }

    /// Answers one request: with the component's answer, or else with 500, 503 or 504 and one sentence.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Display,
    {
        let request = absolute(request).map(|body| {
            body.map_err(|error| wasmtime_wasi_http::Error::InternalError(Some(error.to_string()))).boxed_unsync()
        });
        match self.dispatch(request).await {
            Ok(response) => response,
            Err(failure) => failure.response(),
        }
    }

    /// Handles a request, and does so again where its instance ended because of another: every mail has an operation
    /// id that does not depend on the try, so it cannot be sent twice.
    async fn dispatch(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Failure> {
        let loaded = self.current().ok_or(Failure::NotLoaded)?;
        let deadline = Instant::now() + self.0.limits.request_time;
        let _permit = timeout_at(deadline, self.0.requests.acquire()).await.map_err(|_| Failure::Busy)?;
        let (parts, body) = request.into_parts();
        let (tape, company) = (Tape::default(), Company::default());
        let first = Request::from_parts(parts.clone(), tape.record(body));
        match self.attempt(&loaded.shared, first, &company, deadline).await {
            Err(Failure::Failed) if company.was_kept() => match tape.replay() {
                Some(body) => {
                    let again = Request::from_parts(parts, body);
                    self.attempt(&loaded.alone, again, &Company::default(), deadline).await
                }
                None => Err(Failure::Failed),
            },
            answer => answer,
        }
    }

    async fn attempt(
        &self,
        handler: &ProxyHandler<Maker>,
        request: Request<WasiBody>,
        company: &Company,
        deadline: Instant,
    ) -> Result<Response<WasiBody>, Failure> {
        let body_bytes = request.body().size_hint().upper().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let arriving = Arriving { body_bytes, company: company.clone() };
        timeout_at(deadline, handler.handle(arriving, request))
            .await
            .map_err(|_| Failure::TooSlow)?
            .map_err(|error| self.classify(&error))
    }

    fn current(&self) -> Option<Loaded> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The instance that ends reports its trap; what fails before that is reported here.
    fn classify(&self, error: &wasmtime::Error) -> Failure {
        if error.is::<ExpirationError>() {
            return Failure::TooSlow;
        }
        if let Some(error) = error.downcast_ref::<InstantiationError<Option<usize>>>() {
            let sentence = format!("The component could not be started: {:#}.", error.error);
            (self.0.log)(Event::Failed(&sentence));
            return Failure::NoInstance;
        }
        if let Some(code) = error.downcast_ref::<p3::bindings::http::types::ErrorCode>() {
            let sentence = format!("The component answered with an error: {code:?}.");
            (self.0.log)(Event::Failed(&sentence));
        }
        Failure::Failed
    }

    fn prepare(&self, guest: &Guest) -> Result<Loaded, LoadError> {
        let host = &self.0;
        check_directory(guest.policy_dir.as_deref())?;
        check_readable(&guest.readable)?;
        let component = host.compile(&guest.component).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let alone = Limits { requests_per_instance: 1, concurrent_per_instance: 1, ..host.limits };
        Ok(Loaded {
            shared: ProxyHandler::new(host.maker(guest, &component, host.limits)?),
            alone: ProxyHandler::new(host.maker(guest, &component, alone)?),
        })
    }
}

impl Inner {
    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        let component = match &self.cache {
            Some(cache) => cache.compile(&self.engine, bytes)?,
            None => Component::new(&self.engine, bytes)?,
        };
        // Otherwise, the first request would wait for it.
        component.initialize_copy_on_write_image()?;
        Ok(component)
    }

    fn maker(&self, guest: &Guest, component: &Component, limits: Limits) -> Result<Maker, LoadError> {
        Ok(Maker {
            engine: self.engine.clone(),
            component: self.link(component)?,
            environment: environment(guest),
            settings: Arc::new(guest.settings.clone()),
            policy_dir: guest.policy_dir.clone(),
            readable: guest.readable.clone(),
            allowed: guest.allowed_outbound.clone().into(),
            outbound: self.outbound.clone(),
            limits,
            instructions: self.instructions.clone(),
            log: self.log.clone(),
        })
    }

    fn link(&self, component: &Component) -> Result<ProxyPre<State>, LoadError> {
        let linked =
            self.linker.instantiate_pre(component).map_err(|error| LoadError::Imports(format!("{error:#}")))?;
        if let Ok(service) = p3::bindings::ServicePre::new(linked.clone()) {
            return Ok(ProxyPre::P3(service));
        }
        p2::bindings::ProxyPre::new(linked).map(ProxyPre::P2).map_err(|_| LoadError::NoHandler)
    }
}

/// An engine with a pool of instances if the system provides the address space for it, otherwise without.
fn engine(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    config.consume_fuel(limits.instructions_per_instance.is_some());
    if !limits.optimise {
        config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        config.max_wasm_stack(UNOPTIMISED_STACK_BYTES).async_stack_size(2 * UNOPTIMISED_STACK_BYTES);
    }
    if limits.pooling {
        let mut pooled = config.clone();
        pooled.allocation_strategy(pool(limits));
        if let Ok(engine) = Engine::new(&pooled) {
            return Ok(engine);
        }
    }
    Engine::new(&config)
}

/// Room for an instance for each request in progress, and for as many that are still ending.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = u32::try_from(limits.max_requests.saturating_mul(2)).unwrap_or(u32::MAX).max(1);
    let parts = instances.saturating_mul(PARTS_PER_INSTANCE);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_memories(instances)
        .max_memory_size(limits.memory_bytes)
        .total_core_instances(parts)
        .total_tables(parts)
        .total_stacks(parts);
    // If the system cannot say which pages were written to, all of them would have to be reset.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEPT_BYTES).table_keep_resident(KEPT_BYTES);
    }
    pool
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    variables::link(&mut linker, |state: &mut State| &mut state.settings)?;
    Ok(linker)
}

/// Stops with the engine.
fn tick(engine: &EngineWeak) {
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
        thread::sleep(TICK);
    }
}

fn check_directory(directory: Option<&Path>) -> Result<(), LoadError> {
    match directory {
        Some(directory) if !directory.is_dir() => Err(LoadError::PolicyDirectory(directory.to_owned())),
        _ => Ok(()),
    }
}

fn check_readable(directories: &[PathBuf]) -> Result<(), LoadError> {
    match directories.iter().find(|directory| !directory.is_absolute() || !directory.is_dir()) {
        Some(directory) => Err(LoadError::ReadableDirectory(directory.clone())),
        None => Ok(()),
    }
}

fn environment(guest: &Guest) -> Vec<(String, String)> {
    let upper = |(name, value): (&String, &String)| (name.to_ascii_uppercase(), value.clone());
    guest.settings.iter().map(upper).collect()
}

/// Moves the `Host` header, which no guest sees, into the address, where guests look for it.
fn absolute<B>(mut request: Request<B>) -> Request<B> {
    let mut parts = request.uri().clone().into_parts();
    let named = request.headers().get(HOST).map(|host| host.as_bytes());
    let host = named.and_then(|host| Authority::try_from(host).ok());
    parts.authority = parts.authority.or(host);
    if parts.authority.is_some() {
        parts.scheme = parts.scheme.or(Some(Scheme::HTTP));
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}
