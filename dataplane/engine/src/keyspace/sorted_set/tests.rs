//! Sorted sets against a `BTreeSet`, under random changes whose seed a failure names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::Random;

/// The simplest that could be right.
#[derive(Default)]
struct Model {
    scores: BTreeMap<Vec<u8>, Score>,
}

impl Model {
    fn order(&self) -> Vec<(Score, Vec<u8>)> {
        let elements: BTreeSet<_> = self
            .scores
            .iter()
            .map(|(member, score)| (*score, member.clone()))
            .collect();
        elements.into_iter().collect()
    }
}

fn score(number: f64) -> Score {
    Score::new(number).unwrap()
}

fn some_score(random: &mut Random) -> Score {
    let numbers = [0.0, -0.0, 1.0, 0.1, -1e300, f64::INFINITY, f64::NEG_INFINITY];
    match random.below(3) {
        0 => score(numbers[random.below(numbers.len())]),
        _ => score(random.below(50) as f64),
    }
}

fn member(random: &mut Random, members: usize) -> Vec<u8> {
    let mut member = random.below(members).to_string().into_bytes();
    if random.below(2_000) == 0 {
        member.resize(65, b'x');
    }
    member
}

fn check(set: &SortedSet, model: &Model, random: &mut Random) {
    let order = model.order();
    let owned = |(score, member): (Score, &[u8])| (score, member.to_vec());
    assert_eq!(set.len(), order.len());
    assert_eq!(set.memory_bytes(), set.recount());
    assert_eq!(set.iter().map(owned).collect::<Vec<_>>(), order);
    let (start, end) = (random.below(order.len() + 1), random.below(order.len() + 1));
    let ranks = start.min(end)..end;
    let mut backwards = order[ranks.clone()].to_vec();
    backwards.reverse();
    assert_eq!(set.range(ranks).rev().map(owned).collect::<Vec<_>>(), backwards);
    for _ in 0..20.min(order.len()) {
        let rank = random.below(order.len());
        let (score, member) = &order[rank];
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(
            set.count_while(|other, _| other < *score),
            order.partition_point(|(other, _)| other < score)
        );
    }
    assert_eq!(set.rank(b"none"), None);
    let (mut seen, mut cursor) = (BTreeMap::new(), 0);
    loop {
        cursor = set.scan(cursor, 10, |score, member| {
            assert_eq!(seen.insert(member.to_vec(), score), None, "seen twice");
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, model.scores);
}

/// Grows and shrinks by turns, so that it crosses from small to large and nodes split and join.
#[test]
fn a_sorted_set_holds_what_a_btreeset_holds() {
    for seed in 0..8 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let members = [20, 140, 600, 5_000][random.below(4)];
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        for round in 0..12 {
            let grows = round % 3 != 2;
            for _ in 0..random.below(members) {
                let member = member(&mut random, members);
                if random.below(10) < if grows { 8 } else { 1 } {
                    let score = some_score(&mut random);
                    let old = model.scores.get(&member).copied();
                    if old != Some(score) {
                        model.scores.insert(member.clone(), score);
                    }
                    assert_eq!(set.add(&member, score, 1), old.is_none());
                } else {
                    assert_eq!(set.remove(&member), model.scores.remove(&member).is_some());
                }
            }
            if random.below(2) == 0 {
                let start = random.below(model.scores.len() + 1);
                let ranks = start..start + random.below(members / 2);
                let gone: Vec<_> = model.order().into_iter().skip(ranks.start).take(ranks.len()).collect();
                assert_eq!(set.remove_range(ranks), gone.len());
                for (_, member) in gone {
                    model.scores.remove(&member);
                }
            }
            check(&set, &model, &mut random);
            let clone = set.clone();
            check(&clone, &model, &mut random);
        }
        let all = set.len();
        assert_eq!(set.remove_range(0..usize::MAX), all);
        check(&set, &Model::default(), &mut random);
    }
}

/// Stretches go and come again, so that whole nodes vanish, and ones above them join.
#[test]
fn nodes_that_vanish_and_join_leave_the_order_as_it_was() {
    let elements = 12_000;
    let element = |number: usize| order::Element {
        #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
        score: score(number as f64),
        member: b"".as_slice().into(),
    };
    for seed in 0..3 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let (mut order, mut model) = (order::Order::new(), BTreeSet::new());
        for _ in 0..40 {
            for _ in 0..1_500 {
                let number = random.below(elements);
                if model.insert(number) {
                    order.insert(element(number));
                }
            }
            let start = random.below(elements);
            let gone: Vec<_> = model.range(start..start + elements / 5).copied().collect();
            // One stays now and then: so nodes are narrow before they vanish.
            for number in gone.into_iter().filter(|_| random.below(40) > 0) {
                let rank = order.count_while(|other, _| other < element(number).score);
                assert_eq!(order.remove_at(rank), Some(element(number)));
                model.remove(&number);
            }
            assert_eq!(order.recount(), order.memory_bytes());
            let shown = order.range(0..model.len()).map(|element| element.score);
            assert!(shown.eq(model.iter().map(|number| element(*number).score)));
        }
    }
}

