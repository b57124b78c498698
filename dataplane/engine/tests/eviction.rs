//! What goes when memory is full.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{START_MILLIS, options};
use tenure_engine::eviction::Policy;
use tenure_engine::{CommandError, Effect, Effects, Image, Mode, Random};
use tenure_types::WallTime;

const KEYS: u64 = 2_000;

fn at(seconds: u64) -> WallTime {
    WallTime::from_unix_millis(START_MILLIS + seconds * 1_000)
}

/// Keys of which the nth is written in the nth second. Every second one has an expiry, the later the earlier.
fn with_policy(policy: Policy) -> Image {
    let mut image = Image::new(options());
    image.set_limits(None, policy);
    for number in 0..KEYS {
        image.begin_turn(at(number), Mode::Primary);
        image.write(Effect::Set {
            key: key(number).as_bytes(),
            value: &[b'v'; 100],
            expires_at: (number % 2 == 0).then(|| at(1_000_000 - number)),
        });
    }
    image.take_effects();
    image.forget_stats();
    image
}

fn key(number: u64) -> String {
    format!("key {number}")
}

/// Halves the memory, and which keys are left.
fn halve(image: &mut Image) -> Vec<u64> {
    let max = image.keyspace().memory_bytes() / 2;
    let policy = image.options().policy;
    image.set_limits(Some(max), policy);
    let mut random = Random::new(1);
    while image.is_over_limit() {
        image.make_room(&mut random, 7).unwrap();
        assert!(Effects::of(&image.take_effects()).count() <= 7);
    }
    left(image)
}

fn left(image: &mut Image) -> Vec<u64> {
    (0..KEYS)
        .filter(|number| image.peek(key(*number).as_bytes()).unwrap().is_some())
        .collect()
}

fn mean(numbers: &[u64]) -> u64 {
    numbers.iter().sum::<u64>() / u64::try_from(numbers.len()).unwrap()
}

#[test]
fn without_eviction_a_full_shard_refuses_and_keeps_everything() {
    let mut image = with_policy(Policy::NoEviction);
    image.set_limits(Some(1_000), Policy::NoEviction);
    let refused = image.make_room(&mut Random::new(1), 10);
    assert_eq!(refused, Err(CommandError::OutOfMemory));
    assert_eq!(left(&mut image).len(), 2_000);
    image.set_limits(None, Policy::NoEviction);
    assert_eq!(image.make_room(&mut Random::new(1), 10), Ok(()));
}

#[test]
fn each_eviction_is_logged_and_counted() {
    let mut image = with_policy(Policy::AllKeysLru);
    image.set_limits(Some(1_000), Policy::AllKeysLru);
    image.make_room(&mut Random::new(1), 10).unwrap();
    assert_eq!(Effects::of(&image.take_effects()).count(), 10);
    assert_eq!(image.stats().evicted, 10);
    assert_eq!(image.keyspace().len(), 1_990);
}

#[test]
fn only_a_primary_evicts() {
    let mut image = with_policy(Policy::AllKeysLru);
    image.set_limits(Some(1_000), Policy::AllKeysLru);
    image.begin_turn(at(KEYS), Mode::Replica);
    assert_eq!(image.make_room(&mut Random::new(1), 10), Ok(()));
    image.begin_turn(at(KEYS), Mode::Starved);
    assert_eq!(image.make_room(&mut Random::new(1), 10), Err(CommandError::OutOfMemory));
    assert_eq!(image.keyspace().len(), 2_000);
}

#[test]
fn the_keys_that_were_not_used_for_the_longest_time_go() {
    let mut image = with_policy(Policy::AllKeysLru);
    for number in 0..200 {
        assert!(image.string(key(number).as_bytes()).unwrap().is_some());
    }
    // A look without an access does not count.
    for number in 200..400 {
        assert!(image.peek(key(number).as_bytes()).unwrap().is_some());
    }
    let left = halve(&mut image);
    let count = |range: std::ops::Range<u64>| left.iter().filter(|number| range.contains(number)).count();
    assert!(count(0..200) >= 190, "{}", count(0..200));
    assert!(count(200..400) <= 20, "{}", count(200..400));
    assert!(count(1_800..2_000) >= 190, "{}", count(1_800..2_000));
}

#[test]
fn the_keys_that_are_used_least_often_go() {
    let mut image = with_policy(Policy::AllKeysLfu);
    for round in 0..50 {
        image.begin_turn(at(KEYS + round), Mode::Primary);
        for number in 0..200 {
            assert!(image.string(key(number).as_bytes()).unwrap().is_some());
        }
    }
    let frequency = image.peek(key(1).as_bytes()).unwrap().unwrap().frequency(at(KEYS + 49));
    assert!(frequency >= 5, "{frequency}");
    let left = halve(&mut image);
    let of_the_used = left.iter().filter(|number| **number < 200).count();
    assert!(of_the_used >= 190, "{of_the_used}");
}

#[test]
fn keys_without_expiry_are_spared_if_the_policy_says_so() {
    for policy in Policy::ALL.into_iter().filter(|policy| policy.is_volatile()) {
        let mut image = with_policy(policy);
        image.set_limits(Some(1_000), policy);
        let mut random = Random::new(1);
        while image.make_room(&mut random, 50) == Ok(()) {}
        let left = left(&mut image);
        assert_eq!(left.len(), 1_000, "{policy}");
        assert!(left.iter().all(|number| number % 2 == 1), "{policy}");
        assert_eq!(image.keyspace().volatile(), 0);
    }
}

#[test]
fn of_the_keys_with_expiry_those_that_expire_soonest_go() {
    let mut image = with_policy(Policy::VolatileTtl);
    let max = image.keyspace().memory_bytes() / 4 * 3;
    image.set_limits(Some(max), Policy::VolatileTtl);
    let mut random = Random::new(1);
    while image.is_over_limit() {
        image.make_room(&mut random, 10).unwrap();
    }
    let volatile: Vec<_> = left(&mut image).into_iter().filter(|number| number % 2 == 0).collect();
    // The later a key was written, the sooner it expires.
    assert!(mean(&volatile) < 600, "{}", mean(&volatile));
}

#[test]
fn chance_takes_all_alike() {
    let mut image = with_policy(Policy::AllKeysRandom);
    let left = halve(&mut image);
    assert!((930..=1_070).contains(&mean(&left)), "{}", mean(&left));
}

#[test]
fn idle_time_is_that_since_the_last_access() {
    let mut image = with_policy(Policy::AllKeysLru);
    image.begin_turn(at(KEYS + 10), Mode::Primary);
    let now = image.now();
    let idle = |image: &mut Image| image.peek(key(7).as_bytes()).unwrap().unwrap().idle(now).as_secs();
    assert_eq!(idle(&mut image), KEYS + 3);
    image.entry(key(7).as_bytes()).unwrap();
    assert_eq!(idle(&mut image), 0);
}
