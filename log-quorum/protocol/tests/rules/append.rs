//! Rules of Append: order, resends, fences.

use bytes::Bytes;
use tenure_log_protocol::*;
use tenure_types::{Epoch, GroupId, Lsn, StreamId};

use crate::writer::*;

fn ok(lsn: u64) -> Result<AppendVerdict, Unsettled> {
    Ok(AppendVerdict::Ok { lsn: at(lsn) })
}

fn fenced(epoch: u64, fence_lsn: u64) -> Result<AppendVerdict, Unsettled> {
    Ok(AppendVerdict::Fenced(Writer::fenced(epoch, fence_lsn)))
}

/// A table where writer 1 holds epoch 1, with five sealed records of which the first three are appended.
fn three_of_five() -> (StreamTable, Writer) {
    let mut table = table();
    let mut writer = Writer::fencing(&mut table, 1);
    writer.write_through(&mut table, 3);
    writer.write("four");
    writer.write("five");
    (table, writer)
}

fn tail(table: &StreamTable) -> u64 {
    Lsn::count(table.stream(STREAM).unwrap().tail())
}

#[test]
fn records_follow_the_tail_and_the_verdict_names_the_last() {
    let (mut table, writer) = three_of_five();
    assert_eq!(table.append(&writer.append(4, 5)), ok(5));
    let after = table.describe(STREAM).unwrap();
    assert_eq!((after.tail, after.chain), (Lsn::new(5), writer.sealed[4].chain));
    assert_eq!(
        after.appended_bytes,
        "xxxfourfive".len() as u64 + 5 * RECORD_OVERHEAD_BYTES
    );
}

#[test]
fn gap_is_refused_and_changes_nothing() {
    let (mut table, writer) = three_of_five();
    let before = table.clone();
    assert_eq!(
        table.append(&writer.append(5, 5)),
        Err(Unsettled::Gap { tail: Lsn::new(3) })
    );
    assert_eq!(table, before);
}

#[test]
fn resend_is_answered_as_before_and_not_applied_again() {
    let (mut table, writer) = three_of_five();
    let before = table.clone();
    assert_eq!(table.append(&writer.append(2, 2)), ok(2));
    assert_eq!(table.append(&writer.append(1, 3)), ok(3));
    assert_eq!(table, before);
}

#[test]
fn regrouped_resend_applies_only_its_new_part() {
    let (mut table, writer) = three_of_five();
    assert_eq!(table.append(&writer.append(2, 4)), ok(4));
    assert_eq!(table.append(&writer.append(3, 5)), ok(5));
    assert_eq!(
        table.stream(STREAM).unwrap().appended_bytes(),
        "xxxfourfive".len() as u64 + 5 * RECORD_OVERHEAD_BYTES
    );
}

#[test]
fn resend_is_recognised_among_the_newest_records_only() {
    let mut table = table();
    let mut writer = Writer::fencing(&mut table, 1);
    let k = RECENT_RECORDS_MAX as u64;
    writer.write_through(&mut table, k + 5);
    let before = table.clone();
    assert_eq!(table.append(&writer.append(6, 6)), ok(6), "the oldest of K");
    assert_eq!(
        table.append(&writer.append(5, 6)),
        Err(Unsettled::Old { tail: Lsn::new(k + 5) })
    );
    assert_eq!(table, before, "an old append is never applied a second time");
}

#[test]
fn every_record_in_flight_can_be_resent() {
    let mut table = table();
    let mut writer = Writer::fencing(&mut table, 1);
    writer.write_through(&mut table, 7);
    writer.write_through(&mut table, IN_FLIGHT_RECORDS_MAX as u64);
    assert_eq!(table.append(&writer.append(8, 8)), ok(8));
}

#[test]
fn other_records_at_known_positions_diverge() {
    let (mut table, writer) = three_of_five();
    let mut other = Writer {
        sealed: Vec::new(),
        ..writer
    };
    for _ in 0..5 {
        other.write("not x");
    }
    let before = table.clone();
    assert_eq!(
        table.append(&other.append(1, 5)),
        Err(Unsettled::Diverged { at: at(1) })
    );
    assert_eq!(
        table.append(&other.append(3, 5)),
        Err(Unsettled::Diverged { at: at(3) })
    );
    assert_eq!(
        table.append(&other.append(4, 5)),
        Err(Unsettled::Diverged { at: at(4) }),
        "behind another history"
    );
    assert_eq!(table, before);
}

