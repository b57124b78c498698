//! For tests of what works on a replica: one that serves at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::rc::Rc;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use tenure_log::{Create, Fence, Log, MemoryLog, MemoryOptions, Nomination};
use tenure_types::{Clock, Epoch, LeaseLength};

use super::role::Role;
use super::{Replica, ReplicaParts};
use crate::layout::ClusterLayout;
use crate::plugin::Plugins;
use crate::topology::Topology;

impl Replica {
    /// The primary of a cluster's first shard, on a log of its own that nobody carries its turns to: what is held stays so.
    pub(crate) fn for_tests(cluster: ClusterLayout, clock: Arc<dyn Clock>) -> Rc<Self> {
        let shard = cluster.shards[0].clone();
        let stream = shard.stream;
        let create = Create {
            stream,
            tenant: cluster.tenant,
            restore_window: false,
        };
        let log = MemoryLog::new(Arc::clone(&clock), MemoryOptions::default());
        log.create(create).now_or_never().unwrap().unwrap();
        let replica = Self::new(ReplicaParts {
            node: shard.primary,
            plugins: Plugins::of(&cluster),
            topology: Topology::new(cluster),
            shard,
            clock: Arc::clone(&clock),
            log: Arc::new(log.clone()),
            lease: LeaseLength::from_millis(1200).unwrap(),
            durable_copies: 2,
            seed: 1,
            news: Rc::default(),
        });
        let fence = Fence {
            stream,
            expect_epoch: Epoch::NONE,
            owner: replica.owner(),
            lease: replica.lease,
            nomination: Nomination::ByControlPlane,
        };
        let granted = log.fence(fence).now_or_never().unwrap().unwrap();
        replica.begin_epoch(&granted, clock.boot());
        replica.loaded();
        replica.renew_for_tests();
        replica
    }

    /// The second node of a cluster's first shard: it follows, and nothing was written yet.
    pub(crate) fn follower_for_tests(cluster: ClusterLayout, clock: Arc<dyn Clock>) -> Rc<Self> {
        let shard = cluster.shards[0].clone();
        let replica = Self::new(ReplicaParts {
            node: shard.replicas[1].node,
            plugins: Plugins::of(&cluster),
            topology: Topology::new(cluster),
            shard,
            clock: Arc::clone(&clock),
            log: Arc::new(MemoryLog::new(clock, MemoryOptions::default())),
            lease: LeaseLength::from_millis(1200).unwrap(),
            durable_copies: 2,
            seed: 1,
            news: Rc::default(),
        });
        replica.state.borrow_mut().role = Role::Replica;
        replica
    }

    /// Renews the lease, as its worker would.
    pub(crate) fn renew_for_tests(&self) {
        let now = self.clock.boot();
        let mut answers = self.log.renew(vec![self.renewal(now).unwrap()]);
        self.on_renewed(now, answers.next().now_or_never().unwrap().unwrap());
    }
}
