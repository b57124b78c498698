//! The keyspace as commands and the server see it, through an image. What its tables promise is tested beside them.
mod harness;

use std::collections::BTreeSet;

use harness::options;
use tenure_engine::{Effect, Image, Mode, Position, Random, key_slot};
use tenure_types::WallTime;

fn image() -> Image {
    let mut image = Image::new(options());
    image.begin_turn(WallTime::from_unix_millis(harness::START_MILLIS), Mode::Primary);
    image
}

fn set(image: &mut Image, key: &[u8], value: &[u8]) -> usize {
    let expires_at = None;
    image.write(Effect::Set { key, value, expires_at }).added
}

#[test]
fn every_lookup_is_noted_whether_or_not_there_is_a_key() {
    let mut image = image();
    set(&mut image, b"there", b"v");
    image.forget_lookups();
    image.string(b"there").unwrap();
    image.peek(b"not there").unwrap();
    let expected = [b"there".as_slice(), b"not there"].map(|key| image.keyspace().position(key));
    assert_eq!(image.lookups().keys, expected);
    assert!(image.written().keys.is_empty());
}

#[test]
fn a_scan_goes_through_the_slots_in_order_and_sees_each_key_once() {
    let mut image = image();
    let mut keys = BTreeSet::new();
    for number in 0..5_000 {
        let key = if number % 2 == 0 {
            format!("{{tag}}{number}")
        } else {
            format!("key {number}")
        };
        set(&mut image, key.as_bytes(), b"v");
        keys.insert(key.into_bytes());
    }
    let (mut from, mut seen, mut slot) = (Some(Position::FIRST), BTreeSet::new(), 0);
    while let Some(at) = from {
        from = image.keyspace().scan(at, 10, |entry| {
            assert!(slot <= key_slot(entry.key()).get());
            slot = key_slot(entry.key()).get();
            assert!(seen.insert(entry.key().to_vec()));
        });
    }
    assert_eq!(seen, keys);
    assert_eq!(image.keyspace().count_in_slot(key_slot(b"tag")), 2_500);
}

#[test]
fn a_value_of_any_length_is_kept_and_its_memory_given_back() {
    let mut image = image();
    let empty_bytes = image.keyspace().memory_bytes();
    for key_len in [0, 1, 100, 1_000, 1_030] {
        let key = vec![b'k'; key_len];
        for len in (0..2_200).step_by(37).chain([100_000, 1, 1_024, 0]) {
            let value = vec![b'v'; len];
            set(&mut image, &key, &value);
            assert_eq!(image.string(&key), Ok(Some(value.as_slice())));
            let bytes = image.peek(&key).unwrap().unwrap().memory_bytes();
            assert!(
                bytes >= key_len + len && bytes <= (key_len + len) * 5 / 4 + 200,
                "{key_len} {len} {bytes}"
            );
        }
        image.write(Effect::Remove { key: &key });
        assert_eq!(image.keyspace().memory_bytes(), empty_bytes);
    }
}

#[test]
fn a_string_that_grows_byte_by_byte_does_not_move_each_time() {
    let (mut image, mut moves, mut bytes_before) = (image(), 0, 0);
    for len in 1..=100_000 {
        image.write(Effect::Append {
            key: b"k",
            suffix: b"x",
        });
        image.take_effects();
        image.forget_lookups();
        let bytes = image.keyspace().memory_bytes();
        moves += usize::from(bytes != bytes_before);
        bytes_before = bytes;
        assert!(bytes < len * 3 / 2 + 400, "{len}: {bytes}");
    }
    assert!(moves < 50, "{moves}");
    assert_eq!(image.string(b"k").unwrap().unwrap(), vec![b'x'; 100_000]);
}

#[test]
fn replacing_a_value_changes_neither_the_count_nor_what_is_forgotten_of_it() {
    let mut image = image();
    assert_eq!(set(&mut image, b"k", b"first"), 1);
    let before = image.keyspace().memory_bytes();
    assert_eq!(set(&mut image, b"k", b"other"), 0);
    assert_eq!((image.keyspace().len(), image.keyspace().memory_bytes()), (1, before));
}

#[test]
fn a_random_key_is_one_of_the_keys() {
    let mut image = image();
    let mut random = Random::new(1);
    assert!(image.keyspace().random(&mut random).is_none());
    for number in 0..50 {
        set(&mut image, format!("{number}").as_bytes(), b"v");
    }
    let drawn: BTreeSet<_> = (0..1_000)
        .map(|_| image.keyspace().random(&mut random).unwrap().key().to_vec())
        .collect();
    assert_eq!(drawn.len(), 50);
}
