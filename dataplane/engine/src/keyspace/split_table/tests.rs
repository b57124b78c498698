//! The table against a `BTreeMap`, under random changes whose seed a failure names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hashbrown::HashTable;

use super::node::{LEAF_ITEMS_MAX, NODE_BITS, leaf_bytes};
use super::*;
use crate::keyspace::memory::class_bytes;

impl<T: Item> SplitTable<T> {
    /// [`SplitTable::memory_bytes`], counted anew.
    pub(crate) fn recount(&self) -> usize {
        let items: usize = self.iter().map(Item::heap_bytes).sum();
        items + self.root.recount()
    }

    /// What must hold between operations.
    fn check(&self) {
        assert_eq!(self.memory_bytes(), self.recount());
        assert_eq!(self.summary.len, self.iter().count());
        let times = || self.iter().filter_map(Item::expires_at);
        assert_eq!(self.volatile(), times().count());
        assert!(
            self.earliest() <= times().min(),
            "{:?} {:?}",
            self.earliest(),
            times().min()
        );
        self.root.check(0, 0, self.costs.seed, self.summary);
    }
}

impl<T: Item> Node<T> {
    fn recount(&self) -> usize {
        let below = self.children().iter().map(|branch| match &branch.kind {
            Kind::Leaf(leaf) => leaf_bytes(leaf),
            Kind::Node(node) => class_bytes(size_of::<Self>()) + node.recount(),
        });
        self.heap_bytes() + below.sum::<usize>()
    }

    fn check(&self, level: u32, prefix: u64, seed: u64, summary: Summary) {
        let mut sum = Summary::default();
        for branch in self.children() {
            sum.len += branch.summary.len;
            sum.volatile += branch.summary.volatile;
            assert!(summary.earliest() <= branch.summary.earliest() || branch.summary.volatile == 0);
        }
        assert_eq!((sum.len, sum.volatile), (summary.len, summary.volatile));
        let mut seen = BTreeSet::new();
        for place in 0..1 << self.depth() {
            let shift = 64 - (level * NODE_BITS + self.depth());
            let bits = u64::try_from(place).unwrap().checked_shl(shift).unwrap_or(0);
            let branch = self.child(prefix | bits, level);
            assert!(branch.depth <= self.depth());
            if !seen.insert(self.index(place)) {
                continue;
            }
            match &branch.kind {
                Kind::Node(node) => {
                    assert_eq!(branch.depth, NODE_BITS);
                    node.check(level + 1, prefix | bits, seed, branch.summary);
                }
                Kind::Leaf(leaf) => {
                    assert_eq!(leaf.len(), branch.summary.len);
                    let agreed = level * NODE_BITS + branch.depth;
                    for item in leaf {
                        let differing = item.hash(seed) ^ (prefix | bits);
                        assert!(differing.leading_zeros() >= agreed, "an item in a leaf of others");
                    }
                }
            }
        }
        assert_eq!(seen.len(), self.children().len());
    }
}

/// Counts how often it is hashed: an item that moves is.
#[derive(Debug, Clone)]
struct Probe {
    hash: u64,
    name: u32,
    expires_at: Option<WallTime>,
    bytes: usize,
    hashed: Rc<Cell<usize>>,
}

impl Item for Probe {
    fn hash(&self, _seed: u64) -> u64 {
        self.hashed.set(self.hashed.get() + 1);
        self.hash
    }
    fn heap_bytes(&self) -> usize {
        self.bytes
    }
    fn expires_at(&self) -> Option<WallTime> {
        self.expires_at
    }
}

/// How the hashes of a test lie.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Even,
    /// Most share their first 14 bits, as the keys of one hash tag do.
    OneSlot,
    /// Most share 40 bits.
    Deep,
    /// Many share all of them.
    Equal,
}

impl Shape {
    const ALL: [Self; 4] = [Self::Even, Self::OneSlot, Self::Deep, Self::Equal];

    fn hash(self, random: &mut Random) -> u64 {
        let any = random.next();
        if random.below(20) == 0 {
            return any;
        }
        match self {
            Self::Even => any,
            Self::OneSlot => 0xabcd << 48 | any >> 14,
            Self::Deep => 0x1234_5678_9a00_0000 | any >> 40,
            Self::Equal => 0x8000_0000_0000_0000 | any >> 61,
        }
    }
}

