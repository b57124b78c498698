//! What is counted of a plugin on a node, over all workers.
//! Promises: plain counters, no lock; whoever exports them takes a copy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_plugin_abi::Fault;

/// The reasons of faults, as [`Fault::reason`] says them.
const REASONS: [&str; 8] = [
    "timeout", "trap", "stack", "memory", "misuse", "reply", "too-much", "no-room",
];

/// What was counted since the plugin was attached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginStats {
    /// Calls, whatever became of them.
    pub calls: u64,
    /// Those that the guest refused, or that were refused for what they wrote.
    pub refusals: u64,
    /// Those that broke, by [`Fault::reason`].
    pub faults: Vec<(&'static str, u64)>,
    /// Time spent in them.
    pub time: Duration,
    /// Memory of all instances.
    pub memory_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: AtomicU64,
    refusals: AtomicU64,
    faults: [AtomicU64; REASONS.len()],
    nanos: AtomicU64,
    memory_bytes: AtomicU64,
}

impl Tally {
    pub(super) fn note_call(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        add(&self.calls, 1);
        add(&self.nanos, nanos);
    }

    pub(super) fn note_refusal(&self) {
        add(&self.refusals, 1);
    }

    pub(super) fn note_fault(&self, fault: &Fault) {
        let place = REASONS.iter().position(|reason| *reason == fault.reason());
        if let Some(counter) = place.and_then(|place| self.faults.get(place)) {
            add(counter, 1);
        }
    }

    /// An instance has so many bytes now, and had so many before.
    pub(super) fn note_memory(&self, before: usize, now: usize) {
        if before == now {
            return;
        }
        add(&self.memory_bytes, now as u64);
        self.memory_bytes.fetch_sub(before as u64, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> PluginStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PluginStats {
            calls: read(&self.calls),
            refusals: read(&self.refusals),
            faults: REASONS.into_iter().zip(self.faults.iter().map(read)).collect(),
            time: Duration::from_nanos(read(&self.nanos)),
            memory_bytes: read(&self.memory_bytes),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
