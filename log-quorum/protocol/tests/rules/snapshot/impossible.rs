//! Tables that no calls lead to are refused, though every checksum is right: a defect wrote them, or somebody on purpose.

use std::error::Error;

use proptest::prelude::*;
use tenure_log_protocol::*;
use tenure_types::{Epoch, LeaseLength, Lsn};

use super::blocks::{Blocks, ranges};
use super::world::{World, stream};
use super::{golden, hex};
use crate::writer::*;

// Blocks of the sample, and where the fields are in the body of stream 1, which has three owners and four records.
const HEAD: usize = 0;
pub(crate) const STREAM_1: usize = 1;
const STREAM_4: usize = 2;
const TOMBSTONES: usize = 3;
const WINDOW: usize = 16;
const TRIM: usize = 17;
const APPENDED: usize = 25;
const LONGEST: usize = 33;
const OWNERS: usize = 37;
const RECENT: usize = OWNERS + 8 + 3 * 41;

/// Of owner `index`, oldest first: its epoch. Node, incarnation, lease, begin, wait-out and release follow.
fn owner_at(index: usize) -> usize {
    OWNERS + 8 + index * 41
}

fn u64_bytes(number: u64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn millis(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

#[test]
fn a_table_that_no_calls_lead_to_is_refused() {
    let cases = [
        (HEAD, 0, millis(0), DecodeError::NoLeaseMax),
        (
            HEAD,
            4,
            u64_bytes(16_385),
            DecodeError::TooManyStreams { streams: 16_385 },
        ),
        (
            HEAD,
            12,
            u64_bytes(4097),
            DecodeError::TooManyTombstones { tombstones: 4097 },
        ),
        (
            STREAM_4,
            0,
            u64_bytes(stream(0).to_bits()),
            // Its chain is that of another id, and that is found first.
            DecodeError::Stream {
                stream: stream(0),
                source: StreamFlaw::Start {
                    chain: Chain::start_of(stream(4)),
                },
            },
        ),
        (
            TOMBSTONES,
            0,
            u64_bytes(stream(2).to_bits()),
            DecodeError::DeletedTwice { stream: stream(2) },
        ),
        (
            TOMBSTONES,
            0,
            u64_bytes(stream(4).to_bits()),
            DecodeError::DeletedAndThere { stream: stream(4) },
        ),
    ];
    let blocks = Blocks::of(&golden());
    for (block, offset, bytes, refused) in cases {
        let snapshot = blocks.clone().with(block, offset, &bytes).sealed();
        assert_eq!(StreamTable::decode(&snapshot), Err(refused));
        assert!(!refused.is_damage());
    }
}

#[test]
fn streams_out_of_order_or_twice_are_refused() {
    let mut world = World::new();
    world.create(3, 1, false);
    let blocks = Blocks::of(&world.table().encode_whole());
    let refused_order = |bodies: [usize; 5]| {
        let bodies = bodies.map(|index| blocks.bodies[index].clone()).to_vec();
        let prefix = blocks.prefix.clone();
        StreamTable::decode(&Blocks { prefix, bodies }.sealed()).unwrap_err()
    };
    let after = |before: u32, next: u32| DecodeError::StreamsOutOfOrder {
        stream: stream(next),
        before: stream(before),
    };
    assert_eq!(refused_order([0, 2, 1, 3, 4]), after(2, 1));
    assert_eq!(refused_order([0, 1, 1, 3, 4]), after(1, 1));
}

#[test]
fn a_body_with_more_or_fewer_fields_is_refused() {
    let blocks = Blocks::of(&golden());
    for (block, begin) in ranges(&golden()).iter().enumerate() {
        let refused = Err(DecodeError::Misshaped {
            block_at: begin.start as u64,
        });
        let mut longer = blocks.clone();
        longer.bodies[block].push(0);
        assert_eq!(StreamTable::decode(&longer.sealed()), refused);
        let mut shorter = blocks.clone();
        shorter.bodies[block].pop();
        assert_eq!(StreamTable::decode(&shorter.sealed()), refused);
    }
    // Counts that nothing justifies: read until the body ends, no memory set aside.
    for offset in [OWNERS, RECENT + 16] {
        let endless = blocks.clone().with(STREAM_1, offset, &u64_bytes(u64::MAX)).sealed();
        let block_at = ranges(&golden())[STREAM_1].start as u64;
        let error = StreamTable::decode(&endless).unwrap_err();
        let of_stream = matches!(error, DecodeError::Stream { .. });
        assert!(of_stream || error == DecodeError::Misshaped { block_at }, "{error}");
    }
}

/// What is wrong with stream 1 of the sample once these bytes are at these offsets of its body.
fn refused_with(patches: &[(usize, Vec<u8>)]) -> StreamFlaw {
    let patched = |blocks: Blocks, (offset, bytes): &(usize, Vec<u8>)| blocks.with(STREAM_1, *offset, bytes);
    let blocks = patches.iter().fold(Blocks::of(&golden()), patched);
    flaw_in(1, &blocks)
}

fn flaw_in(number: u32, blocks: &Blocks) -> StreamFlaw {
    match StreamTable::decode(&blocks.sealed()) {
        Err(DecodeError::Stream { stream: of, source }) if of == stream(number) => source,
        other => panic!("expected a flaw in {}, got {other:?}", stream(number)),
    }
}

#[test]
fn a_field_that_has_no_such_value_is_refused() {
    let epoch = Epoch::new;
    let cases = [
        (WINDOW, vec![2], StreamFlaw::NoFlag { byte: 2 }),
        (owner_at(0) + 40, vec![0xff], StreamFlaw::NoFlag { byte: 0xff }),
        (
            owner_at(0) + 16,
            u64_bytes(0),
            StreamFlaw::NoIncarnation { epoch: epoch(1) },
        ),
        (owner_at(1) + 24, millis(0), StreamFlaw::NoLease { epoch: epoch(2) }),
    ];
    for (offset, bytes, flaw) in cases {
        assert_eq!(refused_with(&[(offset, bytes)]), flaw);
    }
}

#[test]
fn epochs_that_do_not_follow_each_other_are_refused() {
    let [first, second, third] = [0, 1, 2].map(owner_at);
    let follows = |before, epoch| StreamFlaw::Epochs {
        epoch: Epoch::new(epoch),
        before: Epoch::new(before),
    };
    assert_eq!(refused_with(&[(third, u64_bytes(4))]), follows(2, 4));
    assert_eq!(refused_with(&[(third, u64_bytes(2))]), follows(2, 2));
    assert_eq!(refused_with(&[(first, u64_bytes(0))]), follows(0, 2));
    assert_eq!(refused_with(&[(first, u64_bytes(u64::MAX))]), follows(u64::MAX, 2));
    let all = [(first, u64_bytes(2)), (second, u64_bytes(3)), (third, u64_bytes(4))];
    let forgotten = StreamFlaw::Owners {
        owners: 3,
        epoch: Epoch::new(4),
    };
    assert_eq!(refused_with(&all), forgotten, "the first of four is not remembered");
}

#[test]
fn more_owners_than_are_remembered_are_refused() {
    let mut blocks = Blocks::of(&of_many_owners().encode_whole());
    let added = blocks.bodies[STREAM_1][owner_at(0)..owner_at(1)].to_vec();
    blocks.bodies[STREAM_1].splice(owner_at(0)..owner_at(0), added);
    let blocks = blocks
        .with(STREAM_1, owner_at(0), &u64_bytes(3))
        .with(STREAM_1, OWNERS, &u64_bytes(17));
    let flaw = StreamFlaw::Owners {
        owners: 17,
        epoch: Epoch::new(19),
    };
    assert_eq!(flaw_in(1, &blocks), flaw);
}

#[test]
fn an_epoch_that_began_where_no_tail_was_is_refused() {
    let cases = [
        (0, 1, "the first epoch, behind records"),
        (2, 1, "before the epoch before it"),
        (2, 5, "past the tail"),
    ];
    for (index, began_at, why) in cases {
        let flaw = StreamFlaw::BeganAt {
            epoch: Epoch::new(index as u64 + 1),
            began_at: Lsn::new(began_at),
        };
        let begin = owner_at(index) + 28;
        assert_eq!(refused_with(&[(begin, u64_bytes(began_at))]), flaw, "{why}");
    }
}

/// A new owner that waits too shortly would serve beside an old one.
#[test]
fn a_wait_out_that_the_epochs_before_do_not_ask_for_is_refused() {
    let (waits, released) = (36, 40);
    let cases = [
        (owner_at(0) + waits, millis(3000), 1, WaitOut::For(lease(3000))),
        (owner_at(1) + waits, millis(0), 2, WaitOut::Nothing),
        (owner_at(1) + waits, millis(2999), 2, WaitOut::For(lease(2999))),
        (owner_at(1) + waits, millis(3001), 2, WaitOut::For(lease(3001))),
        (owner_at(2) + waits, millis(3000), 3, WaitOut::For(lease(3000))),
        // Then the third one had to wait.
        (owner_at(1) + released, vec![0], 3, WaitOut::Nothing),
    ];
    for (offset, bytes, number, wait_out) in cases {
        let flaw = StreamFlaw::WaitOut {
            epoch: Epoch::new(number),
            wait_out,
        };
        assert_eq!(refused_with(&[(offset, bytes)]), flaw);
    }
}

#[test]
fn a_lease_longer_than_the_quorum_grants_is_refused() {
    let flaw = StreamFlaw::LeaseTooLong {
        epoch: Epoch::new(3),
        lease: lease(10_001),
        lease_max: lease_max(),
    };
    assert_eq!(refused_with(&[(owner_at(2) + 24, millis(10_001))]), flaw);
}

#[test]
fn a_longest_lease_that_no_owner_had_is_refused() {
    for longest in [0, 2999, 3001] {
        let longest_lease = LeaseLength::from_millis(longest);
        let flaw = StreamFlaw::LongestLease { longest_lease };
        assert_eq!(refused_with(&[(LONGEST, millis(longest))]), flaw);
    }
    let unowned = Blocks::of(&golden()).with(STREAM_4, LONGEST, &millis(1000));
    let flaw = StreamFlaw::LongestLease {
        longest_lease: Some(lease(1000)),
    };
    assert_eq!(flaw_in(4, &unowned), flaw);
}

/// Stream 1 with 19 owners, of which three are forgotten, one of them with the longest lease. None released.
fn of_many_owners() -> StreamTable {
    let mut world = World::new();
    for node in 1..=19 {
        world.fence(1, node, if node == 2 { 5000 } else { 2000 });
    }
    world.table().clone()
}

#[test]
fn the_longest_lease_of_forgotten_owners_is_what_the_others_wait_for() {
    let blocks = Blocks::of(&of_many_owners().encode_whole());
    for longest in [2000, 4999, 5001] {
        let flaw = StreamFlaw::LongestLease {
            longest_lease: Some(lease(longest)),
        };
        assert_eq!(
            flaw_in(1, &blocks.clone().with(STREAM_1, LONGEST, &millis(longest))),
            flaw
        );
    }
    let waits = owner_at(15) + 36;
    for waited in [2000, 4999, 5001] {
        let flaw = StreamFlaw::WaitOut {
            epoch: Epoch::new(19),
            wait_out: WaitOut::For(lease(waited)),
        };
        assert_eq!(flaw_in(1, &blocks.clone().with(STREAM_1, waits, &millis(waited))), flaw);
    }
}

#[test]
fn the_longest_lease_of_forgotten_owners_may_be_any_that_nobody_waits_for() {
    let mut world = World::new();
    for node in 1..=19 {
        world.fence(1, node, 2000);
        world.release(1);
    }
    let blocks = Blocks::of(&world.table().encode_whole());
    let with_longest = |longest| blocks.clone().with(STREAM_1, LONGEST, &millis(longest));
    assert!(StreamTable::decode(&with_longest(10_000).sealed()).is_ok());
    for longest in [1999, 10_001] {
        let flaw = StreamFlaw::LongestLease {
            longest_lease: Some(lease(longest)),
        };
        assert_eq!(flaw_in(1, &with_longest(longest)), flaw);
    }
}

/// With fewer chains than another node has, it would refuse a resend that the other accepts.
#[test]
fn more_or_fewer_chains_than_the_tail_asks_for_are_refused() {
    let chains = |chains, tail| StreamFlaw::Chains {
        chains,
        tail: Lsn::new(tail),
    };
    assert_eq!(refused_with(&[(RECENT, u64_bytes(5))]), chains(4, 5));
    assert_eq!(refused_with(&[(RECENT, u64_bytes(3))]), chains(4, 3));
    let mut fewer = Blocks::of(&golden()).with(STREAM_1, RECENT + 16, &u64_bytes(3));
    let shorter = fewer.bodies[STREAM_1].len() - 8;
    fewer.bodies[STREAM_1].truncate(shorter);
    assert_eq!(flaw_in(1, &fewer), chains(3, 4));

    let mut world = World::new();
    world.fence(1, 1, 1000);
    world.write(1, 2000);
    let mut more = Blocks::of(&world.table().encode_whole());
    let recent = owner_at(1);
    more.bodies[STREAM_1].extend(u64_bytes(0));
    let more = more.with(STREAM_1, recent + 16, &u64_bytes(1025));
    assert_eq!(flaw_in(1, &more), chains(1025, 2000));
}

#[test]
fn chains_that_do_not_begin_at_the_streams_id_are_refused() {
    let chain = Chain::start_of(stream(4));
    let oldest = RECENT + 24 + 3 * 8;
    assert_eq!(
        refused_with(&[(oldest, u64_bytes(chain.get()))]),
        StreamFlaw::Start { chain }
    );
}

#[test]
fn records_without_an_owner_are_refused() {
    let tail = owner_at(0);
    let mut blocks = Blocks::of(&golden());
    blocks.bodies[STREAM_4].truncate(tail);
    // Tail, chain, how many before it, and that one.
    for number in [1, 77, 1, Chain::start_of(stream(4)).get()] {
        blocks.bodies[STREAM_4].extend(u64_bytes(number));
    }
    assert_eq!(flaw_in(4, &blocks), StreamFlaw::RecordsOfNobody { tail: Lsn::new(1) });
}

#[test]
fn a_trim_past_the_tail_is_refused() {
    let flaw = StreamFlaw::TrimPastTail {
        trim: Lsn::new(5),
        tail: Lsn::new(4),
    };
    assert_eq!(refused_with(&[(TRIM, u64_bytes(5))]), flaw);
}

#[test]
fn bytes_that_the_records_cannot_have_cost_are_refused() {
    let most = RECORD_OVERHEAD_BYTES + APPEND_PAYLOAD_BYTES_MAX as u64;
    for appended_bytes in [0, 4 * RECORD_OVERHEAD_BYTES - 1, 4 * most + 1] {
        let flaw = StreamFlaw::AppendedBytes {
            appended_bytes,
            tail: Lsn::new(4),
        };
        assert_eq!(refused_with(&[(APPENDED, u64_bytes(appended_bytes))]), flaw);
    }
    let none = Blocks::of(&golden()).with(STREAM_4, APPENDED, &u64_bytes(1));
    let flaw = StreamFlaw::AppendedBytes {
        appended_bytes: 1,
        tail: None,
    };
    assert_eq!(flaw_in(4, &none), flaw);
}

#[test]
fn a_refused_stream_is_named_with_what_is_wrong() {
    let blocks = Blocks::of(&golden()).with(STREAM_1, owner_at(1) + 36, &millis(10));
    let error = StreamTable::decode(&blocks.sealed()).unwrap_err();
    assert_eq!(error.to_string(), "stream-7-1 is in a state that no stream reaches");
    let source = Error::source(&error).unwrap();
    assert_eq!(
        source.to_string(),
        "epoch 2 waits out a lease of 10 ms, which the epochs before it do not ask for"
    );
}

/// Bytes that lead far into decoding: the sample's, with some of them changed, and checksums that are right.
fn changed_and_sealed() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![Just(0), Just(1), Just(u8::MAX), any::<u8>()];
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), value);
    prop::collection::vec(change, 1..4).prop_map(|changes| {
        let mut blocks = Blocks::of(&golden());
        for (block, offset, value) in changes {
            let body = block.get(&blocks.bodies).clone();
            let block = block.index(blocks.bodies.len());
            blocks = blocks.with(block, offset.index(body.len()), &[value]);
        }
        blocks.sealed()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    /// So two snapshots differ only if their tables do, whoever wrote them.
    #[test]
    fn whatever_is_accepted_is_what_would_be_written(snapshot in changed_and_sealed()) {
        if let Ok(table) = StreamTable::decode(&snapshot) {
            prop_assert_eq!(hex(&table.encode_whole()), hex(&snapshot));
        }
    }
}