struct World {
    table: SplitTable<Probe>,
    model: BTreeMap<(u64, u32), Option<WallTime>>,
    random: Random,
    shape: Shape,
    hashed: Rc<Cell<usize>>,
    names: u32,
}

impl World {
    fn new(shape: Shape, seed: u64) -> Self {
        Self {
            table: SplitTable::new(0),
            model: BTreeMap::new(),
            random: Random::new(seed),
            shape,
            hashed: Rc::default(),
            names: 0,
        }
    }

    fn time(&mut self) -> Option<WallTime> {
        (self.random.below(3) == 0).then(|| WallTime::from_unix_millis(self.random.next() >> 50))
    }

    fn insert(&mut self) {
        let hash = self.shape.hash(&mut self.random);
        self.names += 1;
        let (name, expires_at) = (self.names, self.time());
        let (bytes, hashed) = (self.random.below(100), Rc::clone(&self.hashed));
        let item = Probe {
            hash,
            name,
            expires_at,
            bytes,
            hashed,
        };
        self.table.insert(hash, item);
        self.model.insert((hash, name), expires_at);
    }

    fn any(&mut self) -> Option<(u64, u32)> {
        let from = (self.shape.hash(&mut self.random), 0);
        let next = self.model.range(from..).next();
        next.or_else(|| self.model.iter().next()).map(|(key, _)| *key)
    }

    fn remove(&mut self) {
        let Some((hash, name)) = self.any() else { return };
        let removed = self.table.remove(hash, |item| item.name == name).unwrap();
        assert_eq!(self.model.remove(&(hash, name)), Some(removed.expires_at));
    }

    fn change(&mut self) {
        let Some((hash, name)) = self.any() else { return };
        let (expires_at, bytes) = (self.time(), self.random.below(100));
        let changed = self.table.change(
            hash,
            |item| item.name == name,
            |item| {
                (item.expires_at, item.bytes) = (expires_at, bytes);
            },
        );
        assert_eq!(changed, Some(()));
        self.model.insert((hash, name), expires_at);
    }

    fn check(&self) {
        self.table.check();
        let items: BTreeSet<_> = self.table.iter().map(|item| (item.hash, item.name)).collect();
        assert_eq!(items, self.model.keys().copied().collect());
        for (hash, name) in self.model.keys() {
            assert!(self.table.find(*hash, |item| item.name == *name).is_some());
        }
        assert!(self.table.find(7, |item| item.name == 0).is_none());
    }
}

#[test]
fn the_table_holds_what_a_map_would_and_gives_all_memory_back() {
    for shape in Shape::ALL {
        let seed = 11;
        println!("{shape:?}, seed {seed}");
        let mut world = World::new(shape, seed);
        let empty_bytes = world.table.memory_bytes();
        for percent in [90, 50, 20, 80, 10] {
            for _ in 0..6_000 {
                match world.random.below(100) {
                    dice if dice < percent => world.insert(),
                    dice if dice % 10 == 0 => world.change(),
                    _ => world.remove(),
                }
            }
            world.check();
        }
        while !world.model.is_empty() {
            world.remove();
        }
        world.check();
        assert_eq!(world.table.memory_bytes(), empty_bytes);
    }
}

#[test]
fn no_operation_moves_more_than_a_leaf() {
    for shape in [Shape::Even, Shape::OneSlot, Shape::Deep] {
        let mut world = World::new(shape, 5);
        let mut hashed_max = 0;
        for turn in 0..60_000 {
            world.hashed.set(0);
            if turn < 30_000 {
                world.insert()
            } else {
                world.remove()
            }
            hashed_max = hashed_max.max(world.hashed.get());
        }
        // To learn in which bits its items differ, and to divide it, a leaf is hashed once each; and one item of it for
        // each bit that they agree in.
        let hashed_most = 2 * LEAF_ITEMS_MAX + 64;
        assert!(hashed_max <= hashed_most, "{shape:?}: {hashed_max}");
    }
}

#[test]
fn hashes_that_agree_in_many_bits_cost_a_few_short_directories() {
    let mut world = World::new(Shape::Deep, 3);
    (0..600).for_each(|_| world.insert());
    let mut full = HashTable::<Probe>::with_capacity(LEAF_ITEMS_MAX);
    full.clear();
    let rest = world.table.costs.table_bytes - 2 * leaf_bytes(&full);
    // Six levels, each with a directory and room for eight children; and some lonely items.
    assert!(rest < 10_000, "{rest}");
}

