//! Rules of `create`, `delete`, `describe` and `status`.

use futures::StreamExt;
use tenure_types::{Epoch, Lsn, TenantId};

use super::World;
use super::writer::*;
use crate::{Create, CreateRefused, Delete, LogStatus, RECORD_OVERHEAD_BYTES, TailError, Unsettled, WaitOut};

/// A repeated Create changes nothing, and one with other properties is refused.
pub async fn create_is_idempotent(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await.write_through(world, 1).await;
    create(world, create_of(stream)).await;
    assert_eq!(describe(world, stream).await.description.tail, Lsn::new(1));
    let other = Create {
        tenant: TenantId::new(2),
        ..create_of(stream)
    };
    let refused = settled(world, || world.log().create(other)).await;
    assert_eq!(
        refused,
        Err(CreateRefused::AlreadyExists {
            tenant: TenantId::new(1),
            restore_window: false
        })
    );
}

/// After Delete nothing of a stream is left, and its id is used up.
pub async fn deleted_stream_is_gone(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    writer.write_through(world, 1).await;
    let mut waiting = world.log().tail(stream, at(2));
    for _ in 0..2 {
        let delete = async || world.log().delete(Delete { stream }).await.ok();
        eventually(world, "the stream is deleted", delete).await;
    }
    let told = waiting.next().await;
    assert!(
        matches!(told, Some(Err(TailError::NoStream | TailError::Interrupted(_)))),
        "a reader that waited hears {told:?}"
    );
    let append = writer.write("late");
    assert_eq!(writer.append(world, &append).await, Err(Unsettled::NoStream));
    let refused = settled(world, || world.log().create(create_of(stream))).await;
    assert_eq!(refused, Err(CreateRefused::Deleted));
}

/// Describe tells all that the calls before it did.
pub async fn describe_tells_the_state(world: &impl World) {
    let stream = new_stream(world).await;
    let before = describe(world, stream).await.description;
    assert_eq!(
        (before.ownership, before.tail, before.trim, before.appended_bytes),
        (None, None, None, 0)
    );
    Writer::fencing(world, stream, 1).await;
    let mut writer = Writer::fencing(world, stream, 2).await;
    writer.write_through(world, 3).await;

    let described = describe(world, stream).await.description;
    let own = described.ownership.unwrap();
    assert_eq!(
        (own.epoch, own.owner, own.began_at, own.released),
        (Epoch::new(2), owner(2), None, false)
    );
    assert_eq!(
        (own.lease, own.wait_out),
        (writer.granted.lease, WaitOut::For(writer.granted.lease))
    );
    assert_eq!(
        (described.tail, described.appended_bytes),
        (Lsn::new(3), 3 * (1 + RECORD_OVERHEAD_BYTES))
    );
    assert_eq!(described.chain, writer.point(3).chain);
}

/// Status names every group with its voters, and a leader that is one of them.
pub async fn status_names_leader_and_voters(world: &impl World) {
    new_stream(world).await;
    let status = eventually(world, "every group has a leader", async || {
        let led = |status: &LogStatus| status.groups.iter().all(|group| group.leader.is_some());
        world.log().status().await.ok().filter(led)
    });
    let status = status.await;
    assert!(!status.groups.is_empty());
    for group in &status.groups {
        assert!(
            group.leader.is_some_and(|leader| group.voters.contains(&leader)),
            "{group:?}"
        );
    }
    assert!(
        status.groups.iter().any(|group| group.committed > 0),
        "a stream was created"
    );
}
