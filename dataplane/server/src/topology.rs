//! A cluster as one worker knows it: its layout as it was ordered, with the primaries that the log has told of.
//! Promises: who is primary never goes back to an older epoch, whatever comes in which order, also when the cluster gets
//! another layout; a layout that was handed out is never changed, and another one takes its place, so whoever keeps one sees
//! by its address that it is old.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{Epoch, NodeId, StreamId};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::layout::{ClusterLayout, ShardLayout};

/// For how long those who take part in a hand-over hurry. What is not done by then is done at the usual pace.
const HURRY_FOR: Duration = Duration::from_secs(5);

/// See the top of the file. Shared by the replicas of the cluster that live on one worker.
#[derive(Debug)]
pub(crate) struct Topology {
    /// As it was ordered: its primaries are the first choices.
    ordered: RefCell<Arc<ClusterLayout>>,
    /// The same, with the primaries that are known.
    layout: RefCell<Arc<ClusterLayout>>,
    /// The newest epoch that is known of each shard, and whose it is. Without one, its primary is the first choice.
    owners: RefCell<BTreeMap<StreamId, (Epoch, NodeId)>>,
    /// Which epochs are to be given up, since when that is known.
    hand_overs: RefCell<BTreeMap<StreamId, (Epoch, Instant)>>,
    /// Told when another layout comes.
    ordered_anew: watch::Sender<()>,
}

impl Topology {
    /// As the layout has it; nothing is known of the log.
    pub(crate) fn new(layout: ClusterLayout) -> Rc<Self> {
        let layout = Arc::new(layout);
        let topology = Self {
            ordered: RefCell::new(Arc::clone(&layout)),
            layout: RefCell::new(Arc::clone(&layout)),
            owners: RefCell::default(),
            hand_overs: RefCell::default(),
            ordered_anew: watch::Sender::new(()),
        };
        topology.order(layout);
        Rc::new(topology)
    }

    /// The cluster as it is now.
    pub(crate) fn layout(&self) -> Arc<ClusterLayout> {
        Arc::clone(&self.layout.borrow())
    }

    /// What the layout says of a shard, with the first choice as its primary; `None`: the cluster has it no more.
    pub(crate) fn ordered<T>(&self, stream: StreamId, read: impl FnOnce(&ShardLayout) -> T) -> Option<T> {
        let ordered = self.ordered.borrow();
        ordered.shards.iter().find(|shard| shard.stream == stream).map(read)
    }

    /// Resolves whenever another layout has come.
    pub(crate) fn orders(&self) -> watch::Receiver<()> {
        self.ordered_anew.subscribe()
    }

    /// The newest epoch of a shard.
    pub(crate) fn epoch_of(&self, stream: StreamId) -> Epoch {
        self.owners
            .borrow()
            .get(&stream)
            .map_or(Epoch::NONE, |(epoch, _)| *epoch)
    }

    /// Whose it is, as far as is known of the log.
    pub(crate) fn owner_of(&self, stream: StreamId) -> Option<NodeId> {
        self.owners.borrow().get(&stream).map(|(_, owner)| *owner)
    }

    /// Takes another layout. Who is known to be primary stays so, as far as it still hosts the shard.
    pub(crate) fn order(&self, layout: Arc<ClusterLayout>) {
        self.owners
            .borrow_mut()
            .retain(|stream, _| layout.shards.iter().any(|shard| shard.stream == *stream));
        let given_up = layout
            .shards
            .iter()
            .filter_map(|shard| Some((shard.stream, shard.give_up?)));
        let mut hand_overs = BTreeMap::new();
        for (stream, epoch) in given_up {
            let known = self.hand_overs.borrow().get(&stream).copied();
            // An order that is repeated is the same order.
            let since = known.filter(|(known, _)| *known == epoch).map(|(_, since)| since);
            hand_overs.insert(stream, (epoch, since.unwrap_or_else(Instant::now)));
        }
        self.hand_overs.replace(hand_overs);
        self.ordered.replace(Arc::clone(&layout));
        self.layout.replace(self.with_owners(layout));
        self.ordered_anew.send_replace(());
    }

    fn with_owners(&self, layout: Arc<ClusterLayout>) -> Arc<ClusterLayout> {
        let owners = self.owners.borrow();
        let owner_of = |shard: &ShardLayout| {
            let (_, owner) = owners.get(&shard.stream)?;
            (shard.primary != *owner && shard.address_on(*owner).is_some()).then_some(*owner)
        };
        if layout.shards.iter().all(|shard| owner_of(shard).is_none()) {
            return layout;
        }
        let mut changed = ClusterLayout::clone(&layout);
        for shard in &mut changed.shards {
            shard.primary = owner_of(shard).unwrap_or(shard.primary);
        }
        Arc::new(changed)
    }

    /// The log says, or said at some time, that this node owns this epoch of the shard. Tells whether that is news.
    pub(crate) fn learn(&self, stream: StreamId, epoch: Epoch, owner: NodeId) -> bool {
        if epoch <= self.epoch_of(stream) {
            return false;
        }
        let known = self.layout();
        let Some(at) = known.shards.iter().position(|shard| shard.stream == stream) else {
            return false;
        };
        if known.shards[at].address_on(owner).is_none() {
            // The layout is older than that owner. Nobody could be told where it is.
            return false;
        }
        self.owners.borrow_mut().insert(stream, (epoch, owner));
        if known.shards[at].primary != owner {
            let mut changed = ClusterLayout::clone(&known);
            changed.shards[at].primary = owner;
            self.layout.replace(Arc::new(changed));
        }
        true
    }

