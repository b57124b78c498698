//! Which node is told to people and scripts as the primary of each shard: the owner of its newest epoch in the log.
//! Promises: an epoch never goes back, whatever is answered late. Until the log has told of a shard, or when it names a
//! node that does not host it, the layout's primary is told. A log that does not answer changes nothing and is no error.
//! Leaves to `contract` and `greeting`: who is told. Leaves to `supervisor`: when to ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tenure_log::{DescribeAnswer, Log};
use tenure_log_node::transport::{TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_server::{ClusterLayout, Layout, ShardLayout};
use tenure_types::{Epoch, NodeId, StreamId};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::demo;
use super::kept::Kept;
use super::platform::{Platform, client};
use crate::api_client::ApiClient;
use crate::commands::server_data::PATIENCE;
use crate::failure::{DEFECT, Failure, OrHint};

/// Who asks, in its certificate: no data node, for those are counted by 16 bits.
const ASKER: NodeId = NodeId::new(1 << 16);
/// It is asked again soon anyway, and a call that is under way at the end must not keep log nodes from theirs.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Primaries(BTreeMap<StreamId, Owned>);

/// What the log told of a shard's stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owned {
    stream: StreamId,
    epoch: Epoch,
    node: NodeId,
}

impl Primaries {
    /// The node to tell as the primary of a shard.
    pub(super) fn of(&self, shard: &ShardLayout) -> NodeId {
        let owner = self.0.get(&shard.stream).map(|owned| owned.node);
        let host = owner.filter(|node| shard.address_on(*node).is_some());
        host.unwrap_or(shard.primary)
    }

    /// Takes what the log told. Gives a line for each shard that has another primary now.
    pub(super) fn learn(&mut self, layout: &Layout, told: &[Owned]) -> Vec<String> {
        let shards = |primaries: &Self| -> Vec<_> {
            let all = layout.clusters.iter().flat_map(|cluster| {
                let named = cluster.shards.iter().map(move |shard| (&cluster.name, shard));
                named.map(|(cluster, shard)| (cluster, &shard.name, primaries.of(shard)))
            });
            all.collect()
        };
        let before = shards(self);
        told.iter().for_each(|owned| self.take(*owned));
        let moved = before.into_iter().zip(shards(self)).filter(|(old, new)| old != new);
        moved
            .map(|(_, (cluster, shard, node))| format!("{cluster}/{shard} is now served by data-{}", node.get()))
            .collect()
    }

    fn take(&mut self, owned: Owned) {
        let known = self.0.entry(owned.stream).or_insert(owned);
        if known.epoch < owned.epoch {
            *known = owned;
        }
    }
}

/// Asks the log who owns the shards, and the control plane where they are. Its connections end with it.
#[derive(Clone)]
pub(super) struct Inquiry {
    log: QuorumLog,
    api: Arc<ApiClient>,
    kept: Arc<Kept>,
}

/// What was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) owned: Vec<Owned>,
    /// `None`: the control plane did not answer.
    pub(super) cluster: Option<ClusterLayout>,
}

impl Inquiry {
    /// About all shards of a platform. Must be called inside a runtime.
    pub(super) fn new(platform: &Platform, kept: &Kept) -> Result<Self, Failure> {
        let credentials = platform.log.authority().data_node(ASKER).or_hint(DEFECT)?;
        let transport = Transport::new(Arc::new(TcpDial), Some(credentials), PATIENCE);
        let nodes = platform.log.addresses().into_iter().map(|(id, address)| NodeAddress {
            id,
            address: address.to_string(),
        });
        let options = ClientOptions {
            call_deadline: ANSWER_WITHIN,
            ..ClientOptions::default()
        };
        let log = QuorumLog::new(transport, nodes.collect(), options, &Handle::current()).or_hint(DEFECT)?;
        Ok(Self {
            log,
            api: Arc::new(client(&platform.control)?),
            kept: Arc::new(kept.clone()),
        })
    }

    /// Asks both once. Ends in bounded time, with or without answers.
    pub(super) async fn ask(self, layout: &Layout) -> Told {
        let (api, kept) = (Arc::clone(&self.api), Arc::clone(&self.kept));
        let cluster = spawn_blocking(move || demo::layout(&api, &kept).ok());
        let (owned, cluster) = tokio::join!(self.owners(layout), cluster);
        Told {
            owned,
            cluster: cluster.ok().flatten(),
        }
    }

    /// Asks the log once. Ends in about a second, with or without answers.
    pub(super) async fn owners(self, layout: &Layout) -> Vec<Owned> {
        owners(&self.log, layout).await
    }
}

async fn owners(log: &QuorumLog, layout: &Layout) -> Vec<Owned> {
    let shards = layout.clusters.iter().flat_map(|cluster| &cluster.shards);
    let answers = log.describe(shards.map(|shard| shard.stream).collect());
    let owned = answers.filter_map(|answer| async move { Owned::from_answer(&answer) });
    owned.collect().await
}

