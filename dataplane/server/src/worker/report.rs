//! What lives on a worker, for others to read.
//! Promises: another standing, incarnation or epoch is told at once, anything else at least once a second; what did not
//! change is not told again.

use std::rc::Rc;
use std::time::Duration;

use tenure_types::{Epoch, Incarnation, Lsn, StreamId};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::replica::{Replicas, Standing};

/// How often numbers that changed are told.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);

/// How often is looked for what nobody tells of: a lease that ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A shard on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaReport {
    /// Its stream.
    pub stream: StreamId,
    /// What it may do.
    pub standing: Standing,
    /// Which life of its image this is: who fences on its behalf names it.
    pub incarnation: Incarnation,
    /// The newest epoch that it knows.
    pub epoch: Epoch,
    /// Up to where the log is known to have what it holds; `None`: it holds nothing.
    pub lsn: Option<Lsn>,
    /// Keys.
    pub keys: u64,
    /// Memory of the keys.
    pub memory_bytes: u64,
    /// Connections.
    pub clients: u64,
    /// Whether it has ever served, or seen another do so.
    pub has_settled: bool,
}

impl ReplicaReport {
    /// What is told at once.
    fn urgent(&self) -> (StreamId, Standing, Incarnation, Epoch, bool) {
        (
            self.stream,
            self.standing,
            self.incarnation,
            self.epoch,
            self.has_settled,
        )
    }
}

/// See the top of the file.
pub(super) struct Reporter {
    replicas: Rc<Replicas>,
    reports: watch::Sender<Vec<ReplicaReport>>,
}

impl Reporter {
    pub(super) fn new(replicas: Rc<Replicas>, reports: watch::Sender<Vec<ReplicaReport>>) -> Self {
        Self { replicas, reports }
    }

    /// Tells now what there is.
    pub(super) fn publish(&self) {
        self.publish_if(true);
    }

    /// Whether anything was told.
    fn publish_if(&self, numbers_too: bool) -> bool {
        let now: Vec<_> = self.replicas.list().iter().map(|replica| replica.report()).collect();
        self.reports.send_if_modified(|told| {
            let is_news = if numbers_too {
                *told != now
            } else {
                !told
                    .iter()
                    .map(ReplicaReport::urgent)
                    .eq(now.iter().map(ReplicaReport::urgent))
            };
            if is_news {
                *told = now;
            }
            is_news
        })
    }

    /// Reports for ever.
    pub(super) async fn run(self: Rc<Self>, news: Rc<Notify>) {
        let mut changes = self.replicas.changes();
        let mut told_at = Instant::now();
        loop {
            let waits_out = self
                .replicas
                .list()
                .iter()
                .filter_map(|replica| replica.wait_out_left())
                .min();
            let pause = waits_out.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY));
            tokio::select! {
                () = news.notified() => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
            let numbers_too = told_at.elapsed() >= NUMBERS_EVERY;
            if self.publish_if(numbers_too) || numbers_too {
                told_at = Instant::now();
            }
        }
    }
}
