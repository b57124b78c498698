//! Rules of `append`: order, resends, and independence of streams.

use futures::future::join_all;

use super::writer::*;
use super::{World, not_tried};
use crate::{
    APPEND_RECORDS_MAX, Append, AppendVerdict, Chain, Fenced, Malformed, NotHeld, RECENT_RECORDS_MAX, Record, Unsettled,
};
use tenure_types::{Epoch, Lsn};

fn ok(lsn: u64) -> Result<AppendVerdict, Unsettled> {
    Ok(AppendVerdict::Ok { lsn: at(lsn) })
}

/// What was appended is read back, in order, with a chain that verifies from end to end.
pub async fn records_are_read_back_in_order(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 3).await;
    writer.write("four");
    writer.write("five");
    assert_eq!(
        writer.append(world, &writer.appending(4, 5)).await,
        ok(5),
        "one verdict for all records of an append"
    );

    let records = read(world, stream, 1, 5).await;
    assert_eq!(records, writer.sealed);
    let mut previous = Chain::start_of(stream);
    for (lsn, record) in Lsn::all_after(None).zip(&records) {
        assert!(record.fits(lsn, previous));
        previous = record.chain;
    }
}

/// An append that does not follow the tail is refused and changes nothing.
pub async fn gap_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 1).await;
    writer.write("missing");
    let early = writer.write("early");
    assert_eq!(
        writer.append(world, &early).await,
        Err(Unsettled::Gap { tail: Lsn::new(1) })
    );
    assert_eq!(writer.append(world, &writer.appending(2, 3)).await, ok(3));
    assert_eq!(read(world, stream, 1, 3).await, writer.sealed);
}

/// A resend is answered as before, also when it groups the records anew, and nothing is applied twice.
pub async fn resend_is_recognised(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 3).await;
    writer.write("four");
    for (first, last) in [(1, 1), (1, 3), (2, 4), (1, 4)] {
        assert_eq!(
            writer.append(world, &writer.appending(first, last)).await,
            ok(last),
            "from {first} to {last}"
        );
    }
    assert_eq!(describe(world, stream).await.description.tail, Lsn::new(4));
    assert_eq!(read(world, stream, 1, 4).await, writer.sealed);
}

/// An owner that did not hear its verdict sends the same bytes again, and they are in the stream once.
pub async fn resend_after_a_lost_answer_is_applied_once(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let append = writer.write("once");
    if !world.lose_next_answer().await {
        return not_tried("resend_after_a_lost_answer_is_applied_once", "lose an answer");
    }
    assert!(
        world.log().append(append.clone()).await.is_err(),
        "the answer was to be lost"
    );
    assert_eq!(writer.append(world, &append).await, ok(1));
    writer.write_through(world, 1).await;
    assert_eq!(read(world, stream, 1, 2).await, writer.sealed);
}

/// An append that took no effect can be sent again; those behind it were refused as a gap meanwhile.
pub async fn discarded_append_can_be_resent(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let (first, second) = (writer.write("first"), writer.write("second"));
    if !world.discard_next_call().await {
        return not_tried("discarded_append_can_be_resent", "discard a call");
    }
    assert!(world.log().append(first).await.is_err(), "the call was to be discarded");
    assert_eq!(writer.append(world, &second).await, Err(Unsettled::Gap { tail: None }));
    assert_eq!(writer.append(world, &writer.appending(1, 2)).await, ok(2));
}

/// Many appends may be under way; they are judged in the order of submission, in whatever order one listens.
pub async fn appends_are_judged_in_the_order_they_were_submitted(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let log = world.log();
    let mut under_way: Vec<_> = (0..8).map(|_| log.append(writer.write("x"))).collect();
    under_way.reverse();
    let outcomes = join_all(under_way).await;
    let all_heard = outcomes
        .iter()
        .all(|outcome| !matches!(outcome, Err(crate::CallError::Unknown(_))));
    if all_heard {
        for (outcome, lsn) in outcomes.iter().rev().zip(1..) {
            assert_eq!(
                outcome.map(|appended| appended.verdict).ok(),
                ok(lsn).ok(),
                "append {lsn}"
            );
        }
    }
    assert_eq!(writer.append(world, &writer.appending(1, 8)).await, ok(8));
    assert_eq!(read(world, stream, 1, 8).await, writer.sealed);
}

