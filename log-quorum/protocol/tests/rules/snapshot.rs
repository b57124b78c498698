//! Rules of a table's snapshot: what it gives back. What is refused is in `damage.rs`, and in `impossible.rs` where the
//! checksums are right.

mod blocks;
mod damage;
mod impossible;
mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tenure_log_protocol::*;
use tenure_types::{Epoch, Lsn};

use crate::writer::*;
use blocks::Blocks;
use world::{World, steps, stream};

/// A small table in which every field has a value, and none where it may have none.
fn sample() -> StreamTable {
    let mut world = World::new();
    // Stream 1: an owner with the longest lease, one that waits for it and releases, one that waits for nothing.
    world.fence(1, 5, 3000);
    world.write(1, 2);
    world.fence(1, 6, 1000);
    world.write(1, 1);
    world.release(1);
    world.fence(1, 5, 1200);
    world.write(1, 1);
    world.trim(1, 1, 2, 4);
    // Stream 4 never had an owner.
    world.create(4, 2, true);
    world.create(9, 1, false);
    for deleted in [9, 2] {
        world.delete(deleted);
    }
    world.table().clone()
}

/// The bytes in a file of hexadecimal digits with comments.
fn golden() -> Vec<u8> {
    let lines = include_str!("snapshot/format1.hex").lines();
    let digits: String = lines
        .map(|line| line.split('#').next().unwrap())
        .flat_map(str::split_whitespace)
        .collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// If this test fails, stored snapshots can no longer be read: a change needs a new format number, and this file stays.
#[test]
fn stored_snapshots_do_not_change() {
    let (sample, golden) = (sample(), golden());
    assert_eq!(hex(&sample.encode_whole()), hex(&golden));
    assert_eq!(StreamTable::decode(&golden), Ok(sample));
}

#[test]
fn the_format_is_what_its_description_says() {
    let snapshot = sample().encode_whole();
    assert_eq!(hex(&Blocks::of(&snapshot).sealed()), hex(&snapshot));
}

#[test]
fn an_empty_table_has_a_snapshot() {
    let table = StreamTable::new(lease(1));
    assert_eq!(StreamTable::decode(&table.encode_whole()), Ok(table));
}

#[test]
fn a_stream_that_remembers_all_it_may_has_a_snapshot() {
    let mut world = World::new();
    for node in 1..=OWNERSHIPS_MAX as u64 + 3 {
        world.fence(1, node, 2000);
        world.write(1, RECENT_RECORDS_MAX / OWNERSHIPS_MAX + 1);
    }
    let table = world.table();
    assert!(table.stream(stream(1)).unwrap().tail() > Lsn::new(RECENT_RECORDS_MAX as u64));
    assert_eq!(StreamTable::decode(&table.encode_whole()).as_ref(), Ok(table));
}

#[test]
fn a_table_with_as_many_streams_and_tombstones_as_there_may_be_has_a_snapshot() {
    let mut table = StreamTable::new(lease_max());
    for number in 0..u32::try_from(STREAMS_MAX).unwrap() {
        table.create(&create(stream(number))).unwrap();
    }
    for number in 0..u32::try_from(TOMBSTONES_MAX).unwrap() {
        table.delete(&Delete {
            stream: stream(u32::MAX - number),
        });
    }
    assert_eq!(StreamTable::decode(&table.encode_whole()), Ok(table));
}

#[test]
fn equal_tables_have_equal_snapshots() {
    let created = |numbers: [u32; 3]| {
        let mut world = World::new();
        numbers.iter().for_each(|number| world.create(*number, 1, false));
        world.fence(3, 1, 1000);
        world.table().clone()
    };
    let (up, down) = (created([3, 4, 5]), created([5, 4, 3]));
    assert_eq!(up, down);
    assert_eq!(up.encode_whole(), down.encode_whole());
}

#[test]
fn a_snapshot_comes_stream_by_stream_and_as_long_as_it_was_said() {
    let table = sample();
    let chunks: Vec<_> = table.encode().collect();
    assert_eq!(chunks.concat(), table.encode_whole());
    assert_eq!(table.encoded_bytes(), table.encode_whole().len());
    assert_eq!(chunks.len(), 1 + 1 + table.streams().count() + 1);
}

#[test]
fn a_snapshot_may_come_in_pieces_cut_anywhere() {
    let table = sample();
    let snapshot = table.encode_whole();
    for piece_bytes in 1..=snapshot.len() {
        let pieces = snapshot.chunks(piece_bytes);
        let decoder = pieces.fold(TableDecoder::default(), |decoder, piece| decoder.push(piece).unwrap());
        assert_eq!(decoder.finish().as_ref(), Ok(&table), "pieces of {piece_bytes} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// One that was made from a snapshot and one that applied everything answer alike from then on.
    #[test]
    fn a_table_goes_on_from_its_snapshot(before in steps(), after in steps()) {
        let mut world = World::new();
        before.iter().for_each(|(number, step)| world.take(*number, step));
        let snapshot = world.table().encode_whole();
        let restored = StreamTable::decode(&snapshot).unwrap();
        prop_assert_eq!(&restored, world.table());
        prop_assert_eq!(restored.encode_whole(), &snapshot);
        world.join(restored);
        after.iter().for_each(|(number, step)| world.take(*number, step));
        world.table();
    }
}

/// The random steps must reach what they are there to carry over.
#[test]
fn random_steps_reach_all_that_a_snapshot_holds() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut seen = BTreeSet::new();
    for _ in 0..48 {
        let mut world = World::new();
        for (number, step) in steps().new_tree(&mut runner).unwrap().current() {
            world.take(number, &step);
        }
        let deleted = (1..4).any(|number| world.table().stream(stream(number)).is_none());
        seen.extend(deleted.then_some("deleted"));
        for stream in world.table().streams() {
            let tail = Lsn::count(stream.tail());
            let of_ownership = |is: fn(&Ownership) -> bool| stream.ownership().is_some_and(is);
            let reached = [
                (tail > RECENT_RECORDS_MAX as u64, "chains forgotten"),
                (stream.epoch() > Epoch::new(OWNERSHIPS_MAX as u64), "owners forgotten"),
                (stream.trim_point().is_some(), "trimmed"),
                (of_ownership(|own| own.released), "released"),
                (of_ownership(|own| own.wait_out != WaitOut::Nothing), "waits"),
            ];
            seen.extend(reached.into_iter().filter_map(|(is, name)| is.then_some(name)));
        }
    }
    let all = [
        "chains forgotten",
        "deleted",
        "owners forgotten",
        "released",
        "trimmed",
        "waits",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}