#[test]
fn damaged_bytes_diverge_and_the_call_is_applied_whole_or_not_at_all() {
    let (mut table, writer) = three_of_five();
    let before = table.clone();
    for (first, damaged) in [(4, 5), (3, 5), (2, 3)] {
        let mut append = writer.append(first, 5);
        append.records[damaged - usize::try_from(first).unwrap()].payload = Bytes::from_static(b"damaged");
        assert_eq!(
            table.append(&append),
            Err(Unsettled::Diverged { at: at(damaged as u64) }),
            "{first}, {damaged}"
        );
        assert_eq!(table, before);
    }
}

#[test]
fn records_of_another_stream_diverge() {
    let (mut table, writer) = three_of_five();
    let other = StreamId::new(GroupId::new(0), 18);
    table.create(&create(other)).unwrap();
    table
        .fence(&Fence {
            stream: other,
            expect_epoch: Epoch::NONE,
            ..fence_for(&table, owner(1))
        })
        .unwrap();
    let append = Append {
        stream: other,
        ..writer.append(1, 1)
    };
    assert_eq!(table.append(&append), Err(Unsettled::Diverged { at: at(1) }));
}

#[test]
fn older_epoch_is_fenced_whatever_its_append_says() {
    let (mut table, mut old) = three_of_five();
    let mut new = Writer::fencing(&mut table, 2);
    for _ in 0..5 {
        old.write("more");
    }
    for (first, last) in [(4, 4), (4, 5), (9, 10)] {
        assert_eq!(
            table.append(&old.append(first, last)),
            fenced(2, 3),
            "from {first} to {last}"
        );
    }
    new.write_through(&mut table, 2);
    assert_eq!(
        table.append(&old.append(4, 4)),
        fenced(2, 3),
        "the new owner's records are not the old one's"
    );
    assert_eq!(tail(&table), 5);
}

#[test]
fn resend_after_fence_is_fenced_even_if_committed() {
    let (mut table, old) = three_of_five();
    Writer::fencing(&mut table, 2);
    assert_eq!(table.append(&old.append(1, 3)), fenced(2, 3));
}

#[test]
fn fenced_bound_is_the_senders_own_epoch_end() {
    let (mut table, first) = three_of_five();
    let mut second = Writer::fencing(&mut table, 2);
    second.write_through(&mut table, 4);
    let mut third = Writer::fencing(&mut table, 3);
    third.write_through(&mut table, 2);
    assert_eq!(
        table.append(&first.append(4, 4)),
        fenced(3, 3),
        "not 7, where the newest epoch began"
    );
    assert_eq!(table.append(&second.append(4, 7)), fenced(3, 7));
}

#[test]
fn other_incarnation_is_fenced_without_a_bound() {
    let (mut table, first) = three_of_five();
    let mut second = Writer::fencing(&mut table, 2);
    second.write_through(&mut table, 4);
    let impostor = |writer: &Writer| Append {
        incarnation: life(99),
        records: writer
            .sealed
            .iter()
            .take(1)
            .map(|r| Record {
                incarnation: life(99),
                ..r.clone()
            })
            .collect(),
        ..writer.append(Lsn::count(writer.base.tail) + 1, Lsn::count(writer.base.tail) + 1)
    };
    assert_eq!(table.append(&impostor(&second)), fenced(2, 0), "of the current epoch");
    assert_eq!(table.append(&impostor(&first)), fenced(2, 0), "of an older one");
}

/// A owned epoch 1 and lost records 4 and 5 there; B wrote its own 4 to 7. Then A asks under epoch 3, which it hoped for
/// and C won. A bound of 7 would let A answer for its lost records.
#[test]
fn a_former_owner_that_claims_an_epoch_it_did_not_get_may_release_nothing() {
    let (mut table, first) = three_of_five();
    Writer::fencing(&mut table, 2).write_through(&mut table, 4);
    Writer::fencing(&mut table, 3);
    let early = Renew {
        epoch: Epoch::new(3),
        ..first.renew()
    };
    assert_eq!(table.check_renew(&early), Err(NotHeld::Fenced(Writer::fenced(3, 0))));
}

