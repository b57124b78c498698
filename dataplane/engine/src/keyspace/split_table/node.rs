//! A node: a directory over the next 7 bits of the hash. A child whose entries agree in fewer bits stands in several
//! places of the directory, which doubles when a child needs more bits than it has: 64 bytes become 128 at most.
//! Promises: children are leaves, or nodes below a single place of the directory; at most 128 of them.

use hashbrown::HashTable;

use super::{Costs, Item, Summary, tag};
use crate::keyspace::memory::class_bytes;

/// Bits of the hash that a node tells apart.
pub(super) const NODE_BITS: u32 = 7;
/// The last level: nodes there tell bits 57 to 63 apart, and the last bit is left out.
const LEVEL_MAX: u32 = 8;
/// What fits into 512 buckets of hashbrown.
pub(super) const LEAF_ITEMS_MAX: usize = 448;

#[derive(Debug, Clone)]
pub(super) struct Node<T> {
    /// Bits that the directory tells apart: its length is 2 to the power of them.
    depth: u32,
    /// For each value of these bits, which child has it.
    directory: Vec<u8>,
    children: Vec<Branch<T>>,
}

#[derive(Debug, Clone)]
pub(super) struct Branch<T> {
    /// Bits that all its items agree in, of the node's 7.
    pub(super) depth: u32,
    pub(super) summary: Summary,
    pub(super) kind: Kind<T>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind<T> {
    Leaf(HashTable<T>),
    Node(Box<Node<T>>),
}

impl<T> Node<T> {
    pub(super) fn new() -> Self {
        Self::over(Summary::default(), Kind::Leaf(HashTable::new()))
    }

    fn over(summary: Summary, kind: Kind<T>) -> Self {
        let depth = 0;
        Self {
            depth,
            directory: vec![0],
            children: vec![Branch { depth, summary, kind }],
        }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) fn children(&self) -> &[Branch<T>] {
        &self.children
    }

    /// Where in the directory a hash belongs.
    pub(super) fn place(&self, hash: u64, level: u32) -> usize {
        let bits = hash << (level * NODE_BITS) >> (64 - NODE_BITS);
        (bits.to_le_bytes()[0] >> (NODE_BITS - self.depth)).into()
    }

    /// The child at a place of the directory.
    pub(super) fn index(&self, place: usize) -> usize {
        self.directory[place].into()
    }

    pub(super) fn child(&self, hash: u64, level: u32) -> &Branch<T> {
        &self.children[self.index(self.place(hash, level))]
    }

    pub(super) fn child_mut(&mut self, hash: u64, level: u32) -> &mut Branch<T> {
        let index = self.index(self.place(hash, level));
        &mut self.children[index]
    }

    /// Bytes of the directory and of the list of children; what children have is theirs.
    pub(super) fn heap_bytes(&self) -> usize {
        class_bytes(self.directory.capacity()) + class_bytes(self.children.capacity() * size_of::<Branch<T>>())
    }

    pub(super) fn branch_mut(&mut self, index: usize) -> &mut Branch<T> {
        &mut self.children[index]
    }

    /// Takes out a child whose places have been given to another. The last child moves to its index.
    pub(super) fn forget_child(&mut self, index: usize) -> Branch<T> {
        let last = self.children.len() - 1;
        for child in &mut self.directory {
            if usize::from(*child) == last {
                *child = narrow(index);
            }
        }
        self.children.swap_remove(index)
    }

    /// Gives the places of one child to another.
    pub(super) fn give_places(&mut self, from: usize, to: usize) {
        for child in &mut self.directory {
            if usize::from(*child) == from {
                *child = narrow(to);
            }
        }
    }

    /// Makes the directory as short as its children allow.
    pub(super) fn halve(&mut self) {
        let needed = self.children.iter().map(|branch| branch.depth).max().unwrap_or(0);
        if needed < self.depth {
            let step = 1 << (self.depth - needed);
            self.directory = self.directory.iter().copied().step_by(step).collect();
            self.depth = needed;
        }
        if self.children.len() * 2 <= self.children.capacity() {
            self.children.shrink_to_fit();
        }
    }

    /// The single leaf that is left of this node, taken out.
    pub(super) fn take_only_leaf(&mut self) -> Option<HashTable<T>> {
        match self.children.as_mut_slice() {
            [
                Branch {
                    kind: Kind::Leaf(leaf), ..
                },
            ] => Some(std::mem::take(leaf)),
            _ => None,
        }
    }
}

impl<T: Item> Node<T> {
    /// Whether the leaf of this hash must split before it takes another item.
    pub(super) fn is_full(&self, hash: u64, level: u32) -> bool {
        let branch = self.child(hash, level);
        let can_split = level < LEVEL_MAX || branch.depth < NODE_BITS;
        can_split && matches!(&branch.kind, Kind::Leaf(leaf) if leaf.len() >= LEAF_ITEMS_MAX)
    }