/// Dropping a future gives up hearing the answer, nothing else: the append behind it finds its record there.
pub async fn a_dropped_future_cancels_nothing(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.submit_unheard("unheard");
    let second = writer.write("heard");
    match writer.append(world, &second).await {
        // The first may have been lost on the way; then both are sent again, as after any loss.
        Err(Unsettled::Gap { .. }) => assert_eq!(writer.append(world, &writer.appending(1, 2)).await, ok(2)),
        heard => assert_eq!(heard, ok(2)),
    }
    assert_eq!(read(world, stream, 1, 2).await, writer.sealed);
}

/// Another life of the owner's node is not the owner, though it knows the epoch.
pub async fn another_incarnation_cannot_append(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 1).await;
    let mut impostor = writer.reloaded(99);
    let append = impostor.write("another life");
    let fenced = Fenced {
        epoch: Epoch::new(1),
        fence_lsn: None,
    };
    assert_eq!(impostor.append(world, &append).await, Ok(AppendVerdict::Fenced(fenced)));
    assert_eq!(impostor.renew(world).await.map(|_| ()), Err(NotHeld::Fenced(fenced)));
    writer.write_through(world, 1).await;
}

/// An append of an epoch that has not begun is told so: its sender may be ahead of the log.
pub async fn append_of_an_epoch_to_come_is_ahead(world: &impl World) {
    let stream = new_stream(world).await;
    let writer = Writer::fencing(world, stream, 1).await;
    let mut early = writer.in_epoch(Epoch::new(2));
    let append = early.write("early");
    let current = Epoch::new(1);
    assert_eq!(early.append(world, &append).await, Err(Unsettled::Ahead { current }));
    assert_eq!(early.renew(world).await.map(|_| ()), Err(NotHeld::Ahead { current }));
}

/// A resend of records long past is not told from another history any more, and never answered `Ok`.
pub async fn resend_from_before_the_window_is_old(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let count = RECENT_RECORDS_MAX as u64 + 1;
    (0..=count).for_each(|_| drop(writer.write("x")));
    for first in (1..=count + 1).step_by(APPEND_RECORDS_MAX) {
        let last = (count + 1).min(first + APPEND_RECORDS_MAX as u64 - 1);
        assert_eq!(writer.append(world, &writer.appending(first, last)).await, ok(last));
    }
    let tail = writer.tail();
    assert_eq!(
        writer.append(world, &writer.appending(1, 1)).await,
        Err(Unsettled::Old { tail })
    );
}

/// What no stream could take is refused as such, and nothing of it is applied.
pub async fn malformed_append_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let good = writer.write("x");
    let empty = Append {
        records: Vec::new(),
        ..good.clone()
    };
    let foreign = Append {
        records: vec![Record {
            incarnation: owner(99).incarnation,
            ..good.records[0].clone()
        }],
        ..good.clone()
    };
    for (append, reason) in [
        (empty, Malformed::Empty),
        (
            foreign,
            Malformed::ForeignRecord {
                at: at(1),
                epoch: Epoch::new(1),
            },
        ),
    ] {
        assert_eq!(
            writer.append(world, &append).await,
            Err(Unsettled::Malformed(reason)),
            "{append:?}"
        );
    }
    assert_eq!(writer.append(world, &good).await, ok(1));
}

/// A record that does not fit the stream's history is refused as such, and changes nothing.
pub async fn a_record_of_another_history_diverges(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 2).await;
    let mut damaged = writer.write("damaged");
    let record = damaged.records.remove(0);
    damaged.records.push(Record {
        payload: bytes::Bytes::from_static(b"otherwise"),
        ..record
    });
    assert_eq!(
        writer.append(world, &damaged).await,
        Err(Unsettled::Diverged { at: at(3) })
    );
    assert_eq!(writer.append(world, &writer.appending(3, 3)).await, ok(3));
}

/// Writers of different streams, all at once, each find their own records and no others.
pub async fn streams_do_not_disturb_each_other(world: &impl World) {
    let write_ten = |number: u64| async move {
        let stream = new_stream(world).await;
        let mut writer = Writer::fencing(world, stream, number).await;
        for round in 0..10 {
            let append = writer.write(&format!("{round} of {number}"));
            assert_eq!(writer.append(world, &append).await, ok(round + 1));
        }
        assert_eq!(read(world, stream, 1, 10).await, writer.sealed);
    };
    join_all((1..=8).map(write_ten)).await;
}