#[test]
fn released_epoch_is_fenced_before_a_successor_exists() {
    let (mut table, writer) = three_of_five();
    table.release(&writer.release()).unwrap();
    assert_eq!(table.append(&writer.append(4, 4)), fenced(1, 3));
    assert_eq!(table.append(&writer.append(1, 3)), fenced(1, 3));
    assert_eq!(
        table.check_renew(&writer.renew()),
        Err(NotHeld::Fenced(Writer::fenced(1, 3)))
    );
}

#[test]
fn an_epoch_not_applied_here_is_ahead() {
    let (mut table, mut writer) = three_of_five();
    writer.epoch = Epoch::new(2);
    writer.sealed.clear();
    writer.base.tail = Lsn::new(3);
    writer.write("early");
    assert_eq!(
        table.append(&writer.append(4, 4)),
        Err(Unsettled::Ahead { current: Epoch::new(1) })
    );
    let ahead = Err(NotHeld::Ahead { current: Epoch::new(1) });
    assert_eq!(table.check_renew(&writer.renew()), ahead);
}

#[test]
fn nobody_appends_to_a_stream_without_owner() {
    let mut table = table();
    let nobody = Granted {
        epoch: Epoch::NONE,
        lease: lease(1),
        fence_lsn: None,
        tail: None,
        chain: Chain::start_of(STREAM),
        appended_bytes: 0,
        wait_out: WaitOut::Nothing,
    };
    let mut writer = Writer::granted(owner(1), &nobody);
    writer.write("x");
    assert_eq!(table.append(&writer.append(1, 1)), fenced(0, 0));
}

#[test]
fn a_malformed_append_is_refused_by_name() {
    let (mut table, writer) = three_of_five();
    let before = table.clone();
    let good = writer.append(4, 5);
    let malformed = |append: &Append| match append.check() {
        Err(malformed) => malformed,
        Ok(()) => panic!("passed: {append:?}"),
    };
    let empty = Append {
        records: vec![],
        ..good.clone()
    };
    assert_eq!(malformed(&empty), Malformed::Empty);
    let many = Append {
        records: vec![good.records[0].clone(); APPEND_RECORDS_MAX + 1],
        ..good.clone()
    };
    assert_eq!(
        malformed(&many),
        Malformed::TooManyRecords {
            records: APPEND_RECORDS_MAX + 1
        }
    );
    let large = Record {
        payload: Bytes::from(vec![0; APPEND_PAYLOAD_BYTES_MAX + 1]),
        ..good.records[0].clone()
    };
    let large = Append {
        records: vec![large],
        ..good.clone()
    };
    assert_eq!(
        malformed(&large),
        Malformed::TooManyBytes {
            bytes: APPEND_PAYLOAD_BYTES_MAX + 1
        }
    );
    let last = Append {
        prev_lsn: Lsn::new(u64::MAX - 1),
        ..good.clone()
    };
    assert_eq!(malformed(&last), Malformed::NoPositionsLeft);
    let mut foreign = good.clone();
    foreign.records[1].epoch = Epoch::new(7);
    assert_eq!(
        malformed(&foreign),
        Malformed::ForeignRecord {
            at: at(5),
            epoch: Epoch::new(7)
        }
    );
    let mut foreign = good.clone();
    foreign.records[0].incarnation = life(7);
    assert_eq!(
        malformed(&foreign),
        Malformed::ForeignRecord {
            at: at(4),
            epoch: Epoch::new(1)
        }
    );
    for append in [empty, many, large, last, foreign] {
        assert!(matches!(table.append(&append), Err(Unsettled::Malformed(_))));
    }
    assert_eq!(table, before);
}

#[test]
fn an_append_to_no_stream_says_so() {
    let (mut table, writer) = three_of_five();
    let append = Append {
        stream: StreamId::new(GroupId::new(0), 404),
        ..writer.append(4, 4)
    };
    assert_eq!(table.append(&append), Err(Unsettled::NoStream));
}
