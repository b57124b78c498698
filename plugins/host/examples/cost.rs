//! What plugins cost: `cargo run --release -p tenure-plugin-host --example cost [FILE.wasm ...]`. Prints, and judges
//! nothing. Of each file, the first command is called.

use std::any::Any;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tenure_plugin_abi::{Called, Compiler, Fetched, Host, LogLevel, Module, Piece, Unfit};
use tenure_plugin_examples::{faulty, ratelimit};
use tenure_plugin_host::{Options, PluginHost};

/// Holds nothing and does nothing.
struct Idle;

impl Host for Idle {
    fn arguments(&self) -> usize {
        4
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        let arguments: [&[u8]; 4] = [b"RATELIMIT.TAKE", b"key", b"100", b"60000"];
        arguments.get(index).copied()
    }

    fn call(&mut self, _args: &[&[u8]], _reply: &mut Vec<u8>) -> Called {
        Called::Done
    }

    fn get(&mut self, _key: &[u8], _value: &mut Vec<u8>) -> Fetched {
        Fetched::Missing
    }

    fn set(&mut self, _key: &[u8], _value: &[u8], _expires_at: Option<u64>, _error: &mut Vec<u8>) -> Called {
        Called::Done
    }

    fn reply(&mut self, piece: Piece<'_>) {
        black_box(piece);
    }

    fn now_millis(&self) -> u64 {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }

    fn log(&mut self, _level: LogLevel, _text: &str) {}

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let host = PluginHost::new(Options::default())?;
    println!(
        "host of {} instances       {:?}",
        Options::default().instances_max,
        begun.elapsed()
    );
    let faulty = compile(&host, "faulty", &faulty())?;
    let ratelimit = compile(&host, "ratelimit", &ratelimit())?;
    for path in std::env::args().skip(1) {
        let module = compile(&host, &path, &std::fs::read(&path)?)?;
        let begun = Instant::now();
        let mut instance = module.instantiate()?;
        println!(
            "started in {:?}, {} bytes of memory",
            begun.elapsed(),
            instance.memory_bytes()
        );
        let begun = Instant::now();
        let outcome = instance.call(0, Box::new(Idle)).1;
        println!(
            "called in {:?}: {outcome:?}, {} bytes of memory",
            begun.elapsed(),
            instance.memory_bytes()
        );
    }

    per_call("instance made and dropped", 10_000, || {
        black_box(ratelimit.instantiate().is_ok());
    });
    let mut instance = faulty.instantiate()?;
    per_call("call that replies with nil", 1_000_000, || {
        black_box(instance.call(10, Box::new(Idle)).1.is_ok());
    });
    let mut instance = ratelimit.instantiate()?;
    per_call("RATELIMIT.TAKE without data", 1_000_000, || {
        black_box(instance.call(0, Box::new(Idle)).1.is_ok());
    });
    Ok(())
}

fn compile(host: &PluginHost, name: &str, wasm: &[u8]) -> Result<std::sync::Arc<dyn Module>, Unfit> {
    let begun = Instant::now();
    let module = host.compile(wasm)?;
    println!("{name} of {} bytes compiled in {:?}", wasm.len(), begun.elapsed());
    Ok(module)
}

/// The best of several runs.
fn per_call(what: &str, calls: u32, mut call: impl FnMut()) {
    let mut best = Duration::MAX;
    // Without optimisation one is enough to see.
    let calls = if cfg!(debug_assertions) { calls / 100 } else { calls };
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..calls {
            call();
        }
        best = best.min(begun.elapsed());
    }
    println!("{what:30} {:?}", best / calls);
}