#[test]
fn members_that_come_in_order_fill_their_nodes() {
    let mut orders = [order::Order::new(), order::Order::new()];
    let elements = 100_000_u32;
    for number in 0..elements {
        let numbers = [number, elements - number];
        for (order, number) in orders.iter_mut().zip(numbers) {
            order.insert(order::Element {
                score: score(f64::from(number)),
                member: b"".as_slice().into(),
            });
        }
    }
    for order in &orders {
        let bytes = order.recount();
        assert_eq!(bytes, order.memory_bytes());
        assert!(bytes < 27 * 100_000, "{bytes} bytes for {elements} elements of 24");
    }
}

#[test]
fn memory_is_given_back_when_members_go() {
    let mut set = SortedSet::new();
    for number in 0..50_000 {
        set.add(format!("member {number}").as_bytes(), score(f64::from(number)), 1);
    }
    let full = set.memory_bytes();
    // Every tenth stays, so that no node is emptied at once.
    for number in (0..50_000).filter(|number| number % 10 != 0) {
        set.remove(format!("member {number}").as_bytes());
    }
    assert_eq!(set.memory_bytes(), set.recount());
    assert!(
        set.memory_bytes() < full / 4,
        "{} of {full} are left",
        set.memory_bytes()
    );
}

#[test]
fn it_is_packed_up_to_128_members_of_64_bytes() {
    let mut set = SortedSet::new();
    for number in 0..128 {
        set.add(format!("{number}").as_bytes(), Score::ONE, 1);
    }
    set.add(b"1", score(2.0), 1);
    assert!(set.is_packed());
    set.add(b"one more", Score::ONE, 1);
    assert!(!set.is_packed());
    let mut set = SortedSet::new();
    set.add(&[b'm'; 64], Score::ONE, 1);
    assert!(set.is_packed());
    set.add(&[b'm'; 65], Score::ONE, 1);
    assert!(!set.is_packed());
    set.remove(&[b'm'; 65]);
    assert!(!set.is_packed(), "once large it stays so");
}

/// What a listpack of Redis takes: 6 bytes and the end, then for a member of up to 63 bytes two more than its length, and
/// for a score these.
#[test]
fn a_packed_element_takes_no_more_than_in_a_listpack() {
    let scores = [
        (1.0, 2),
        (100.0, 2),
        (-1.0, 3),
        (4_095.0, 3),
        (-4_095.0, 3),
        (32_767.0, 4),
        (8_388_607.0, 5),
        (2_147_483_647.0, 6),
        (1_700_000_000_123.0, 10),
        (0.5, 5),
        (0.1, 21),
        (f64::INFINITY, 5),
    ];
    for (number, listpack_bytes) in scores {
        let mut stored = Vec::new();
        score(number).put(&mut stored);
        let packed_bytes = 1 + stored.len();
        assert!(packed_bytes <= 2 + listpack_bytes, "{number}: {}", stored.len());
    }
}

/// Measured by `INFO memory` of redis 7.0.15: 100,000 members of 16 bytes, and 20 of 10 bytes in each of 1,000 keys.
#[test]
fn it_takes_no_more_memory_than_in_redis() {
    let mut large = SortedSet::new();
    for number in 0..100_000 {
        large.add(format!("member:{number:09}").as_bytes(), score(f64::from(number)), 1);
    }
    let per_member = large.memory_bytes() / 100_000;
    println!("large: {per_member} bytes for each member");
    assert!(per_member <= 127, "{per_member}");
    let mut small = SortedSet::new();
    for number in 0..20 {
        small.add(
            format!("member:{number:03}").as_bytes(),
            score(f64::from(number * 37)),
            1,
        );
    }
    println!("small: {} bytes", small.memory_bytes());
    assert!(small.memory_bytes() <= 320, "{}", small.memory_bytes());
}
