//! A hash table that grows leaf by leaf: items are found by a hash of 64 bits and lie in small tables (leaves), each of
//! which holds a range of hashes. A full leaf splits on its next bit; nearly empty neighbours join.
//! Promises: no operation moves more items than a leaf holds, so none stalls, however large the table is. Hashes may be
//! skewed in any of their bits: only hashes that are equal in their first 63 bits cannot be told apart, and share a leaf.
//! Memory that removed items and their tables took is given back.
//!
//! ```text
//!   node: directory over 7 bits ──▶ leaf: hash table of at most 448 items
//!                                 └▶ node: directory over the next 7 bits ──▶ …
//! ```
//!
//! One directory over all bits would be flatter. But it doubles as a whole (a pause), and keys of one hash tag, which
//! share 14 bits, would make it explode. A directory of 7 bits is at most 128 bytes, and two of them are the 14 bits of
//! a slot.

mod due;
mod join;
mod node;
mod random;
mod scan;
mod summary;
#[cfg(test)]
mod tests;

use node::{Kind, Node};
use summary::Summary;
use tenure_types::WallTime;

use crate::Random;

/// What lies in a [`SplitTable`].
pub(crate) trait Item {
    /// Its hash. Never changes while the item is in a table.
    fn hash(&self, seed: u64) -> u64;

    /// Bytes that it takes besides its place in the table.
    fn heap_bytes(&self) -> usize;

    /// When it goes.
    fn expires_at(&self) -> Option<WallTime> {
        None
    }
}

/// Items by their hashes.
#[derive(Debug, Clone)]
pub(crate) struct SplitTable<T> {
    root: Node<T>,
    summary: Summary,
    costs: Costs,
    items_bytes: usize,
}

/// What nodes need to know of the whole table while they change.
#[derive(Debug, Clone, Copy)]
struct Costs {
    seed: u64,
    /// Bytes of all nodes and leaves.
    table_bytes: usize,
}

impl<T: Item> SplitTable<T> {
    /// No items. Their hashes will be taken under this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let root = Node::new();
        let table_bytes = root.heap_bytes();
        Self {
            root,
            summary: Summary::default(),
            costs: Costs { seed, table_bytes },
            items_bytes: 0,
        }
    }

    /// What hashes are taken under.
    pub(crate) fn seed(&self) -> u64 {
        self.costs.seed
    }

    /// How many items.
    pub(crate) fn len(&self) -> usize {
        self.summary.len
    }

    /// How many items have an expiry.
    pub(crate) fn volatile(&self) -> usize {
        self.summary.volatile
    }

    /// No item expires before this.
    pub(crate) fn earliest(&self) -> Option<WallTime> {
        self.summary.earliest()
    }

    /// Bytes that the items and their tables take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.items_bytes + self.costs.table_bytes
    }

    /// The item that is the one.
    pub(crate) fn find(&self, hash: u64, is: impl FnMut(&T) -> bool) -> Option<&T> {
        let (mut node, mut level) = (&self.root, 0);
        loop {
            match &node.child(hash, level).kind {
                Kind::Leaf(leaf) => return leaf.find(tag(hash), is),
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }

    /// The item that is the one, for changes of neither its size nor its expiry.
    pub(crate) fn find_mut(&mut self, hash: u64, is: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let (mut node, mut level) = (&mut self.root, 0);
        loop {
            match &mut node.child_mut(hash, level).kind {
                Kind::Leaf(leaf) => return leaf.find_mut(tag(hash), is),
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }

    /// Changes the item that is the one, if there is one.
    pub(crate) fn change<R>(
        &mut self,
        hash: u64,
        is: impl FnMut(&T) -> bool,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let item = self.find_mut(hash, is)?;
        let (bytes_before, before) = (item.heap_bytes(), item.expires_at());
        let outcome = change(item);
        let (bytes_after, after) = (item.heap_bytes(), item.expires_at());
        self.items_bytes = self.items_bytes - bytes_before + bytes_after;
        if before != after {
            self.reschedule(hash, before, after);
        }
        Some(outcome)
    }

    /// Adds an item that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, item: T) {
        let at = item.expires_at();
        self.items_bytes += item.heap_bytes();
        self.summary.add(at);
        let (mut node, mut level, mut differing) = (&mut self.root, 0, None);
        loop {
            if node.is_full(hash, level) {
                node.split(hash, level, &mut differing, &mut self.costs);
                continue;
            }
            let branch = node.child_mut(hash, level);
            branch.summary.add(at);
            match &mut branch.kind {
                Kind::Leaf(leaf) => return node::insert_into(leaf, hash, item, &mut self.costs),
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }

    /// Takes out the item that is the one.
    pub(crate) fn remove(&mut self, hash: u64, mut is: impl FnMut(&T) -> bool) -> Option<T> {
        let item = self.root.remove(hash, 0, &mut is, &mut self.costs)?;
        self.items_bytes -= item.heap_bytes();
        self.summary.subtract(item.expires_at());
        Some(item)
    }

    /// All items, in an order that stays while nothing changes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut ahead: Vec<_> = self.root.children().iter().collect();
        let mut leaf = None;
        std::iter::from_fn(move || {
            loop {
                if let Some(item) = leaf.as_mut().and_then(Iterator::next) {
                    return Some(item);
                }
                match &ahead.pop()?.kind {
                    Kind::Leaf(items) => leaf = Some(items.iter()),
                    Kind::Node(node) => ahead.extend(node.children()),
                }
            }
        })
    }

    /// One of the items, each as likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<&T> {
        let mut found = None;
        self.random_some(1, random, |item| found = Some(item));
        found
    }

    /// So many items by chance; one may come twice.
    pub(crate) fn random_some<'a>(&'a self, count: usize, random: &mut Random, see: impl FnMut(&'a T)) {
        self.root.random(|summary| summary.len, |_| true, count, random, see);
    }

    /// So many of the items that have an expiry, by chance; one may come twice.
    pub(crate) fn random_volatile<'a>(&'a self, count: usize, random: &mut Random, see: impl FnMut(&'a T)) {
        let is_volatile = |item: &T| item.expires_at().is_some();
        self.root
            .random(|summary| summary.volatile, is_volatile, count, random, see);
    }

    fn reschedule(&mut self, hash: u64, before: Option<WallTime>, after: Option<WallTime>) {
        self.summary.replace(before, after);
        let (mut node, mut level) = (&mut self.root, 0);
        loop {
            let branch = node.child_mut(hash, level);
            branch.summary.replace(before, after);
            match &mut branch.kind {
                Kind::Leaf(_) => return,
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }
}

/// The hash as a leaf takes it. hashbrown looks at the lowest and at the uppermost bits, and within a leaf the
/// uppermost are all the same.
fn tag(hash: u64) -> u64 {
    hash.rotate_right(7)
}
