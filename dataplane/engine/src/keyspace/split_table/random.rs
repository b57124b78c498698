//! Items by chance.
//! Promises: each item is as likely as any other, however unevenly the hashes lie.

use hashbrown::HashTable;

use super::Summary;
use super::node::{Kind, Node};
use crate::Random;

/// How many buckets are tried before items are counted: most buckets are in use.
const TRIES: usize = 8;

impl<T> Node<T> {
    /// A few of the items that `accept` takes, from one leaf: their hashes decided that they lie together, nothing else.
    /// `weight` says how many such items a part has. One may come twice.
    pub(super) fn random<'a>(
        &'a self,
        weight: impl Fn(&Summary) -> usize,
        accept: impl Fn(&T) -> bool,
        count: usize,
        random: &mut Random,
        mut see: impl FnMut(&'a T),
    ) {
        let all = self.children().iter().map(|branch| weight(&branch.summary)).sum();
        if all == 0 {
            return;
        }
        let (mut node, mut number) = (self, random.below(all));
        loop {
            let chosen = node.children().iter().find(|branch| {
                let weight = weight(&branch.summary);
                let is_here = number < weight;
                number -= if is_here { 0 } else { weight };
                is_here
            });
            let Some(chosen) = chosen else { return };
            match &chosen.kind {
                Kind::Node(inner) => node = inner,
                Kind::Leaf(leaf) => {
                    let weight = weight(&chosen.summary);
                    for _ in 0..count {
                        random_in(leaf, weight, &accept, random).into_iter().for_each(&mut see);
                    }
                    return;
                }
            }
        }
    }
}

fn random_in<'a, T>(
    leaf: &'a HashTable<T>,
    weight: usize,
    accept: impl Fn(&T) -> bool,
    random: &mut Random,
) -> Option<&'a T> {
    let mut try_bucket = || {
        leaf.get_bucket(random.below(leaf.num_buckets()))
            .filter(|item| accept(item))
    };
    (0..TRIES)
        .find_map(|_| try_bucket())
        .or_else(|| leaf.iter().filter(|item| accept(item)).nth(random.below(weight)))
}
