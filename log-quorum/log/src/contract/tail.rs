//! Rules of `tail`: following, resuming, ending.

use futures::StreamExt;
use futures::future::join;

use super::writer::*;
use super::{World, not_tried};
use crate::{TAIL_BATCH_PAYLOAD_BYTES_MAX, TAIL_BATCH_RECORDS_MAX, TailError};

/// A reader gets records as they come, and waits while there are none.
pub async fn tail_follows_new_records_and_waits_when_caught_up(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let mut reader = Reader::at(world, stream, 1);
    for round in 1..=3 {
        assert!(reader.waits(), "caught up in round {round}");
        writer.write_through(world, 1).await;
        let batch = reader.batch().await;
        assert_eq!(
            (batch.first, batch.tail, batch.records),
            (at(round), at(round), writer.sealed[writer.sealed.len() - 1..].to_vec())
        );
    }
}

/// A reader that sleeps is woken by a new record. A log that forgets to would hang here.
pub async fn sleeping_reader_is_woken(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let mut reader = Reader::at(world, stream, 1);
    let (batch, ()) = join(reader.batch(), writer.write_through(world, 1)).await;
    assert_eq!(batch.records, writer.sealed);
}

/// A reader may begin anywhere, also past the tail, and every batch is bounded.
pub async fn tail_resumes_from_any_position(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let count = TAIL_BATCH_RECORDS_MAX + 10;
    let mut ahead = Reader::at(world, stream, count as u64);
    assert!(ahead.waits(), "nothing there yet");
    writer.write_through(world, count).await;
    for from in [1, 2, count / 2, count] {
        assert_eq!(
            read(world, stream, from as u64, count + 1 - from).await,
            writer.sealed[from - 1..],
            "from {from}"
        );
    }
    let batch = ahead.batch().await;
    assert_eq!((batch.first, batch.records.len()), (at(count as u64), 1));
}

/// Batches are bounded in bytes too, except for a record that is larger by itself.
pub async fn batches_are_bounded_in_bytes(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let half = "x".repeat(TAIL_BATCH_PAYLOAD_BYTES_MAX / 2);
    let huge = "x".repeat(TAIL_BATCH_PAYLOAD_BYTES_MAX + 1);
    for payload in [&half, &half, &half, &huge] {
        writer.write(payload);
    }
    writer.append(world, &writer.appending(1, 4)).await.unwrap();
    // The reader looks at every batch.
    assert_eq!(read(world, stream, 1, 4).await, writer.sealed);
}

/// A reader that was cut off goes on behind the last record it has, missing none and seeing none twice.
pub async fn interrupted_tail_goes_on_where_it_was(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 2).await;
    let mut seen = read(world, stream, 1, 1).await;
    let mut tailing = world.log().tail(stream, at(seen.len() as u64 + 1));
    if !world.interrupt_tails().await {
        return not_tried("interrupted_tail_goes_on_where_it_was", "cut readers off");
    }
    writer.write_through(world, 2).await;
    let interrupted = loop {
        match tailing.next().await.unwrap() {
            Ok(batch) => seen.extend(batch.records), // It may have been under way.
            Err(error) => break error,
        }
    };
    assert!(matches!(interrupted, TailError::Interrupted(_)));
    assert!(tailing.next().await.is_none(), "a tail ends after its first error");
    let left = 4 - seen.len();
    if left > 0 {
        seen.extend(read(world, stream, seen.len() as u64 + 1, left).await);
    }
    assert_eq!(seen, writer.sealed);
}

/// A tail of a stream that does not exist says so and ends.
pub async fn tail_of_no_stream_ends(world: &impl World) {
    let mut tailing = world.log().tail(world.fresh_stream_id(), at(1));
    assert_eq!(tailing.next().await, Some(Err(TailError::NoStream)));
    assert!(tailing.next().await.is_none());
}
