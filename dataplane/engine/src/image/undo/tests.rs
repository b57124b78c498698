//! Random changes of random data, taken back and kept.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::eviction::Policy;
use crate::keyspace::ValueRef;
use crate::{Aggregate, Applied, Combination, ImageOptions, Mode, Operation};

/// A change that owns what it says.
#[derive(Debug, Clone)]
enum Change {
    Set(u8, usize, Option<u64>),
    Append(u8, usize),
    SetRange(u8, u64, usize),
    Remove(u8),
    ExpireAt(u8, u64),
    Persist(u8),
    Rename(u8, u8),
    Copy(u8, u8),
    HashSet(u8, u8, u8, usize),
    HashRemove(u8, u8, u8),
    MembersAdd(u8, u8, u8, i8),
    MembersRemove(u8, u8, u8),
    RanksRemove(u8, u8, u8),
    RanksStore(u8, u8, u8),
    Combine(u8, [u8; 2]),
    Clear,
}

const KEYS: u8 = 8;

fn key(number: u8) -> Vec<u8> {
    // Some are so long that what is inline under one is none under another.
    let length = if number.is_multiple_of(3) { 900 } else { 3 };
    let mut key = vec![b'k'; length];
    key.push(number);
    key
}

fn value(length: usize, salt: usize) -> Vec<u8> {
    let salt = u8::try_from(salt % 251).unwrap();
    vec![salt; length]
}

fn change() -> impl Strategy<Value = Change> {
    let key = || 0..KEYS;
    // Not onto itself: the commands refuse that.
    let two_keys = || (0..KEYS, 1..KEYS).prop_map(|(from, further)| (from, (from + further) % KEYS));
    let length = || prop_oneof![4 => 0..20_usize, 1 => 900..1100_usize];
    let at = || 1_000..3_000_u64;
    prop_oneof![
        4 => (key(), length(), proptest::option::of(at())).prop_map(|(key, length, at)| Change::Set(key, length, at)),
        3 => (key(), length()).prop_map(|(key, length)| Change::Append(key, length)),
        3 => (key(), 0..1200_u64, length()).prop_map(|(key, offset, length)| Change::SetRange(key, offset, length)),
        2 => key().prop_map(Change::Remove),
        2 => (key(), at()).prop_map(|(key, at)| Change::ExpireAt(key, at)),
        1 => key().prop_map(Change::Persist),
        3 => two_keys().prop_map(|(from, to)| Change::Rename(from, to)),
        2 => two_keys().prop_map(|(from, to)| Change::Copy(from, to)),
        6 => (key(), any::<u8>(), prop_oneof![Just(1_u8), Just(3), Just(200)], length())
            .prop_map(|(key, first, count, length)| Change::HashSet(key, first, count, length)),
        4 => (key(), any::<u8>(), prop_oneof![Just(1_u8), Just(3), Just(255)])
            .prop_map(|(key, first, count)| Change::HashRemove(key, first, count)),
        6 => (key(), any::<u8>(), prop_oneof![Just(1_u8), Just(3), Just(200)], any::<i8>())
            .prop_map(|(key, first, count, score)| Change::MembersAdd(key, first, count, score)),
        3 => (key(), any::<u8>(), prop_oneof![Just(1_u8), Just(3), Just(255)])
            .prop_map(|(key, first, count)| Change::MembersRemove(key, first, count)),
        3 => (key(), 0..10_u8, prop_oneof![Just(1_u8), Just(20), Just(255)])
            .prop_map(|(key, start, end)| Change::RanksRemove(key, start, end)),
        2 => (key(), key(), any::<u8>()).prop_map(|(from, to, end)| Change::RanksStore(from, to, end)),
        2 => (key(), [key(), key()]).prop_map(|(to, sources)| Change::Combine(to, sources)),
        1 => Just(Change::Clear),
    ]
}

fn fields(first: u8, count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|more| vec![b'f', first.wrapping_add(more)]).collect()
}

