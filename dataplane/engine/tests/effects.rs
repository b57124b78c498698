//! Effects as they are stored, and what they do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::fmt::Write;

use harness::{dump, options};
use proptest::collection::vec;
use proptest::prelude::*;
use tenure_engine::{Aggregate, Combination, Effect, EffectError, Effects, Image, Mode, Operation, Score};
use tenure_types::WallTime;

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(millis)
}

fn encoded(effect: &Effect<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    effect.encode(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn primary() -> Image {
    let mut image = Image::new(options());
    image.begin_turn(at(harness::START_MILLIS), Mode::Primary);
    image
}

/// What stands in logs that were written: a change here makes them unreadable.
#[test]
fn stored_bytes_of_every_effect_stay() {
    let (key, to) = (b"k".as_slice(), b"to".as_slice());
    let (f, v) = (b"f".as_slice(), b"v".as_slice());
    let cases = [
        (
            Effect::Set {
                key,
                value: v,
                expires_at: None,
            },
            "01016b017600",
        ),
        (
            Effect::Set {
                key,
                value: v,
                expires_at: Some(at(300)),
            },
            "01016b0176ac02",
        ),
        (Effect::Append { key, suffix: v }, "02016b0176"),
        (
            Effect::SetRange {
                key,
                offset: 300,
                bytes: v,
            },
            "03016bac020176",
        ),
        (Effect::Remove { key }, "04016b"),
        (Effect::ExpireAt { key, at: at(300) }, "05016bac02"),
        (Effect::Persist { key }, "06016b"),
        (Effect::Rename { from: key, to }, "07016b02746f"),
        (Effect::Copy { from: key, to }, "08016b02746f"),
        (
            Effect::HashSet {
                key,
                pairs: vec![f, v, to, b""],
            },
            "09016b040166017602746f00",
        ),
        (
            Effect::HashRemove {
                key,
                fields: vec![f, to],
            },
            "0a016b02016602746f",
        ),
        (
            Effect::SortedSetAdd {
                key,
                elements: vec![(score(1.0), f), (score(-0.5), to)],
            },
            "0d016b020a016602bfe002746f",
        ),
        (
            Effect::SortedSetRemove {
                key,
                members: vec![f, to],
            },
            "0e016b02016602746f",
        ),
        (Effect::SortedSetRemoveRange { key, ranks: 1..301 }, "0f016b01ac02"),
        (
            Effect::SortedSetStoreRange {
                from: key,
                to,
                ranks: 0..2,
            },
            "10016b02746f0002",
        ),
        (
            Effect::SortedSetCombine {
                to,
                combination: Combination {
                    operation: Operation::Difference,
                    aggregate: Aggregate::Min,
                },
                sources: vec![(score(f64::INFINITY), key), (score(0.0), f)],
            },
            "1102746f020102027ff0016b090166",
        ),
        (Effect::Clear, "0b"),
        (Effect::Tick, "0c"),
    ];
    for (effect, bytes) in cases {
        assert_eq!(hex(&encoded(&effect)), bytes, "{effect:?}");
    }
}

type Parts = (u8, Vec<u8>, Vec<u8>, u64, Vec<Vec<u8>>);

fn effect((tag, key, bytes, number, more): &Parts) -> Effect<'_> {
    let all: Vec<&[u8]> = more.iter().map(Vec::as_slice).collect();
    match tag {
        0 => Effect::Set {
            key,
            value: bytes,
            expires_at: Some(at(*number)).filter(|at| *at > WallTime::from_unix_millis(0)),
        },
        1 => Effect::Append { key, suffix: bytes },
        2 => Effect::SetRange {
            key,
            offset: *number,
            bytes,
        },
        3 => Effect::Remove { key },
        4 => Effect::ExpireAt { key, at: at(*number) },
        5 => Effect::Persist { key },
        6 => Effect::Rename { from: key, to: bytes },
        7 => Effect::Copy { from: key, to: bytes },
        8 => Effect::HashSet {
            key,
            pairs: all[..all.len() / 2 * 2].to_vec(),
        },
        9 => Effect::HashRemove { key, fields: all },
        10 => Effect::Clear,
        11 => Effect::SortedSetAdd {
            key,
            elements: scored(*number, &all),
        },
        12 => Effect::SortedSetRemove { key, members: all },
        13 => Effect::SortedSetRemoveRange {
            key,
            ranks: ranks(*number),
        },
        14 => Effect::SortedSetStoreRange {
            from: key,
            to: bytes,
            ranks: ranks(*number),
        },
        15 => Effect::SortedSetCombine {
            to: key,
            combination: Combination {
                operation: [Operation::Union, Operation::Intersection, Operation::Difference][all.len() % 3],
                aggregate: [Aggregate::Sum, Aggregate::Min, Aggregate::Max][bytes.len() % 3],
            },
            sources: scored(*number, &all),
        },
        _ => Effect::Tick,
    }
}

fn score(number: f64) -> Score {
    Score::new(number).unwrap()
}

/// Scores that follow from the number, of all kinds.
fn scored<'a>(number: u64, all: &[&'a [u8]]) -> Vec<(Score, &'a [u8])> {
    let scores = (0..).map(|place| Score::new(f64::from_bits(number.rotate_left(place * 16))).unwrap_or(Score::ONE));
    scores.zip(all.iter().copied()).collect()
}

/// Ranges of ranks that overlap what there is, and ones that do not.
fn ranks(number: u64) -> std::ops::Range<u64> {
    let start = number % 7;
    start..start.saturating_add(number / 7)
}

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || vec(any::<u8>(), 0..200);
    let number = prop_oneof![0..300_u64, any::<u64>()];
    (0..17_u8, vec(0..4_u8, 0..2), bytes(), number, vec(bytes(), 0..6))
}

