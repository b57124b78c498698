//! Asking the log who owns what: one call for all shards that a worker hears of.
//! Promises: replicas and the routes of clients learn of another owner within a sixth of a lease of its fence; a replica that
//! is to take its shard looks again when the time comes. Leaves to `nominate` what a replica makes of it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use tenure_log::{DescribeAnswer, Log, StreamStatus};
use tenure_types::{GroupId, StreamId};
use tokio::time::{Duration, Instant};

use super::{Replica, Replicas};
use crate::topology::Topology;

/// Shortest pause between two calls.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// Asks so often, and sooner when a replica may take its shard, until it is dropped. Groups wait for each other in nothing.
/// When replicas come or go, or a cluster gets another layout, it asks at once.
pub(crate) async fn observe_all(log: Arc<dyn Log>, replicas: Rc<Replicas>, every: Duration) {
    let mut changes = replicas.changes();
    loop {
        changes.mark_unchanged();
        let observers = Observer::of_groups(&log, &replicas.list());
        let observing = async {
            join_all(observers.iter().map(|observer| observer.run(every))).await;
            // Without replicas there is nobody to be told.
            std::future::pending().await
        };
        tokio::select! {
            never = observing => never,
            changed = changes.changed() => if changed.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// The streams of one log group that a worker hears of, and whom that is told.
pub(super) struct Observer {
    log: Arc<dyn Log>,
    replicas: BTreeMap<StreamId, Rc<Replica>>,
    /// Every stream of the clusters of these replicas, also of shards that are elsewhere: clients are sent there.
    topologies: BTreeMap<StreamId, Rc<Topology>>,
}

impl Observer {
    /// One for each group that has something of these replicas' clusters.
    pub(super) fn of_groups(log: &Arc<dyn Log>, replicas: &[Rc<Replica>]) -> Vec<Self> {
        let mut observers: BTreeMap<GroupId, Self> = BTreeMap::new();
        let none = || Self {
            log: Arc::clone(log),
            replicas: BTreeMap::new(),
            topologies: BTreeMap::new(),
        };
        for replica in replicas {
            // Its own shard is one of them.
            for shard in &replica.cluster().shards {
                let observer = observers.entry(shard.stream.group()).or_insert_with(none);
                observer.topologies.insert(shard.stream, Rc::clone(&replica.topology));
                if shard.stream == replica.stream() {
                    observer.replicas.insert(shard.stream, Rc::clone(replica));
                }
            }
        }
        observers.into_values().collect()
    }

    async fn run(&self, every: Duration) {
        loop {
            let asked = Instant::now();
            let due = self.ask().await;
            // Not `clamp`, which panics if the shortest is longer than the longest: leases may be as short.
            let pause = due.unwrap_or(every).min(every).max(PAUSE_MIN);
            tokio::time::sleep_until((asked + pause).max(Instant::now() + PAUSE_MIN)).await;
        }
    }

    /// Asks once, and tells. Answers when the first of those that were told may take its shard: who was told nothing has no
    /// reason to ask again sooner than else.
    pub(super) async fn ask(&self) -> Option<Duration> {
        let streams = self.topologies.keys().copied().collect();
        let mut answers = self.log.describe(streams);
        let mut due: Option<Duration> = None;
        while let Some(DescribeAnswer { stream, outcome }) = answers.next().await {
            // What nothing is known of, or does not exist yet, changes nothing.
            if let Ok(Some(status)) = outcome {
                let due_here = self.tell(stream, status);
                due = due.into_iter().chain(due_here).min();
            }
        }
        due
    }

    /// When its replica may take the shard, if it may not now.
    fn tell(&self, stream: StreamId, status: StreamStatus) -> Option<Duration> {
        if let (Some(topology), Some(current)) = (self.topologies.get(&stream), status.description.ownership) {
            let is_news = topology.learn(stream, current.epoch, current.owner.node);
            if let Some(replica) = self.replicas.get(&stream).filter(|_| is_news) {
                replica.tallies.epoch_began();
                replica.news.notify_one();
            }
        }
        let replica = self.replicas.get(&stream)?;
        replica.observed.send_replace(Some(status));
        replica.due_in(&status)
    }
}