    /// Splits the leaf of this hash on its next bit. `differing` are the bits that its items differ in, once known: most
    /// of them agree in many bits if they have one hash tag, and are not hashed again for each.
    pub(super) fn split(&mut self, hash: u64, level: u32, differing: &mut Option<u64>, costs: &mut Costs) {
        let before = self.heap_bytes();
        let place = self.place(hash, level);
        let index = self.index(place);
        let depth = self.children[index].depth;
        if depth == NODE_BITS {
            self.lower(index, costs);
            return;
        }
        let Kind::Leaf(leaf) = &mut self.children[index].kind else {
            return;
        };
        let leaf = std::mem::take(leaf);
        let bit = 1 << (63 - level * NODE_BITS - depth);
        let halves = divide(leaf, bit, differing, costs);
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|child| [*child; 2]).collect();
            self.depth += 1;
        }
        let [low, high] = halves.map(|leaf| Branch {
            depth: depth + 1,
            summary: summary_of(&leaf),
            kind: Kind::Leaf(leaf),
        });
        self.children[index] = low;
        self.children.push(high);
        let (new, upper) = (narrow(self.children.len() - 1), 1 << (self.depth - depth - 1));
        for (place, child) in self.directory.iter_mut().enumerate() {
            if usize::from(*child) == index && place & upper != 0 {
                *child = new;
            }
        }
        costs.table_bytes = costs.table_bytes - before + self.heap_bytes();
    }

    /// Puts a node between a leaf and this one, which has no more bits for it.
    fn lower(&mut self, index: usize, costs: &mut Costs) {
        let branch = &mut self.children[index];
        let kind = std::mem::replace(&mut branch.kind, Kind::Leaf(HashTable::new()));
        let node = Box::new(Self::over(branch.summary, kind));
        costs.table_bytes += node.heap_bytes() + class_bytes(size_of::<Self>());
        branch.kind = Kind::Node(node);
    }
}

/// Adds an item to a leaf.
pub(super) fn insert_into<T: Item>(leaf: &mut HashTable<T>, hash: u64, item: T, costs: &mut Costs) {
    let (before, seed) = (leaf_bytes(leaf), costs.seed);
    leaf.insert_unique(tag(hash), item, |item| tag(item.hash(seed)));
    costs.table_bytes = costs.table_bytes - before + leaf_bytes(leaf);
}

/// Bytes of a leaf's buckets.
pub(super) fn leaf_bytes<T>(leaf: &HashTable<T>) -> usize {
    class_bytes(leaf.allocation_size())
}

/// The items of a leaf by one bit of their hashes.
fn divide<T: Item>(leaf: HashTable<T>, bit: u64, differing: &mut Option<u64>, costs: &mut Costs) -> [HashTable<T>; 2] {
    let seed = costs.seed;
    if differing.is_some_and(|bits| bits & bit == 0) {
        return all_on_one_side(leaf, bit, seed);
    }
    let hashes: Vec<u64> = leaf.iter().map(|item| item.hash(seed)).collect();
    let first = hashes.first().copied().unwrap_or(0);
    let bits = hashes.iter().fold(0, |bits, hash| bits | (hash ^ first));
    *differing = Some(bits);
    if bits & bit == 0 {
        return all_on_one_side(leaf, bit, seed);
    }
    let high = hashes.iter().filter(|hash| *hash & bit != 0).count();
    let mut halves = [hashes.len() - high, high].map(HashTable::with_capacity);
    costs.table_bytes -= leaf_bytes(&leaf);
    for (item, hash) in leaf.into_iter().zip(hashes) {
        let half = &mut halves[usize::from(hash & bit != 0)];
        half.insert_unique(tag(hash), item, |item| tag(item.hash(seed)));
    }
    costs.table_bytes += halves.iter().map(leaf_bytes).sum::<usize>();
    halves
}

/// Nothing moves if all items agree in the bit.
fn all_on_one_side<T: Item>(leaf: HashTable<T>, bit: u64, seed: u64) -> [HashTable<T>; 2] {
    let high = leaf.iter().next().is_some_and(|item| item.hash(seed) & bit != 0);
    if high {
        [HashTable::new(), leaf]
    } else {
        [leaf, HashTable::new()]
    }
}

fn summary_of<T: Item>(leaf: &HashTable<T>) -> Summary {
    let mut summary = Summary::default();
    leaf.iter().for_each(|item| summary.add(item.expires_at()));
    summary
}

/// An index of a child: there are 128 at most.
fn narrow(index: usize) -> u8 {
    index.to_le_bytes()[0]
}
