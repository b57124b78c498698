//! Hashes as a type: how they are kept, and what their scans promise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::options;
use tenure_engine::{Effect, Hash, Image, Mode, Random};
use tenure_types::WallTime;

fn image() -> Image {
    let mut image = Image::new(options());
    image.begin_turn(WallTime::from_unix_millis(harness::START_MILLIS), Mode::Primary);
    image
}

fn set(image: &mut Image, field: &[u8], value: &[u8]) -> usize {
    let pairs = vec![field, value];
    image.write(Effect::HashSet { key: b"h", pairs }).added
}

fn remove(image: &mut Image, field: &[u8]) -> usize {
    let fields = vec![field];
    image.write(Effect::HashRemove { key: b"h", fields }).removed
}

fn hash(image: &mut Image) -> &Hash {
    image.hash(b"h").unwrap().unwrap()
}

/// As redis 7.0.15 says with its default options.
#[test]
fn a_hash_is_packed_until_it_has_too_many_fields_or_too_long_ones() {
    let cases = [
        (128, 64, 64, "listpack"),
        (129, 1, 1, "hashtable"),
        (1, 65, 1, "hashtable"),
        (1, 1, 65, "hashtable"),
        (1, 20_000, 20_000, "hashtable"),
    ];
    for (fields, field_len, value_len, encoding) in cases {
        let mut image = image();
        for number in 0..fields {
            let field = format!("{number:0>field_len$}");
            set(&mut image, field.as_bytes(), &vec![b'v'; value_len]);
        }
        let hash = hash(&mut image);
        assert_eq!((hash.len(), hash.encoding()), (fields, encoding));
        assert_eq!(hash.iter().count(), fields);
    }
}

#[test]
fn once_a_table_a_hash_stays_one() {
    let mut image = image();
    set(&mut image, b"f", &[b'v'; 65]);
    set(&mut image, b"f", b"short");
    assert_eq!(hash(&mut image).encoding(), "hashtable");
    assert_eq!(hash(&mut image).get(b"f"), Some(b"short".as_slice()));
}

#[test]
fn a_packed_hash_keeps_its_fields_in_the_order_they_came() {
    let mut image = image();
    for field in ["b", "a", "c"] {
        assert_eq!(set(&mut image, field.as_bytes(), b"1"), 1);
    }
    assert_eq!(set(&mut image, b"a", b"longer"), 0);
    assert_eq!(remove(&mut image, b"b"), 1);
    let fields: Vec<_> = hash(&mut image).iter().map(|(field, _)| field.to_vec()).collect();
    assert_eq!(fields, [b"a".to_vec(), b"c".to_vec()]);
}

#[test]
fn a_packed_hash_gives_memory_back_as_its_fields_go() {
    let mut image = image();
    for number in 0..100 {
        set(&mut image, format!("{number}").as_bytes(), &[b'v'; 60]);
    }
    let before = hash(&mut image).memory_bytes();
    for number in 1..100 {
        remove(&mut image, format!("{number}").as_bytes());
    }
    let after = hash(&mut image).memory_bytes();
    assert!(after * 20 < before, "{before} {after}");
}

#[test]
fn a_hash_without_fields_is_gone() {
    let mut image = image();
    set(&mut image, b"", b"");
    assert_eq!(hash(&mut image).get(b""), Some(b"".as_slice()));
    assert_eq!(remove(&mut image, b"none"), 0);
    assert_eq!(remove(&mut image, b""), 1);
    assert!(image.hash(b"h").unwrap().is_none());
    assert!(image.keyspace().is_empty());
}

#[test]
fn a_hash_holds_what_a_map_would() {
    for seed in 0..3 {
        println!("seed {seed}");
        let (mut image, mut model, mut random) = (image(), BTreeMap::new(), Random::new(seed));
        for turn in 0..6_000 {
            let field = random.below(40 + turn / 4).to_string().into_bytes();
            let value = vec![b'v'; random.below(9)];
            if random.below(3) == 0 {
                assert_eq!(remove(&mut image, &field), usize::from(model.remove(&field).is_some()));
            } else {
                assert_eq!(
                    set(&mut image, &field, &value),
                    usize::from(model.insert(field, value).is_none())
                );
            }
        }
        let hash = hash(&mut image);
        assert_eq!(hash.encoding(), "hashtable");
        let fields: BTreeMap<_, _> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
        assert_eq!(fields, model);
        assert!(model.iter().all(|(f, v)| hash.get(f) == Some(v.as_slice())));
        for _ in 0..100 {
            let (field, value) = hash.random(&mut random).unwrap();
            assert_eq!(model.get(field).map(Vec::as_slice), Some(value));
        }
    }
}

#[test]
fn a_scan_sees_fields_that_stay_exactly_once_even_if_the_hash_grows_meanwhile() {
    for start in [5, 100, 128, 129, 3_000] {
        let mut image = image();
        for number in 0..start {
            set(&mut image, format!("stays {number}").as_bytes(), b"v");
        }
        let (mut seen, mut cursor, mut others) = (Vec::new(), 0, 0);
        loop {
            cursor = hash(&mut image).scan(cursor, 10, |field, _| seen.push(field.to_vec()));
            for _ in 0..30 {
                set(&mut image, format!("other {others}").as_bytes(), b"v");
                others += 1;
                if others % 3 == 0 {
                    remove(&mut image, format!("other {}", others / 3).as_bytes());
                }
            }
            if cursor == 0 {
                break;
            }
        }
        let staying: Vec<_> = seen.iter().filter(|field| field.starts_with(b"stays")).collect();
        assert_eq!(staying.len(), start);
        assert_eq!(staying.into_iter().collect::<BTreeSet<_>>().len(), start);
    }
}
