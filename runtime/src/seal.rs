//! Sealing: the host runs a component's `seal` function once, and the resulting memory becomes its initial memory.
//!
//! Meanwhile the host provides only seeds for hash maps, which are zeros; any other call ends the component. The result
//! therefore depends only on the component and the files.

use crate::cache::Cache;
use crate::prune::prune;
use std::time::{Duration, Instant};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::component::{Component, Instance, Lift, Linker, WasmList};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, OptLevel, Store, StoreLimits, StoreLimitsBuilder, Trap, format_err};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

/// The function that takes a policy's files, as paths and texts.
const SEAL: &str = "seal";

/// The core function that creates a gate from a policy's files, which a sealed component no longer needs.
const LOAD: &str = "postern-load";

/// The interfaces from which libraries draw hash seeds: Rust's own from the second, others from the first.
const RANDOM: &str = "wasi:random/random@0.2.";
const SEED: &str = "wasi:random/insecure-seed@0.2.";

/// The most memory that `seal` may use, in bytes: far more than any policy needs.
const MEMORY_BYTES: usize = 256 << 20;

/// The most WebAssembly instructions that `seal` may execute: hundreds of times what a policy with some routes takes.
/// This is not a time, so a policy that one machine can seal, every other machine can seal.
pub const SEAL_INSTRUCTIONS: u64 = 20_000_000_000;

/// Why a component cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The bytes are not a component, or the component has no memory to keep.
    #[error("This component cannot be sealed: {0}.")]
    Component(String),
    /// The component does not support sealing.
    #[error("This component cannot be sealed: it does not export the function `seal` as Postern does.")]
    NoSeal,
    /// The component refused the files; this is its message.
    #[error("The component rejected the policy: {0}")]
    Refused(String),
    /// The component failed, or called the host for something that a snapshot must not depend on.
    #[error("The component failed while it was sealed: {0}.")]
    Failed(String),
    /// The component exceeded its instructions.
    #[error(
        "Sealing exceeded its limit of {0} instructions. Look for nested repetition in a `pattern` of a schema, or split a \
         large policy in two."
    )]
    TooMuchWork(u64),
    /// The memory could not be read, or the resulting component is not valid.
    #[error("Cannot take a snapshot of the component's memory: {0}.")]
    Snapshot(String),
}

/// A sealed component.
#[derive(Debug)]
pub struct Sealed {
    /// Its bytes.
    pub component: Vec<u8>,
    /// How long `seal` took. An unsealed component takes as long for the first request of each instance.
    pub initialisation: Duration,
}

/// Seals files into a component. The same component and files give the same bytes.
///
/// This takes seconds if the compiled component is not in the cache, and must not be called in an async context. The
/// component may execute [`SEAL_INSTRUCTIONS`].
///
/// # Errors
/// [`SealError`] says which.
pub fn seal(component: &[u8], files: &[(String, String)], cache: Option<&Cache>) -> Result<Sealed, SealError> {
    seal_within(SEAL_INSTRUCTIONS, component, files, cache)
}

/// Like [`seal`], with this many instructions.
///
/// # Errors
/// As [`seal`].
pub fn seal_within(
    instructions: u64,
    component: &[u8],
    files: &[(String, String)],
    cache: Option<&Cache>,
) -> Result<Sealed, SealError> {
    let waiting = tokio::runtime::Builder::new_current_thread().build();
    let waiting = waiting.map_err(|error| SealError::Failed(error.to_string()))?;
    let mut wizer = Wizer::new();
    // Without its initialiser, the component would not be valid after its memory was replaced.
    wizer.init_func(SEAL).keep_init_func(true);
    let (context, instrumented) = wizer.instrument_component(component).map_err(described(SealError::Component))?;
    let engine = engine().map_err(described(SealError::Component))?;
    let code = match cache {
        Some(cache) => cache.compile(&engine, &instrumented),
        None => Component::new(&engine, &instrumented),
    };
    let code = code.map_err(described(SealError::Component))?;
    let sealed = waiting.block_on(async {
        let mut running = GuestInstance::start(&engine, &code, instructions).await?;
        let initialisation = running.seal(files).await?;
        let component = running.keep(&wizer, &context).await?;
        let component = prune(&component, LOAD).map_err(|error| SealError::Snapshot(error.to_string()))?;
        Ok(Sealed { component, initialisation })
    })?;
    let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(&sealed.component);
    valid.map_err(|error| SealError::Snapshot(error.to_string()))?;
    Ok(sealed)
}

fn described(kind: fn(String) -> SealError) -> impl Fn(wasmtime::Error) -> SealError {
    move |error| kind(format!("{error:#}"))
}

