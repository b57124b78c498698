//! When keys go.
mod harness;

use harness::{START_MILLIS, options};
use tenure_engine::{CommandError, Effect, Effects, Image, Mode};
use tenure_types::WallTime;

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(START_MILLIS + millis)
}

fn primary() -> Image {
    let mut image = Image::new(options());
    image.begin_turn(at(0), Mode::Primary);
    image
}

fn set(image: &mut Image, key: &str, expires_at: Option<WallTime>) {
    image.write(Effect::Set {
        key: key.as_bytes(),
        value: b"v",
        expires_at,
    });
}

/// A primary with so many keys: the nth goes after n milliseconds, and one stays.
fn with_keys(count: u64) -> Image {
    let mut image = primary();
    (1..=count).for_each(|number| set(&mut image, &format!("key {number}"), Some(at(number))));
    set(&mut image, "stays", None);
    image.take_effects();
    image
}

#[test]
fn a_primary_deletes_an_expired_key_that_is_looked_up_and_logs_it() {
    let mut image = with_keys(3);
    image.begin_turn(at(2), Mode::Primary);
    assert_eq!(image.string(b"key 2"), Ok(None));
    let effects = image.take_effects();
    let effects: Vec<_> = Effects::of(&effects).collect();
    assert_eq!(effects, [Ok(Effect::Remove { key: b"key 2" })]);
    assert_eq!(image.string(b"key 3"), Ok(Some(b"v".as_slice())));
    assert_eq!(image.keyspace().len(), 3);
    assert_eq!(
        (image.stats().expired, image.stats().hits, image.stats().misses),
        (1, 1, 1)
    );
}

#[test]
fn a_replica_does_not_see_an_expired_key_and_keeps_it() {
    let mut image = with_keys(3);
    image.begin_turn(at(2), Mode::Replica);
    assert_eq!(image.string(b"key 2"), Ok(None));
    assert_eq!(image.expire_some(100), 0);
    assert_eq!(image.keyspace().len(), 4);
    assert_eq!(image.effects_bytes(), 0);
}

#[test]
fn a_primary_without_credit_does_not_answer_from_an_expired_key() {
    let mut image = with_keys(3);
    image.begin_turn(at(2), Mode::Starved);
    assert_eq!(image.string(b"key 2"), Err(CommandError::NoCreditToExpire));
    assert_eq!(image.string(b"key 3"), Ok(Some(b"v".as_slice())));
    assert_eq!(image.expire_some(100), 0);
    assert_eq!(image.keyspace().len(), 4);
}

#[test]
fn time_does_not_go_back_when_a_clock_does() {
    let mut image = with_keys(3);
    image.begin_turn(at(2), Mode::Primary);
    image.begin_turn(at(0), Mode::Primary);
    assert_eq!(image.string(b"key 2"), Ok(None));
}

#[test]
fn keys_that_nobody_asks_for_go_too_a_few_at_a_time() {
    let mut image = with_keys(3_000);
    assert_eq!(image.next_expiry(), Some(at(1)));
    assert_eq!(image.expire_some(100), 0);
    image.begin_turn(at(2_000), Mode::Primary);
    let mut removed = 0;
    while image.next_expiry().is_some_and(|next| next <= image.now()) {
        let now_removed = image.expire_some(100);
        assert!(now_removed <= 100);
        removed += now_removed;
    }
    assert_eq!(removed, 2_000);
    assert_eq!(image.next_expiry(), Some(at(2_001)));
    assert_eq!(image.stats().expired, 2_000);
    assert_eq!(Effects::of(&image.take_effects()).count(), 2_000);
    image.begin_turn(at(3_000), Mode::Primary);
    while image.next_expiry().is_some() {
        image.expire_some(1_000);
    }
    assert_eq!(image.keyspace().len(), 1);
}

#[test]
fn the_next_expiry_is_never_later_than_the_first_key_that_goes() {
    let mut image = primary();
    assert_eq!(image.next_expiry(), None);
    set(&mut image, "a", Some(at(50)));
    set(&mut image, "b", Some(at(20)));
    assert_eq!(image.next_expiry(), Some(at(20)));
    set(&mut image, "b", Some(at(90)));
    assert!(image.next_expiry() <= Some(at(50)));
    image.write(Effect::ExpireAt { key: b"a", at: at(5) });
    assert_eq!(image.next_expiry(), Some(at(5)));
    image.write(Effect::Persist { key: b"a" });
    image.write(Effect::Remove { key: b"b" });
    assert_eq!(image.next_expiry(), None);
    assert_eq!(image.keyspace().volatile(), 0);
}
