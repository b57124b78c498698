//! What was damaged, cut short or mixed up on the way or on a disk is refused, whatever else it says.

use std::ops::Range;

use proptest::prelude::*;
use tenure_log_protocol::*;

use super::blocks::{Blocks, ranges};
use super::impossible::STREAM_1;
use super::world::World;
use super::{golden, sample};

#[test]
fn every_changed_byte_is_found() {
    let snapshot = sample().encode_whole().to_vec();
    for at in 0..snapshot.len() {
        for change in 1..=u8::MAX {
            let mut damaged = snapshot.clone();
            damaged[at] ^= change;
            let error = StreamTable::decode(&damaged).unwrap_err();
            let is_format = matches!(error, DecodeError::UnknownFormat { .. });
            assert!(
                error.is_damage() || is_format,
                "byte {at} changed by {change:#04x}: {error}"
            );
        }
    }
}

#[test]
fn damage_is_named_by_the_block_it_is_in() {
    let snapshot = sample().encode_whole();
    for block in ranges(&snapshot) {
        let block_at = block.start as u64;
        // Behind the length, which has errors of its own.
        for at in block.start + 8..block.end {
            let mut damaged = snapshot.to_vec();
            damaged[at] ^= 0x10;
            assert_eq!(
                StreamTable::decode(&damaged),
                Err(DecodeError::Damaged { block_at }),
                "byte {at}"
            );
        }
    }
}

#[test]
fn every_snapshot_that_ends_early_is_refused() {
    let snapshot = sample().encode_whole();
    for bytes in 0..snapshot.len() {
        let refused = DecodeError::Truncated { bytes: bytes as u64 };
        assert_eq!(StreamTable::decode(&snapshot[..bytes]), Err(refused));
    }
}

#[test]
fn bytes_behind_a_snapshot_are_refused() {
    let snapshot = sample().encode_whole();
    let refused = DecodeError::BytesBehindEnd {
        end: snapshot.len() as u64,
    };
    assert_eq!(StreamTable::decode(&[&snapshot[..], &[0]].concat()), Err(refused));
    assert_eq!(StreamTable::decode(&[&snapshot[..], &snapshot].concat()), Err(refused));
    let whole = TableDecoder::default().push(&snapshot).unwrap();
    assert_eq!(whole.push(&[0]).unwrap_err(), refused, "in a piece of their own");
}

/// Each block is whole, but is not the one that was written behind the one before it.
#[test]
fn blocks_cannot_be_left_out_moved_or_taken_from_another_snapshot() {
    let (mut world, mut other) = (World::new(), World::new());
    world.create(3, 1, false);
    other.create(3, 2, false);
    let snapshot = world.table().encode_whole().to_vec();
    let other = other.table().encode_whole().to_vec();
    let blocks = ranges(&snapshot);
    let [_, first, second, third, _] = blocks.as_slice() else {
        panic!("three streams between head and tombstones: {blocks:?}")
    };
    let built = |order: &[&Range<usize>]| {
        let mut built = snapshot[..first.start].to_vec();
        order
            .iter()
            .for_each(|block| built.extend_from_slice(&snapshot[(*block).clone()]));
        built.extend_from_slice(&snapshot[third.end..]);
        built
    };
    assert!(StreamTable::decode(&built(&[first, second, third])).is_ok());
    let mixed = [&snapshot[..third.end], &other[third.end..]].concat();
    for refused in [
        built(&[first, third]),
        built(&[first, third, second]),
        built(&[first, first, third]),
        mixed,
    ] {
        let error = StreamTable::decode(&refused).unwrap_err();
        assert!(matches!(error, DecodeError::Damaged { .. }), "{error}");
    }
}

#[test]
fn another_format_is_named_and_other_bytes_are_no_snapshot() {
    let mut snapshot = sample().encode_whole().to_vec();
    snapshot[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let refused = StreamTable::decode(&snapshot).unwrap_err();
    assert_eq!(refused, DecodeError::UnknownFormat { found: 7, known: 1 });
    assert_eq!(
        refused.to_string(),
        "the snapshot has format 7, and this release knows format 1"
    );
    assert_eq!(
        StreamTable::decode(b"REDIS0011\xfa\x09..."),
        Err(DecodeError::NotASnapshot)
    );
}

/// A length is read before its checksum can be: it may not make anyone wait for, or set memory aside for, what no
/// block has.
#[test]
fn a_block_longer_than_any_is_refused_before_it_comes() {
    let snapshot = sample().encode_whole();
    let most = TOMBSTONES_MAX as u64 * 8;
    for body_bytes in [most + 1, u64::MAX] {
        let begun = [&snapshot[..12], &body_bytes.to_le_bytes()].concat();
        let refused = DecodeError::BlockTooLong {
            block_at: 12,
            body_bytes,
            body_bytes_max: most,
        };
        assert_eq!(TableDecoder::default().push(&begun).unwrap_err(), refused);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), keep in 0..32usize) {
        prop_assert!(StreamTable::decode(&bytes).is_err());
        // Behind a good beginning, and as a body that is believed.
        let begun = [&golden()[..keep], &bytes].concat();
        prop_assert!(StreamTable::decode(&begun).is_err());
        let mut blocks = Blocks::of(&golden());
        blocks.bodies[STREAM_1].splice(keep.., bytes);
        let _ = StreamTable::decode(&blocks.sealed());
    }
}
