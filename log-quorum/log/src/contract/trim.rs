//! Rules of `trim`: what must cover a record before it is dropped, and what readers see of it.

use futures::StreamExt;
use tenure_types::Lsn;

use super::World;
use super::writer::*;
use crate::{Chain, Create, StreamPoint, TailError, Trim, TrimRefused, Trimmed};

/// Only records that the second newest snapshot covers are dropped, and only for snapshots of this very history.
pub async fn trim_drops_only_what_snapshots_cover(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 10).await;
    let good = writer.trimming(4, 5, 9);
    let past = StreamPoint {
        lsn: at(11),
        chain: good.newest.chain,
    };
    let other = StreamPoint {
        lsn: at(5),
        chain: Chain::from_stored(1),
    };
    let refusals = [
        (
            writer.trimming(6, 5, 9),
            TrimRefused::NotCovered { second_newest: at(5) },
        ),
        (
            writer.trimming(4, 9, 5),
            TrimRefused::SnapshotsNotOrdered {
                newest: at(5),
                second_newest: at(9),
            },
        ),
        (
            Trim { newest: past, ..good },
            TrimRefused::PastTail {
                at: at(11),
                tail: Lsn::new(10),
            },
        ),
        (
            Trim {
                second_newest: other,
                ..good
            },
            TrimRefused::Diverged { at: at(5) },
        ),
        (
            Trim {
                stream: world.fresh_stream_id(),
                ..good
            },
            TrimRefused::NoStream,
        ),
    ];
    for (trim, refused) in refusals {
        assert_eq!(settled(world, || world.log().trim(trim)).await, Err(refused));
    }
    assert_eq!(
        read(world, stream, 1, 10).await,
        writer.sealed,
        "a refused trim drops nothing"
    );

    for _ in 0..2 {
        let trimmed = settled(world, || world.log().trim(good)).await;
        assert_eq!(trimmed, Ok(Trimmed { trim: at(4) }), "a repeat is answered as before");
    }
    let back = settled(world, || world.log().trim(writer.trimming(3, 5, 9))).await;
    assert_eq!(back, Err(TrimRefused::Backwards { trim: at(4) }));
    assert_eq!(read(world, stream, 5, 6).await, writer.sealed[4..]);
    assert_eq!(describe(world, stream).await.description.trim, Lsn::new(4));
}

/// Where a restore window is kept, nothing is dropped before it is archived.
pub async fn with_a_restore_window_only_archived_records_are_dropped(world: &impl World) {
    let stream = world.fresh_stream_id();
    create(
        world,
        Create {
            restore_window: true,
            ..create_of(stream)
        },
    )
    .await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 10).await;
    let trimming = |archived: Option<u64>| Trim {
        archived: archived.map(|lsn| writer.point(lsn)),
        ..writer.trimming(4, 5, 9)
    };
    for archived in [None, Some(3)] {
        let refused = settled(world, || world.log().trim(trimming(archived))).await;
        assert_eq!(
            refused,
            Err(TrimRefused::NotArchived {
                archived: archived.map(at)
            })
        );
    }
    let trimmed = settled(world, || world.log().trim(trimming(Some(4)))).await;
    assert_eq!(trimmed, Ok(Trimmed { trim: at(4) }));
}

/// A reader whose next record is dropped is told so; it never skips to a later one.
pub async fn tail_of_dropped_records_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 10).await;
    settled(world, || world.log().trim(writer.trimming(4, 5, 9)))
        .await
        .unwrap();
    for dropped in [1, 4] {
        // A node that has not applied the trim yet may still give the records, but never later ones in their place.
        let refused = eventually(world, "the trim reaches every node", async || {
            let mut tailing = world.log().tail(stream, at(dropped));
            match tailing.next().await.unwrap() {
                Ok(batch) => {
                    assert_eq!(batch.first, at(dropped));
                    None
                }
                Err(error) if error.is_retryable() => None,
                Err(error) => Some((error, tailing.next().await.is_none())),
            }
        });
        assert_eq!(
            refused.await,
            (TailError::Trimmed { trim: at(4) }, true),
            "from {dropped}"
        );
    }
    assert_eq!(read(world, stream, 5, 6).await, writer.sealed[4..]);
}
