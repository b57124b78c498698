//! Who is told what of the streams of a node's clusters.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenure_log::{Create, Fence, Log, ManualClock, MemoryLog, MemoryOptions, Nomination};
use tenure_types::{Clock, Epoch, GroupId, Incarnation, LeaseLength, Owner, StreamId};

use super::cut::CutLog;
use super::world::run;
use crate::layout::ClusterLayout;
use crate::plugin::Plugins;
use crate::replica::{Replica, ReplicaParts, Replicas, observe_all};
use crate::testing::two_shards;
use crate::topology::Topology;

#[test]
fn owners_of_shards_elsewhere_are_heard_of_also_while_another_group_of_the_log_says_nothing() {
    run(async {
        let mut cluster = two_shards();
        let (hosted, elsewhere) = (GroupId::new(1), GroupId::new(2));
        cluster.shards[0].stream = StreamId::new(hosted, 1);
        cluster.shards[1].stream = StreamId::new(elsewhere, 1);
        let (stream, node) = (cluster.shards[1].stream, cluster.shards[1].primary);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let log = CutLog::new(MemoryLog::new(Arc::clone(&clock), MemoryOptions::default()));
        let lease = LeaseLength::from_millis(1200).unwrap();
        let create = Create {
            stream,
            tenant: cluster.tenant,
            restore_window: false,
        };
        log.create(create).await.unwrap();
        let fence = Fence {
            stream,
            expect_epoch: Epoch::NONE,
            owner: Owner {
                node,
                incarnation: Incarnation::new(9).unwrap(),
            },
            lease,
            nomination: Nomination::ByControlPlane,
        };
        log.fence(fence).await.unwrap();
        log.mute(hosted);
        let log: Arc<dyn Log> = Arc::new(log);
        let replica = first_replica(cluster, clock, Arc::clone(&log), lease);
        let topology = Rc::clone(replica.topology());
        let observing = observe_all(log, Replicas::of(vec![replica]), Duration::from_millis(200));
        let _ = tokio::time::timeout(Duration::from_secs(1), observing).await;
        assert_eq!(topology.epoch_of(stream), Epoch::new(1));
    });
}

#[test]
fn the_log_is_asked_on_and_on_also_when_leases_are_shorter_than_the_shortest_pause() {
    run(async {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::clone(&clock), MemoryOptions::default()));
        let lease = LeaseLength::from_millis(6).unwrap();
        let replica = first_replica(two_shards(), clock, Arc::clone(&log), lease);
        let observing = observe_all(log, Replicas::of(vec![replica]), lease.as_duration() / 6);
        // It never ends, neither by a panic.
        assert!(tokio::time::timeout(Duration::from_secs(1), observing).await.is_err());
    });
}

/// The primary of a cluster's first shard, with nothing done yet.
fn first_replica(cluster: ClusterLayout, clock: Arc<dyn Clock>, log: Arc<dyn Log>, lease: LeaseLength) -> Rc<Replica> {
    let shard = cluster.shards[0].clone();
    Replica::new(ReplicaParts {
        node: shard.primary,
        shard,
        plugins: Plugins::of(&cluster),
        topology: Topology::new(cluster),
        clock,
        log,
        lease,
        durable_copies: 2,
        seed: 1,
        news: Rc::default(),
    })
}