fn write(image: &mut Image, change: &Change, salt: usize) -> Applied {
    let at = WallTime::from_unix_millis;
    match change {
        Change::Set(number, length, expires_at) => image.write(Effect::Set {
            key: &key(*number),
            value: &value(*length, salt),
            expires_at: expires_at.map(at),
        }),
        Change::Append(number, length) => image.write(Effect::Append {
            key: &key(*number),
            suffix: &value(*length, salt),
        }),
        Change::SetRange(number, offset, length) => image.write(Effect::SetRange {
            key: &key(*number),
            offset: *offset,
            bytes: &value(*length, salt),
        }),
        Change::Remove(number) => image.write(Effect::Remove { key: &key(*number) }),
        Change::ExpireAt(number, millis) => image.write(Effect::ExpireAt {
            key: &key(*number),
            at: at(*millis),
        }),
        Change::Persist(number) => image.write(Effect::Persist { key: &key(*number) }),
        Change::Rename(from, to) => image.write(Effect::Rename {
            from: &key(*from),
            to: &key(*to),
        }),
        Change::Copy(from, to) => image.write(Effect::Copy {
            from: &key(*from),
            to: &key(*to),
        }),
        Change::HashSet(number, first, count, length) => {
            let (fields, value) = (fields(*first, *count), value(*length, salt));
            let pairs = fields.iter().flat_map(|field| [&field[..], &value[..]]).collect();
            image.write(Effect::HashSet {
                key: &key(*number),
                pairs,
            })
        }
        Change::HashRemove(number, first, count) => {
            let fields = fields(*first, *count);
            image.write(Effect::HashRemove {
                key: &key(*number),
                fields: fields.iter().map(Vec::as_slice).collect(),
            })
        }
        Change::MembersAdd(number, first, count, score) => {
            let members = fields(*first, *count);
            let score = Score::new(f64::from(*score)).unwrap();
            image.write(Effect::SortedSetAdd {
                key: &key(*number),
                elements: members.iter().map(|member| (score, member.as_slice())).collect(),
            })
        }
        Change::MembersRemove(number, first, count) => {
            let members = fields(*first, *count);
            image.write(Effect::SortedSetRemove {
                key: &key(*number),
                members: members.iter().map(Vec::as_slice).collect(),
            })
        }
        Change::RanksRemove(number, start, end) => image.write(Effect::SortedSetRemoveRange {
            key: &key(*number),
            ranks: u64::from(*start)..u64::from(*end),
        }),
        Change::RanksStore(from, to, end) => image.write(Effect::SortedSetStoreRange {
            from: &key(*from),
            to: &key(*to),
            ranks: 0..u64::from(*end),
        }),
        Change::Combine(to, sources) => {
            let (sources, weight) = (sources.map(key), Score::new(2.0).unwrap());
            image.write(Effect::SortedSetCombine {
                to: &key(*to),
                combination: Combination {
                    operation: Operation::Union,
                    aggregate: Aggregate::Sum,
                },
                sources: sources.iter().map(|source| (weight, source.as_slice())).collect(),
            })
        }
        Change::Clear => image.write(Effect::Clear),
    }
}

fn image() -> Image {
    let mut image = Image::new(ImageOptions {
        seed: 7,
        memory_bytes_max: None,
        policy: Policy::NoEviction,
    });
    image.begin_turn(WallTime::from_unix_millis(500), Mode::Primary);
    image
}

/// All keys in their order: what each holds, and how it is kept. A large hash tells its fields in no order of its own.
fn content(keyspace: &Keyspace) -> Vec<String> {
    let mut content = Vec::new();
    let mut see = |entry: &Entry| {
        let value = match entry.value() {
            ValueRef::String(bytes) => format!("{} {} {}", entry.is_inline(), entry.string_room(), digest(bytes)),
            ValueRef::Hash(hash) => {
                let mut fields: Vec<_> = hash
                    .iter()
                    .map(|(field, value)| (field.to_vec(), digest(value)))
                    .collect();
                if !hash.is_packed() {
                    fields.sort();
                }
                format!("{} {}", hash.encoding(), digest(format!("{fields:?}").as_bytes()))
            }
            ValueRef::SortedSet(set) => {
                let elements: Vec<_> = set.iter().collect();
                format!("{} {}", set.encoding(), digest(format!("{elements:?}").as_bytes()))
            }
        };
        content.push(format!("{} {:?} {value}", digest(entry.key()), entry.expires_at()));
    };
    assert_eq!(keyspace.scan(crate::Position::FIRST, usize::MAX, &mut see), None);
    assert_eq!(content.len(), keyspace.len());
    assert_eq!(keyspace.memory_bytes(), keyspace.recount());
    content
}

