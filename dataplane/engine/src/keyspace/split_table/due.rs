//! Finding the items whose time is over without looking at the others.
//! Promises: a call looks into one leaf at most, and only into one that may have such an item.

use hashbrown::HashTable;
use tenure_types::WallTime;

use super::node::{Kind, NODE_BITS, Node};
use super::scan::last_alike;
use super::{Item, SplitTable, tag};

/// What to look for.
struct Search<'a, T> {
    now: WallTime,
    count_max: usize,
    see: &'a mut dyn FnMut(&T),
}

impl<T: Item> SplitTable<T> {
    /// The item that is the one, if its time is over.
    pub(crate) fn find_due(&self, hash: u64, now: WallTime, is: impl FnMut(&T) -> bool) -> Option<&T> {
        if !self.summary.is_due(now) {
            return None;
        }
        let (mut node, mut level) = (&self.root, 0);
        loop {
            let branch = node.child(hash, level);
            if !branch.summary.is_due(now) {
                return None;
            }
            match &branch.kind {
                Kind::Leaf(leaf) => {
                    let item = leaf.find(tag(hash), is)?;
                    return Some(item).filter(|item| item.expires_at().is_some_and(|at| at <= now));
                }
                Kind::Node(inner) => node = inner,
            }
            level += 1;
        }
    }

    /// Shows up to so many items of the first leaf from this hash on that may have some whose time is over, and says at
    /// which hash to go on. `None`: there is no such leaf. The caller removes all items that it was shown: they do not
    /// count for [`SplitTable::earliest`] any more.
    pub(crate) fn visit_due(
        &mut self,
        from: u64,
        now: WallTime,
        count_max: usize,
        see: &mut dyn FnMut(&T),
    ) -> Option<u64> {
        let mut search = Search { now, count_max, see };
        let last = self.root.visit_due(from, 0, &mut search)?;
        self.summary.tighten(self.root.earliest());
        Some(last.wrapping_add(1))
    }
}

impl<T: Item> Node<T> {
    fn visit_due(&mut self, from: u64, level: u32, search: &mut Search<'_, T>) -> Option<u64> {
        let (mut at, last_of_node) = (from, last_alike(from, level * NODE_BITS));
        loop {
            let branch = self.child_mut(at, level);
            let last = last_alike(at, level * NODE_BITS + branch.depth);
            if branch.summary.is_due(search.now) {
                let found = match &mut branch.kind {
                    Kind::Leaf(leaf) => Some((last, show_due(leaf, search))),
                    Kind::Node(node) => node
                        .visit_due(at, level + 1, search)
                        .map(|last| (last, node.earliest())),
                };
                if let Some((last, earliest)) = found {
                    branch.summary.tighten(earliest);
                    return Some(last);
                }
            }
            if last == last_of_node {
                return None;
            }
            at = last + 1;
        }
    }

    fn earliest(&self) -> Option<WallTime> {
        self.children()
            .iter()
            .filter_map(|branch| branch.summary.earliest())
            .min()
    }
}

/// Shows the items whose time is over; the earliest time of those that were not shown.
fn show_due<T: Item>(leaf: &HashTable<T>, search: &mut Search<'_, T>) -> Option<WallTime> {
    let mut earliest: Option<WallTime> = None;
    for item in leaf {
        let Some(at) = item.expires_at() else { continue };
        if at <= search.now && search.count_max > 0 {
            search.count_max -= 1;
            (search.see)(item);
        } else {
            earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
    }
    earliest
}
