//! The log in memory keeps the contract.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use tenure_log::contract::World;
use tenure_log::{Log, ManualClock, MemoryLog, MemoryOptions};
use tenure_types::{BootTime, Clock, GroupId, LeaseLength, StreamId};

tenure_log::log_contract!(block_on, MemoryWorld::new());

/// A [`MemoryLog`] on a clock that stands still unless a rule moves it.
struct MemoryWorld {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    streams: AtomicU32,
}

impl MemoryWorld {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, MemoryOptions::default());
        Self {
            clock,
            log,
            streams: AtomicU32::new(1),
        }
    }
}

impl World for MemoryWorld {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.log.clone())
    }

    fn fresh_stream_id(&self) -> StreamId {
        StreamId::new(GroupId::new(0), self.streams.fetch_add(1, Ordering::Relaxed))
    }

    fn lease_max(&self) -> LeaseLength {
        MemoryOptions::default().lease_max
    }

    fn now(&self) -> BootTime {
        self.clock.boot()
    }

    fn advance(&self, by: Duration) -> impl Future<Output = ()> {
        self.clock.advance(by);
        std::future::ready(())
    }

    fn lose_next_answer(&self) -> impl Future<Output = bool> {
        self.log.lose_next_answer();
        std::future::ready(true)
    }

    fn discard_next_call(&self) -> impl Future<Output = bool> {
        self.log.discard_next_call();
        std::future::ready(true)
    }

    fn change_leader(&self) -> impl Future<Output = bool> {
        self.log.change_leader();
        std::future::ready(true)
    }

    fn interrupt_tails(&self) -> impl Future<Output = bool> {
        self.log.interrupt_tails();
        std::future::ready(true)
    }

    fn stop_granting_credit(&self) -> impl Future<Output = bool> {
        self.log.grant_credit(0);
        std::future::ready(true)
    }
}
