//! The engine of a process: what all its modules and instances share.
//! Promises: it gives what modules need and nothing more of WebAssembly: no threads, no second memory, no memory of 64
//! bits, nothing whose outcome depends on the machine. Instances come from a pool of fixed size.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;

use tenure_plugin_abi::{Compiler, MEMORY_BYTES_MAX, Manifest, Module, Unfit};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Linker, PoolingAllocationConfig, Strategy};

use crate::compiled::Compiled;
use crate::imports;
use crate::inspect::{self, TABLE_ELEMENTS_MAX};
use crate::ticker::Ticker;

/// Native stack that a guest may use. A thread that runs guests needs this and what the functions of its host need: with
/// the 2 MiB that threads have by default there is plenty.
const STACK_BYTES_MAX: usize = 512 << 10;

/// Addresses behind each memory that nothing lies at.
const GUARD_BYTES: u64 = 2 << 20;

/// How much of a plugin host there is.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Instances at once, of all plugins of all clusters on this node. Default 1000. Each takes 18 MiB of addresses, and of
    /// memory what it touches. When all are in use, another is refused. Since 0.1.
    pub instances_max: NonZeroU32,
}

impl Default for Options {
    fn default() -> Self {
        const INSTANCES_MAX: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
        Self {
            instances_max: INSTANCES_MAX,
        }
    }
}

/// A process cannot run plugins.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The runtime does not start: no addresses for the pool, or a machine that it does not know.
    #[error("the runtime of plugins does not start")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no thread for the clock.
    #[error("the clock of plugins does not start")]
    Ticker(#[source] io::Error),
}

/// Compiles and runs plugins. One for each process; it lives as long as anything that came from it.
#[derive(Clone)]
pub struct PluginHost {
    linker: Arc<Linker<crate::guest::Guest>>,
    ticker: Arc<Ticker>,
}

impl PluginHost {
    /// Reserves the pool and starts the clock.
    pub fn new(options: Options) -> Result<Self, HostError> {
        let engine = Engine::new(&config(options)).map_err(engine_error)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(engine_error)?;
        let ticker = Ticker::start(engine).map_err(HostError::Ticker)?;
        Ok(Self {
            linker: Arc::new(linker),
            ticker: Arc::new(ticker),
        })
    }

    /// Whether a module can be run at all: it is compiled, and started once. For a process of its own with limits of its
    /// own, since what tenants push may be made to be expensive.
    pub fn check(&self, wasm: &[u8]) -> Result<Manifest, Unfit> {
        let compiled = self.compile_module(wasm)?;
        match compiled.instantiate() {
            Ok(_) => Ok(compiled.manifest().clone()),
            Err(fault) => Err(Unfit::DoesNotStart { fault }),
        }
    }

    fn compile_module(&self, wasm: &[u8]) -> Result<Compiled, Unfit> {
        let manifest = inspect::inspect(wasm)?;
        Compiled::new(&self.linker, Arc::clone(&self.ticker), wasm, manifest)
    }
}

impl Compiler for PluginHost {
    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Module>, Unfit> {
        Ok(Arc::new(self.compile_module(wasm)?))
    }
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").finish_non_exhaustive()
    }
}

fn engine_error(error: wasmtime::Error) -> HostError {
    HostError::Engine(error.into_boxed_dyn_error())
}

fn config(options: Options) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .memory_reservation(MEMORY_BYTES_MAX)
        .memory_guard_size(GUARD_BYTES)
        .memory_may_move(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    config
}

/// Addresses are cheap and memory is not, so a slot has room for the largest instance and keeps nothing of the last one.
fn pool(options: Options) -> PoolingAllocationConfig {
    let instances_max = options.instances_max.get();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances_max)
        .total_memories(instances_max)
        .total_tables(instances_max)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .max_memory_size(usize::try_from(MEMORY_BYTES_MAX).unwrap_or(usize::MAX))
        .table_elements(usize::try_from(TABLE_ELEMENTS_MAX).unwrap_or(usize::MAX));
    pool
}
