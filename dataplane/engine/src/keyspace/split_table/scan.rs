//! Going through the items in the order of their hashes.
//! Promises: an item that is there throughout a scan is seen exactly once, whatever splits and joins meanwhile: where a
//! scan stands is a hash, not a place of the table, and items of one hash are seen in one call.

use hashbrown::HashTable;

use super::node::{Kind, NODE_BITS};
use super::{Item, SplitTable};

impl<T: Item> SplitTable<T> {
    /// Items whose hashes lie in `from..=last`, the smallest first, about `count` of them, and the hash from which the
    /// next call goes on (`None`: that was all). Reads whole leaves.
    pub(crate) fn scan(&self, from: u64, last: u64, count: usize, mut see: impl FnMut(&T)) -> Option<u64> {
        let (mut from, mut left) = (from, count.max(1));
        loop {
            let (leaf, leaf_last) = self.leaf_of(from);
            let last_here = leaf_last.min(last);
            let (items, cut) = self.smallest(leaf, from, last_here, left);
            items.iter().for_each(|(_, item)| see(item));
            left = left.saturating_sub(items.len());
            let seen_until = cut.unwrap_or(last_here);
            if seen_until == last {
                return None;
            }
            from = seen_until + 1;
            if left == 0 {
                return Some(from);
            }
        }
    }

    /// How many items' hashes begin with the first `levels` times 7 bits of this one. Looks at one leaf at most.
    pub(crate) fn count_alike(&self, hash: u64, levels: u32) -> usize {
        let (mut node, mut level) = (&self.root, 0);
        loop {
            let branch = node.child(hash, level);
            if level * NODE_BITS + branch.depth == levels * NODE_BITS {
                return branch.summary.len;
            }
            match &branch.kind {
                Kind::Node(inner) => node = inner,
                Kind::Leaf(leaf) => {
                    let bits = !(u64::MAX >> (levels * NODE_BITS));
                    let alike = |item: &&T| (item.hash(self.costs.seed) ^ hash) & bits == 0;
                    return leaf.iter().filter(alike).count();
                }
            }
            level += 1;
        }
    }

    /// The leaf for a hash, and the last hash that it is for.
    fn leaf_of(&self, hash: u64) -> (&HashTable<T>, u64) {
        let (mut node, mut level) = (&self.root, 0);
        loop {
            let branch = node.child(hash, level);
            match &branch.kind {
                Kind::Leaf(leaf) => return (leaf, last_alike(hash, level * NODE_BITS + branch.depth)),
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }

    /// The `count` items with the smallest hashes, and those that share the last of these; if that is not all of them,
    /// that last hash.
    fn smallest<'a>(
        &self,
        leaf: &'a HashTable<T>,
        from: u64,
        last: u64,
        count: usize,
    ) -> (Vec<(u64, &'a T)>, Option<u64>) {
        let hashed = leaf.iter().map(|item| (item.hash(self.costs.seed), item));
        let mut items: Vec<_> = hashed.filter(|(hash, _)| (from..=last).contains(hash)).collect();
        items.sort_unstable_by_key(|(hash, _)| *hash);
        let all = items.len();
        let cut = items.get(count - 1).map(|(hash, _)| *hash);
        if let Some(cut) = cut {
            items.truncate(items.partition_point(|(hash, _)| *hash <= cut));
        }
        let cut = cut.filter(|_| items.len() < all);
        (items, cut)
    }
}

/// The last hash that agrees with this one in its first bits.
pub(super) fn last_alike(hash: u64, bits: u32) -> u64 {
    hash | u64::MAX >> bits
}