fn failed(error: &wasmtime::Error, instructions: u64) -> SealError {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => SealError::TooMuchWork(instructions),
        _ => SealError::Failed(format!("{error:#}")),
    }
}

/// The code runs only once, so optimising it is not worth the time.
fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_async(true).cranelift_opt_level(OptLevel::None).consume_fuel(true);
    Engine::new(&config)
}

fn linker(engine: &Engine, code: &Component) -> wasmtime::Result<Linker<StoreLimits>> {
    let mut linker = Linker::new(engine);
    for (name, _) in code.component_type().imports(engine) {
        if name.starts_with(RANDOM) {
            let mut random = linker.instance(name)?;
            random.func_wrap("get-random-u64", |_, ()| Ok((0_u64,)))?;
            random.func_wrap("get-random-bytes", |_, (length,): (u64,)| zeros(length))?;
        } else if name.starts_with(SEED) {
            linker.instance(name)?.func_wrap("insecure-seed", |_, ()| Ok(((0_u64, 0_u64),)))?;
        }
    }
    linker.define_unknown_imports_as_traps(code)?;
    Ok(linker)
}

fn zeros(length: u64) -> wasmtime::Result<(Vec<u8>,)> {
    let length = u16::try_from(length).map_err(|_| format_err!("{length} random bytes are too many"))?;
    Ok((vec![0; length.into()],))
}

/// The instance whose memory becomes the initial memory.
struct GuestInstance {
    store: Store<StoreLimits>,
    instance: Instance,
    /// How many instructions it may execute before and during `seal`, and again while its memory is read.
    instructions: u64,
    /// The first error while its memory was read, which the reader's interface cannot return.
    failure: Option<wasmtime::Error>,
}

impl GuestInstance {
    async fn start(engine: &Engine, code: &Component, instructions: u64) -> Result<Self, SealError> {
        let linker = linker(engine, code).map_err(described(SealError::Component))?;
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).trap_on_grow_failure(true).build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(instructions).map_err(described(SealError::Component))?;
        let instance =
            linker.instantiate_async(&mut store, code).await.map_err(|error| failed(&error, instructions))?;
        Ok(Self { store, instance, instructions, failure: None })
    }

    async fn seal(&mut self, files: &[(String, String)]) -> Result<Duration, SealError> {
        type Files<'a> = (&'a [(String, String)],);
        type Answer = (Result<(), String>,);
        let function = self.instance.get_typed_func::<Files<'_>, Answer>(&mut self.store, SEAL);
        let function = function.map_err(|_| SealError::NoSeal)?;
        let started = Instant::now();
        let answer = function.call_async(&mut self.store, (files,)).await;
        let (answer,) = answer.map_err(|error| failed(&error, self.instructions))?;
        answer.map_err(SealError::Refused)?;
        Ok(started.elapsed())
    }

    async fn keep(mut self, wizer: &Wizer, context: &ComponentContext<'_>) -> Result<Vec<u8>, SealError> {
        self.store.set_fuel(self.instructions).map_err(described(SealError::Snapshot))?;
        let sealed = wizer.snapshot_component(context, &mut self).await;
        match self.failure {
            Some(error) => Err(described(SealError::Snapshot)(error)),
            None => sealed.map_err(described(SealError::Snapshot)),
        }
    }

    /// Calls one of the functions that Wizer added to the component.
    async fn call<R: Lift + Send + Sync + 'static>(&mut self, interface: &str, name: &str) -> wasmtime::Result<R> {
        let missing = || format!("there is no {interface}#{name}");
        let store = &mut self.store;
        let interface = self.instance.get_export_index(&mut *store, None, interface).with_context(missing)?;
        let function = self.instance.get_export_index(&mut *store, Some(&interface), name).with_context(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *store, function)?;
        Ok(function.call_async(&mut *store, ()).await?.0)
    }

    /// A value of the instance. After a failure, any value will do, because nothing uses it.
    async fn value<R: Lift + Default + Send + Sync + 'static>(&mut self, interface: &str, name: &str) -> R {
        match self.call(interface, name).await {
            Ok(value) => value,
            Err(error) => {
                self.failure.get_or_insert(error);
                R::default()
            }
        }
    }
}

impl ComponentInstanceState for GuestInstance {
    async fn call_func_ret_list_u8(&mut self, instance: &str, func: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.call::<WasmList<u8>>(instance, func).await {
            Ok(list) => contents(list.as_le_slice(&self.store)),
            Err(error) => {
                self.failure.get_or_insert(error);
                contents(&[]);
            }
        }
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.value(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.value(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.value::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.value::<f64>(instance, func).await.to_bits()
    }
}