    /// Whether the shard's owner was told not long ago to give its epoch up, and no newer one is known.
    pub(crate) fn is_handed_over(&self, stream: StreamId) -> bool {
        let known = self.epoch_of(stream);
        let hand_overs = self.hand_overs.borrow();
        let hand_over = hand_overs.get(&stream);
        hand_over.is_some_and(|(epoch, since)| known <= *epoch && since.elapsed() < HURRY_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::layout;

    fn primaries(topology: &Topology) -> Vec<u64> {
        let layout = topology.layout();
        layout.shards.iter().map(|shard| shard.primary.get()).collect()
    }

    #[test]
    fn the_newest_epoch_says_who_is_primary_and_an_older_one_changes_nothing() {
        let topology = Topology::new(layout());
        let stream = topology.layout().shards[0].stream;
        let learn = |epoch, node| topology.learn(stream, Epoch::new(epoch), NodeId::new(node));
        assert!(learn(3, 2));
        assert_eq!(
            (primaries(&topology), topology.epoch_of(stream)),
            (vec![2, 3], Epoch::new(3))
        );
        assert!(!learn(2, 1) && !learn(3, 1));
        assert_eq!(primaries(&topology), [2, 3]);
        assert!(learn(4, 1));
        assert_eq!(primaries(&topology), [1, 3]);
    }

    #[test]
    fn an_owner_that_the_layout_does_not_know_is_told_to_nobody() {
        let topology = Topology::new(layout());
        let stream = topology.layout().shards[0].stream;
        assert!(!topology.learn(stream, Epoch::new(1), NodeId::new(9)));
        assert!(!topology.learn(StreamId::from_bits(99), Epoch::new(1), NodeId::new(1)));
        assert_eq!(primaries(&topology), [1, 3]);
    }

    #[test]
    fn a_layout_that_was_handed_out_stays_as_it_is() {
        let topology = Topology::new(layout());
        let before = topology.layout();
        let stream = before.shards[0].stream;
        topology.learn(stream, Epoch::new(1), before.shards[0].primary);
        assert!(Arc::ptr_eq(&before, &topology.layout()), "nobody has to look again");
        topology.learn(stream, Epoch::new(2), NodeId::new(2));
        assert!(!Arc::ptr_eq(&before, &topology.layout()));
        assert_eq!(before.shards[0].primary, NodeId::new(1));
    }

    #[test]
    fn another_layout_takes_nothing_back_of_what_the_log_has_told() {
        let topology = Topology::new(layout());
        let stream = layout().shards[0].stream;
        assert!(topology.learn(stream, Epoch::new(3), NodeId::new(2)));
        let mut next = layout();
        let moved = "127.0.0.9:7009".parse().unwrap();
        next.shards[0].replicas[1].address = moved;
        topology.order(Arc::new(next.clone()));
        assert_eq!(primaries(&topology), [2, 3]);
        assert_eq!(topology.layout().shards[0].primary_address(), Some(moved));
        assert_eq!(topology.ordered(stream, |shard| shard.primary), Some(NodeId::new(1)));
        assert!(!topology.learn(stream, Epoch::new(2), NodeId::new(1)));
        // The owner is gone from the layout, and comes back.
        let without = ClusterLayout {
            shards: vec![
                ShardLayout {
                    replicas: vec![next.shards[0].replicas[0].clone()],
                    ..next.shards[0].clone()
                },
                next.shards[1].clone(),
            ],
            ..next.clone()
        };
        topology.order(Arc::new(without));
        assert_eq!(
            (primaries(&topology), topology.epoch_of(stream)),
            (vec![1, 3], Epoch::new(3))
        );
        topology.order(Arc::new(next));
        assert_eq!(primaries(&topology), [2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hand_over_is_hurried_until_a_newer_epoch_is_known_and_not_for_ever() {
        let order = |epoch| {
            let mut layout = layout();
            layout.shards[0].give_up = Some(Epoch::new(epoch));
            Arc::new(layout)
        };
        let topology = Topology::new(layout());
        let stream = layout().shards[0].stream;
        topology.learn(stream, Epoch::new(3), NodeId::new(1));
        assert!(!topology.is_handed_over(stream));
        topology.order(order(2));
        assert!(!topology.is_handed_over(stream), "that epoch is over");
        topology.order(order(3));
        assert!(topology.is_handed_over(stream));
        tokio::time::advance(HURRY_FOR / 2).await;
        topology.order(order(3));
        tokio::time::advance(HURRY_FOR / 2).await;
        assert!(
            !topology.is_handed_over(stream),
            "the order was repeated, not given anew"
        );
        topology.learn(stream, Epoch::new(4), NodeId::new(2));
        topology.order(order(4));
        assert!(topology.is_handed_over(stream));
        topology.learn(stream, Epoch::new(5), NodeId::new(1));
        assert!(!topology.is_handed_over(stream));
    }
}
