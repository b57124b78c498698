//! The contract of the log, rule by rule, against three real processes: real Raft, real syncs, real TLS.
//! Every rule has a quorum of its own. Faults are real too: answers and calls are lost on the way, and the leader is
//! killed with `kill -9`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quorum;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tenure_devcluster::{Direction, Flow};
use tenure_log::Log;
use tenure_log::contract::World;
use tenure_types::{BootTime, GroupId, LeaseLength, StreamId};

use self::quorum::{CALL_DEADLINE, LEASE_MAX_MILLIS, Quorum, block_on};

tenure_log::log_contract!(block_on, ProcessWorld::new().await);

/// A quorum of processes, seen through one client.
struct ProcessWorld {
    quorum: Quorum,
    log: Arc<dyn Log>,
    began: Instant,
    streams: AtomicU32,
}

impl ProcessWorld {
    async fn new() -> Self {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        Self {
            quorum,
            log,
            began: Instant::now(),
            streams: AtomicU32::new(1),
        }
    }
}

impl World for ProcessWorld {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log)
    }

    fn fresh_stream_id(&self) -> StreamId {
        StreamId::new(GroupId::new(0), self.streams.fetch_add(1, Ordering::Relaxed))
    }

    fn lease_max(&self) -> LeaseLength {
        LeaseLength::from_millis(LEASE_MAX_MILLIS).unwrap()
    }

    fn now(&self) -> BootTime {
        BootTime::from_nanos(u64::try_from(self.began.elapsed().as_nanos()).unwrap())
    }

    fn advance(&self, by: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(by)
    }

    /// Answers are swallowed for as long as the call may take, so that no repeat of it is answered either.
    async fn lose_next_answer(&self) -> bool {
        self.quorum.disturb(Direction::ToClient, Flow::Swallow, CALL_DEADLINE);
        true
    }

    async fn discard_next_call(&self) -> bool {
        self.quorum.disturb(Direction::ToServer, Flow::Swallow, CALL_DEADLINE);
        true
    }

    async fn change_leader(&self) -> bool {
        self.quorum.kill_leader(self.log.as_ref()).await;
        true
    }

    async fn interrupt_tails(&self) -> bool {
        self.quorum.cut_callers().await;
        true
    }

    /// A process cannot be told to; `tests/disk_cap.rs` fills its disk instead.
    async fn stop_granting_credit(&self) -> bool {
        false
    }
}