fn digest(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Everything that must be as before.
#[derive(Debug, PartialEq)]
struct Seen {
    content: Vec<String>,
    volatile: usize,
    effects: u64,
    written: String,
}

fn seen(image: &Image) -> Seen {
    Seen {
        content: content(&image.keyspace),
        volatile: image.keyspace.volatile(),
        effects: digest(&image.effects),
        written: format!("{:?}", image.written),
    }
}

fn write_all(image: &mut Image, changes: &[Change], salt: usize) -> Vec<Applied> {
    let numbered = changes.iter().enumerate();
    numbered
        .map(|(number, change)| write(image, change, number + salt))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_taken_back_leaves_no_trace(before in vec(change(), 0..40), within in vec(change(), 0..40), after in vec(change(), 0..10)) {
        let mut image = image();
        write_all(&mut image, &before, 0);
        let expected = seen(&image);
        image.begin_undoable();
        write_all(&mut image, &within, 100);
        image.roll_back();
        prop_assert_eq!(seen(&image), expected);
        // It goes on as one to which nothing was done.
        let mut twin = self::image();
        write_all(&mut twin, &before, 0);
        prop_assert_eq!(write_all(&mut image, &after, 200), write_all(&mut twin, &after, 200));
        prop_assert_eq!(seen(&image), seen(&twin));
        prop_assert_eq!(image.next_expiry().is_some(), twin.next_expiry().is_some());
    }

    #[test]
    fn what_is_kept_is_as_if_it_could_not_be_taken_back(before in vec(change(), 0..40), within in vec(change(), 0..40)) {
        let (mut image, mut twin) = (image(), image());
        write_all(&mut image, &before, 0);
        write_all(&mut twin, &before, 0);
        image.begin_undoable();
        prop_assert_eq!(write_all(&mut image, &within, 100), write_all(&mut twin, &within, 100));
        image.settle();
        prop_assert_eq!(seen(&image).effects, seen(&twin).effects);
        let told = |image: &Image| content(&image.keyspace).iter().map(|line| told(line)).collect::<Vec<_>>();
        prop_assert_eq!(told(&image), told(&twin));
        image.roll_back();
        prop_assert_eq!(told(&image), told(&twin), "what is settled is not taken back");
    }
}

/// Without how much room a string has: what grew may have more than what was made anew.
fn told(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let (key, value) = (words.first(), words.last());
    format!("{key:?} {value:?}")
}

#[test]
fn what_was_looked_up_stays_noted() {
    let mut image = image();
    image.forget_lookups();
    image.begin_undoable();
    image.peek(b"a").unwrap();
    image.write(Effect::Remove { key: b"a" });
    image.roll_back();
    assert_eq!((image.lookups().keys.len(), image.written().keys.len()), (1, 0));
}

#[test]
fn a_large_value_is_moved_into_the_notes_and_never_copied() {
    let mut image = image();
    let large = vec![b'x'; 1 << 20];
    let pairs: Vec<Vec<u8>> = (0..2000_u32).map(|number| number.to_be_bytes().to_vec()).collect();
    let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
    image.write(Effect::Set {
        key: b"string",
        value: &large,
        expires_at: None,
    });
    image.write(Effect::HashSet { key: b"hash", pairs });
    let before = seen(&image);
    image.begin_undoable();
    for key in [b"string".as_slice(), b"hash"] {
        image.write(Effect::ExpireAt {
            key,
            at: WallTime::from_unix_millis(900),
        });
        image.write(Effect::Rename {
            from: key,
            to: b"other",
        });
        image.write(Effect::Append {
            key: b"string",
            suffix: b"abc",
        });
        image.write(Effect::Set {
            key: b"other",
            value: b"small",
            expires_at: None,
        });
        image.write(Effect::Remove { key });
    }
    assert!(image.undo_bytes() < 4096, "{}", image.undo_bytes());
    image.roll_back();
    assert_eq!(seen(&image), before);
}

#[test]
fn many_changes_of_one_small_value_are_noted_once() {
    let mut image = image();
    image.write(Effect::HashSet {
        key: b"hash",
        pairs: vec![b"f", b"v"],
    });
    image.begin_undoable();
    for number in 0..10_000_u32 {
        image.write(Effect::HashSet {
            key: b"hash",
            pairs: vec![b"f", &number.to_be_bytes()],
        });
    }
    assert!(image.undo_bytes() < 1024, "{}", image.undo_bytes());
}
