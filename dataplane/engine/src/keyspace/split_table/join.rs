//! Removal, and how the table becomes smaller again.
//! Promises: one removal moves no more items than a leaf holds. When all items are gone, so are all leaves but an empty
//! one.

use hashbrown::HashTable;

use super::node::{Kind, LEAF_ITEMS_MAX, Node, leaf_bytes};
use super::{Costs, Item, tag};
use crate::keyspace::memory::class_bytes;

/// Neighbours that have so few together become one leaf. Far below what makes a leaf split, lest one item that comes and
/// goes makes a leaf split and join again and again.
const JOINED_ITEMS_MAX: usize = LEAF_ITEMS_MAX / 4;

impl<T: Item> Node<T> {
    /// Takes out the item that is the one.
    pub(super) fn remove(
        &mut self,
        hash: u64,
        level: u32,
        is: &mut dyn FnMut(&T) -> bool,
        costs: &mut Costs,
    ) -> Option<T> {
        let branch = self.child_mut(hash, level);
        let item = match &mut branch.kind {
            Kind::Leaf(leaf) => remove_from(leaf, hash, is, costs)?,
            Kind::Node(node) => node.remove(hash, level + 1, is, costs)?,
        };
        branch.summary.subtract(item.expires_at());
        self.join(hash, level, costs);
        Some(item)
    }

    /// Joins the leaf of this hash with its neighbours as long as they are nearly empty.
    fn join(&mut self, hash: u64, level: u32, costs: &mut Costs) {
        self.lift(hash, level, costs);
        let mut moved_max = LEAF_ITEMS_MAX;
        while let Some((kept, other)) = self.neighbours(hash, level) {
            let before = self.heap_bytes();
            let moved = self.merge(kept, other, moved_max, costs);
            self.halve();
            costs.table_bytes = costs.table_bytes - before + self.heap_bytes();
            match moved {
                Some(moved) => moved_max -= moved,
                None => return,
            }
        }
    }

    /// Takes away a node that has only one leaf.
    fn lift(&mut self, hash: u64, level: u32, costs: &mut Costs) {
        let index = self.index(self.place(hash, level));
        let Kind::Node(node) = &mut self.child_mut(hash, level).kind else {
            return;
        };
        let node_bytes = node.heap_bytes() + class_bytes(size_of::<Self>());
        if let Some(leaf) = node.take_only_leaf() {
            costs.table_bytes -= node_bytes;
            self.branch_mut(index).kind = Kind::Leaf(leaf);
        }
    }

    /// The child of this hash and the one that it was split from, if both are leaves and few items are in them.
    fn neighbours(&self, hash: u64, level: u32) -> Option<(usize, usize)> {
        let place = self.place(hash, level);
        let branch = self.child(hash, level);
        if branch.depth == 0 {
            return None;
        }
        let other = self.index(place ^ 1 << (self.depth() - branch.depth));
        let neighbour = &self.children()[other];
        let alike = neighbour.depth == branch.depth;
        let leaves = matches!((&branch.kind, &neighbour.kind), (Kind::Leaf(_), Kind::Leaf(_)));
        let few = branch.summary.len + neighbour.summary.len <= JOINED_ITEMS_MAX;
        (alike && leaves && few).then_some(())?;
        let index = self.index(place);
        let index_is_larger = branch.summary.len >= neighbour.summary.len;
        Some(if index_is_larger {
            (index, other)
        } else {
            (other, index)
        })
    }

    /// Moves the items of one leaf into another, if they are not too many; how many they were.
    fn merge(&mut self, kept: usize, other: usize, moved_max: usize, costs: &mut Costs) -> Option<usize> {
        let count = self.children()[other].summary.len;
        if count > moved_max {
            return None;
        }
        self.give_places(other, kept);
        let emptied = self.forget_child(other);
        let kept_moved = kept == self.children().len();
        let branch = self.branch_mut(if kept_moved { other } else { kept });
        branch.depth -= 1;
        branch.summary = branch.summary.and(emptied.summary);
        if let (Kind::Leaf(leaf), Kind::Leaf(items)) = (&mut branch.kind, emptied.kind) {
            let seed = costs.seed;
            costs.table_bytes -= leaf_bytes(leaf) + leaf_bytes(&items);
            for item in items {
                leaf.insert_unique(tag(item.hash(seed)), item, |item| tag(item.hash(seed)));
            }
            costs.table_bytes += leaf_bytes(leaf);
        }
        Some(count)
    }
}

/// Takes an item out of a leaf, and gives buckets back when few of them are in use.
fn remove_from<T: Item>(
    leaf: &mut HashTable<T>,
    hash: u64,
    is: &mut dyn FnMut(&T) -> bool,
    costs: &mut Costs,
) -> Option<T> {
    let (item, _) = leaf.find_entry(tag(hash), is).ok()?.remove();
    if leaf.len() * 5 < leaf.num_buckets() {
        let (before, seed) = (leaf_bytes(leaf), costs.seed);
        leaf.shrink_to(leaf.len() * 2, |item| tag(item.hash(seed)));
        costs.table_bytes = costs.table_bytes - before + leaf_bytes(leaf);
    }
    Some(item)
}
