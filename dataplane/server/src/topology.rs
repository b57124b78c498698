//! A cluster as one worker knows it: its layout, with the primaries that the log has told of.
//! Promises: who is primary never goes back to an older epoch, whatever comes in which order; a layout that was handed out
//! is never changed, and another one takes its place, so whoever keeps one sees by its address that it is old.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tenure_types::{Epoch, NodeId, StreamId};

use crate::layout::ClusterLayout;

/// See the top of the file. Shared by the replicas of the cluster that live on one worker.
#[derive(Debug)]
pub(crate) struct Topology {
    layout: RefCell<Arc<ClusterLayout>>,
    /// The newest epoch that is known of each shard. Without one, its primary is who the layout says shall be.
    epochs: RefCell<BTreeMap<StreamId, Epoch>>,
}

impl Topology {
    /// As the layout has it; nothing is known of the log.
    pub(crate) fn new(layout: ClusterLayout) -> Rc<Self> {
        Rc::new(Self {
            layout: RefCell::new(Arc::new(layout)),
            epochs: RefCell::default(),
        })
    }

    /// The cluster as it is now.
    pub(crate) fn layout(&self) -> Arc<ClusterLayout> {
        Arc::clone(&self.layout.borrow())
    }

    /// The newest epoch of a shard.
    pub(crate) fn epoch_of(&self, stream: StreamId) -> Epoch {
        self.epochs.borrow().get(&stream).copied().unwrap_or(Epoch::NONE)
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
        self.epochs.borrow_mut().insert(stream, epoch);
        if known.shards[at].primary != owner {
            let mut changed = ClusterLayout::clone(&known);
            changed.shards[at].primary = owner;
            *self.layout.borrow_mut() = Arc::new(changed);
        }
        true
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
}