#[test]
fn a_scan_sees_what_stays_exactly_once_whatever_happens_meanwhile() {
    for shape in Shape::ALL {
        for seed in 0..8 {
            println!("{shape:?}, seed {seed}");
            let mut world = World::new(shape, seed);
            let start = 200 * usize::try_from(seed * seed).unwrap();
            (0..start).for_each(|_| world.insert());
            let mut staying: BTreeSet<_> = world.model.keys().copied().collect();
            let (mut seen, mut from) = (BTreeMap::<(u64, u32), usize>::new(), Some(0));
            while let Some(at) = from {
                let mut last = at;
                let count = 1 + world.random.below(40);
                from = world.table.scan(at, u64::MAX, count, |item| {
                    assert!(item.hash >= last, "in the order of hashes");
                    last = item.hash;
                    *seen.entry((item.hash, item.name)).or_default() += 1;
                });
                for _ in 0..world.random.below(200) {
                    if world.random.below(100) < 40 {
                        world.insert()
                    } else {
                        world.remove()
                    }
                }
                staying.retain(|key| world.model.contains_key(key));
            }
            for key in &staying {
                assert_eq!(seen.get(key), Some(&1), "{key:?}");
            }
            assert!(seen.values().all(|times| *times == 1));
        }
    }
}

#[test]
fn a_lookup_compares_hardly_any_other_item() {
    for shape in [Shape::Even, Shape::OneSlot, Shape::Deep] {
        let mut world = World::new(shape, 8);
        (0..5_000).for_each(|_| world.insert());
        let mut compared = 0;
        for (hash, name) in world.model.keys() {
            world.table.find(*hash, |item| {
                compared += 1;
                item.name == *name
            });
        }
        // A byte of the hash is compared first: one in 128 of some ten items that share a group looks alike.
        assert!(compared < 6_000, "{shape:?}: {compared}");
    }
}

#[test]
fn a_scan_shows_about_as_many_as_asked_for() {
    let mut world = World::new(Shape::Even, 1);
    (0..5_000).for_each(|_| world.insert());
    let (mut from, mut calls) = (Some(0), 0);
    while let Some(at) = from {
        let mut shown = 0;
        from = world.table.scan(at, u64::MAX, 10, |_| shown += 1);
        assert!(shown == 10 || from.is_none(), "{shown}");
        calls += 1;
    }
    assert_eq!(calls, 500);
}

#[test]
fn chance_favours_no_item() {
    let mut world = World::new(Shape::OneSlot, 9);
    (0..3_000).for_each(|_| world.insert());
    let mut random = Random::new(2);
    let mut drawn = vec![0; 3_001];
    let mut volatile = 0;
    for _ in 0..60_000 {
        drawn[usize::try_from(world.table.random(&mut random).unwrap().name).unwrap()] += 1;
        world.table.random_volatile(1, &mut random, |item| {
            volatile += usize::from(item.expires_at.is_some());
        });
    }
    assert_eq!(volatile, 60_000);
    // Each is drawn 20 times on average, with a deviation of 4.5.
    assert!(drawn[1..].iter().all(|times| (1..=50).contains(times)));
    let of_the_first_half: usize = drawn[1..=1_500].iter().sum();
    assert!((29_000..=31_000).contains(&of_the_first_half), "{of_the_first_half}");
}

#[test]
fn what_is_due_is_found_without_looking_at_the_rest() {
    for shape in Shape::ALL {
        let mut world = World::new(shape, 4);
        (0..20_000).for_each(|_| world.insert());
        let now = WallTime::from_unix_millis(4_000);
        let due: BTreeSet<_> = world
            .model
            .iter()
            .filter(|(_, at)| at.is_some_and(|at| at <= now))
            .map(|(key, _)| *key)
            .collect();
        assert!(due.len() > 1_000);
        let (mut found, mut from) = (BTreeSet::new(), 0);
        loop {
            let mut shown = Vec::new();
            let next = world
                .table
                .visit_due(from, now, 7, &mut |item| shown.push((item.hash, item.name)));
            for (hash, name) in shown {
                assert!(found.insert((hash, name)));
                world.table.remove(hash, |item| item.name == name).unwrap();
                world.model.remove(&(hash, name));
            }
            match next {
                Some(next) => from = next,
                None if from == 0 => break,
                None => from = 0,
            }
        }
        assert_eq!(found, due);
        world.check();
        assert!(world.table.earliest() > Some(now), "the bound is tight again");
    }
}