proptest! {
    #[test]
    fn every_effect_is_read_back_as_it_was(all in vec(parts(), 0..20)) {
        let effects: Vec<_> = all.iter().map(effect).collect();
        let mut bytes = Vec::new();
        effects.iter().for_each(|effect| effect.encode(&mut bytes));
        let read: Result<Vec<_>, _> = Effects::of(&bytes).collect();
        prop_assert_eq!(read, Ok(effects));
    }

    #[test]
    fn an_effect_that_was_cut_off_is_an_error(parts in parts(), at in any::<prop::sample::Index>()) {
        let bytes = encoded(&effect(&parts));
        let cut = &bytes[..at.index(bytes.len())];
        let outcomes: Vec<_> = Effects::of(cut).collect();
        if cut.is_empty() {
            prop_assert!(outcomes.is_empty());
        } else {
            prop_assert!(matches!(outcomes.as_slice(), [Err(EffectError::Truncated { .. })]), "{:?}", outcomes);
        }
    }

    #[test]
    fn garbage_ends_with_an_error_at_the_latest(bytes in vec(any::<u8>(), 0..300)) {
        let outcomes: Vec<_> = Effects::of(&bytes).collect();
        let errors = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        prop_assert!(errors == 0 || (errors == 1 && outcomes.last().is_some_and(Result::is_err)));
        prop_assert!(outcomes.len() <= bytes.len());
    }

    /// Whatever a log says: the same records make the same data, and memory is counted right.
    #[test]
    fn any_effects_do_the_same_wherever_they_are_applied(all in vec(parts(), 0..120)) {
        let mut primary = primary();
        for parts in &all {
            primary.write(effect(parts));
        }
        let effects = primary.take_effects();
        let mut replica = Image::new(options());
        replica.replay(at(5), &effects).unwrap();
        prop_assert_eq!(dump(&primary), dump(&replica));
        prop_assert_eq!(primary.keyspace().memory_bytes(), replica.keyspace().memory_bytes());
        prop_assert_eq!(primary.keyspace().volatile(), replica.keyspace().volatile());
        replica.begin_turn(at(6), Mode::Primary);
        replica.write(Effect::Clear);
        prop_assert_eq!(replica.keyspace().memory_bytes(), Image::new(options()).keyspace().memory_bytes());
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let cases: [(&[u8], EffectError); 9] = [
        (&[1, 5, b'k'], EffectError::Truncated { at: 3 }),
        (&[12, 0], EffectError::UnknownTag { tag: 0, at: 1 }),
        (&[12, 18], EffectError::UnknownTag { tag: 18, at: 1 }),
        (
            &[4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            EffectError::NumberTooLong { at: 1 },
        ),
        (&[9, 1, b'k', 1, 1, b'f'], EffectError::OddPairs { at: 0 }),
        (
            &[13, 1, b'k', 1, 2, 0x7f, 0xf8, 1, b'm'],
            EffectError::NotAScore { at: 4 },
        ),
        (&[13, 1, b'k', 1, 2, 0x7f], EffectError::Truncated { at: 6 }),
        (&[17, 1, b'k', 3, 0, 0], EffectError::UnknownCombination { at: 3 }),
        (&[17, 1, b'k', 0, 3, 0], EffectError::UnknownCombination { at: 4 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(Effects::of(bytes).find_map(Result::err), Some(error), "{bytes:?}");
    }
}

#[test]
fn what_writes_to_another_type_begins_anew_and_what_removes_does_nothing() {
    let set = |image: &mut Image| {
        image.write(Effect::Set {
            key: b"k",
            value: b"v",
            expires_at: Some(at(u64::MAX)),
        })
    };
    let mut image = primary();
    set(&mut image);
    image.write(Effect::HashRemove {
        key: b"k",
        fields: vec![b"f"],
    });
    assert_eq!(image.string(b"k"), Ok(Some(b"v".as_slice())));
    let applied = image.write(Effect::HashSet {
        key: b"k",
        pairs: vec![b"f", b"v"],
    });
    assert_eq!(applied.added, 1);
    assert_eq!(image.hash(b"k").unwrap().unwrap().get(b"f"), Some(b"v".as_slice()));
    assert_eq!(image.keyspace().volatile(), 0, "the expiry went with the string");
    image.write(Effect::Append {
        key: b"k",
        suffix: b"new",
    });
    assert_eq!(image.string(b"k"), Ok(Some(b"new".as_slice())));
}

#[test]
fn no_record_makes_a_string_longer_than_one_may_be() {
    let mut image = primary();
    for offset in [512 << 20, u64::MAX] {
        image.write(Effect::SetRange {
            key: b"k",
            offset,
            bytes: b"v",
        });
        assert_eq!(image.peek(b"k").unwrap().map(|entry| entry.key().len()), None);
    }
}

#[test]
fn an_expiry_that_cannot_be_stored_is_none_on_the_primary_either() {
    let mut image = primary();
    image.write(Effect::Set {
        key: b"k",
        value: b"v",
        expires_at: Some(at(0)),
    });
    assert_eq!(image.string(b"k"), Ok(Some(b"v".as_slice())));
}

#[test]
fn renaming_or_copying_a_key_to_itself_changes_nothing() {
    let mut image = primary();
    image.write(Effect::HashSet {
        key: b"k",
        pairs: vec![b"f", b"v"],
    });
    let before = dump(&image);
    image.write(Effect::Rename { from: b"k", to: b"k" });
    image.write(Effect::Copy { from: b"k", to: b"k" });
    assert_eq!(dump(&image), before);
}