impl Owned {
    fn from_answer(answer: &DescribeAnswer) -> Option<Self> {
        let status = answer.outcome.ok()??;
        let ownership = status.description.ownership?;
        Some(Self {
            stream: answer.stream,
            epoch: ownership.epoch,
            node: ownership.owner.node,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tenure_devcluster::Placement;
    use tenure_server::{ClusterLayout, ClusterLimits};
    use tenure_types::{GroupId, TenantId};
    use tokio::time::timeout;

    use super::*;

    /// Shard 0001 on data-1 and data-2, shard 0002 on data-2 and data-3, each with its primary first.
    fn layout() -> Layout {
        let placement = Placement {
            shards: 2,
            replicas: 1,
            data_nodes: 3,
        };
        let addresses: Vec<_> = (7501..7505).map(|port| ([127, 0, 0, 1], port).into()).collect();
        let cluster = ClusterLayout {
            name: "demo".to_owned(),
            tenant: TenantId::new(1),
            seed: 0,
            users: Vec::new(),
            limits: ClusterLimits::default(),
            tls: None,
            shards: placement.plan(1, &addresses).unwrap(),
            plugins: Vec::new(),
        };
        Layout {
            clusters: vec![cluster],
        }
    }

    fn owned(shard: u32, epoch: u64, node: u64) -> Owned {
        Owned {
            stream: StreamId::new(GroupId::new(0), shard),
            epoch: Epoch::new(epoch),
            node: NodeId::new(node),
        }
    }

    #[track_caller]
    fn check(primaries: &Primaries, expected: [u64; 2]) {
        let layout = layout();
        let told = layout.clusters[0].shards.iter().map(|shard| primaries.of(shard).get());
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_layouts_primary_is_told_until_the_log_has_named_an_owner() {
        let mut primaries = Primaries::default();
        check(&primaries, [1, 2]);
        assert!(primaries.learn(&layout(), &[]).is_empty());
        check(&primaries, [1, 2]);
    }

    #[test]
    fn a_line_is_said_for_each_shard_that_has_another_primary_and_for_no_other() {
        let mut primaries = Primaries::default();
        let line = |shard, node| format!("demo/000{shard} is now served by data-{node}");
        let learned = [
            (vec![owned(1, 4, 1), owned(2, 7, 3)], vec![line(2, 3)], [1, 3]),
            (vec![owned(1, 4, 1), owned(2, 7, 3)], vec![], [1, 3]),
            // The same node under a new epoch, as after its restart.
            (vec![owned(1, 5, 1), owned(2, 8, 3)], vec![], [1, 3]),
            (
                vec![owned(2, 9, 2), owned(1, 6, 2)],
                vec![line(1, 2), line(2, 2)],
                [2, 2],
            ),
            // None of the answers came, or a part.
            (vec![], vec![], [2, 2]),
            (vec![owned(1, 7, 1)], vec![line(1, 1)], [1, 2]),
        ];
        for (told, lines, expected) in learned {
            assert_eq!(primaries.learn(&layout(), &told), lines, "{told:?}");
            check(&primaries, expected);
        }
    }

    #[test]
    fn an_epoch_never_goes_back() {
        let mut primaries = Primaries::default();
        primaries.learn(&layout(), &[owned(1, 5, 2)]);
        for late in [owned(1, 4, 1), owned(1, 5, 1)] {
            assert!(primaries.learn(&layout(), &[late]).is_empty(), "{late:?}");
            check(&primaries, [2, 2]);
        }
    }

    #[test]
    fn an_owner_that_does_not_host_the_shard_is_not_told() {
        let mut primaries = Primaries::default();
        assert!(primaries.learn(&layout(), &[owned(1, 5, 3)]).is_empty());
        check(&primaries, [1, 2]);
        // Nor does the one before it come back by what was answered late.
        assert!(primaries.learn(&layout(), &[owned(1, 4, 2)]).is_empty());
        check(&primaries, [1, 2]);
    }

    #[tokio::test]
    async fn a_log_that_does_not_answer_tells_nothing_in_bounded_time() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let node = NodeAddress {
            id: NodeId::new(1),
            address: closed.local_addr().unwrap().to_string(),
        };
        drop(closed);
        let transport = Transport::new(Arc::new(TcpDial), None, PATIENCE);
        let options = ClientOptions {
            call_deadline: Duration::from_millis(50),
            ..ClientOptions::default()
        };
        let log = QuorumLog::new(transport, vec![node], options, &Handle::current()).unwrap();
        let layout = layout();
        let told = timeout(Duration::from_secs(30), owners(&log, &layout)).await.unwrap();
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn a_stream_of_nobody_here_is_no_shard() {
        let mut primaries = Primaries::default();
        assert!(primaries.learn(&layout(), &[owned(3, 1, 3)]).is_empty());
        check(&primaries, [1, 2]);
    }
}
