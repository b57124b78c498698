//! The thread that makes running guests look at their clocks.
//! Promises: while a call runs, the epoch of the engine moves about once a millisecond; when none has run for a while, the
//! thread sleeps until one does. A call pays for that with one system call after a pause, else with none. It ends with
//! whoever holds it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// How far apart two looks at the clock are, at least.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// After so many ticks without a call the thread sleeps.
const IDLE_TICKS_MAX: u32 = 100;

#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Order matters: a call counts itself and then looks whether the thread sleeps; the thread says that it sleeps and then
/// looks whether a call runs. So one of them sees the other, and no call runs without ticks.
#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    sleeps: AtomicBool,
    stops: AtomicBool,
}

/// A call that runs. It ends when this is dropped, by a panic too.
pub(crate) struct Call<'a>(&'a Shared);

impl Ticker {
    pub(crate) fn start(engine: Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("plugin-ticker".to_owned());
        let thread = thread.spawn(move || of_thread.tick(&engine))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(crate) fn begin(&self) -> Call<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.sleeps.load(Ordering::SeqCst) {
            self.wake();
        }
        Call(&self.shared)
    }

    fn wake(&self) {
        self.shared.sleeps.store(false, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// For tests: whether the thread sleeps.
    #[cfg(test)]
    pub(crate) fn sleeps(&self) -> bool {
        self.shared.sleeps.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere, and if it did there would be nobody to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        let mut idle_ticks = 0;
        while !self.stops.load(Ordering::SeqCst) {
            if self.running.load(Ordering::SeqCst) > 0 {
                idle_ticks = 0;
            } else {
                idle_ticks += 1;
            }
            if idle_ticks > IDLE_TICKS_MAX {
                self.sleep();
                idle_ticks = 0;
            }
            // It may wake early. A tick too many makes a guest look at its clock, no more.
            thread::park_timeout(TICK);
            engine.increment_epoch();
        }
    }

    fn sleep(&self) {
        self.sleeps.store(true, Ordering::SeqCst);
        while self.sleeps.load(Ordering::SeqCst) && self.running.load(Ordering::SeqCst) == 0 {
            if self.stops.load(Ordering::SeqCst) {
                return;
            }
            thread::park();
        }
        self.sleeps.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < LONG, "never came to be: {what}");
            thread::yield_now();
        }
    }

    #[test]
    fn it_sleeps_when_nothing_runs_and_wakes_for_a_call_and_sleeps_again() {
        let ticker = Ticker::start(Engine::default()).unwrap();
        for _ in 0..2 {
            wait_until("it sleeps", || ticker.sleeps());
            let call = ticker.begin();
            assert!(!ticker.sleeps());
            drop(call);
        }
        wait_until("it sleeps", || ticker.sleeps());
    }

    #[test]
    fn it_stops_when_it_is_dropped_asleep_or_not() {
        drop(Ticker::start(Engine::default()).unwrap());
        let ticker = Ticker::start(Engine::default()).unwrap();
        wait_until("it sleeps", || ticker.sleeps());
        drop(ticker);
    }
}
