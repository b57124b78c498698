//! Rules of `release`: what a hand-over saves, and what it does not make forget.

use tenure_types::{Epoch, Lsn};

use super::World;
use super::writer::*;
use crate::{AppendVerdict, Fence, Fenced, NotHeld, Released, WaitOut};

/// Once an owner gave its epoch up, the next one need not wait.
pub async fn release_then_fence_waits_for_nothing(world: &impl World) {
    let stream = new_stream(world).await;
    let mut first = Writer::fencing(world, stream, 1).await;
    assert_eq!(first.granted.wait_out, WaitOut::Nothing, "a stream's first epoch");
    first.write_through(world, 2).await;
    for _ in 0..2 {
        let released = settled(world, || world.log().release(first.releasing())).await;
        assert_eq!(
            released,
            Ok(Released { lsn: Lsn::new(2) }),
            "a repeat is answered as before"
        );
    }
    assert_eq!(
        Writer::fencing(world, stream, 2).await.granted.wait_out,
        WaitOut::Nothing
    );
}

/// An owner that gave its epoch up cannot go on under it, though there is no other owner yet.
pub async fn released_epoch_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    let mut first = Writer::fencing(world, stream, 1).await;
    first.write_through(world, 2).await;
    settled(world, || world.log().release(first.releasing())).await.unwrap();
    let late = first.write("late");
    let fenced = Fenced {
        epoch: Epoch::new(1),
        fence_lsn: Lsn::new(2),
    };
    assert_eq!(first.append(world, &late).await, Ok(AppendVerdict::Fenced(fenced)));
    assert_eq!(first.renew(world).await.map(|_| ()), Err(NotHeld::Fenced(fenced)));
    assert_eq!(
        describe(world, stream)
            .await
            .description
            .ownership
            .map(|own| own.released),
        Some(true)
    );
}

/// A new owner waits for the longest lease of any earlier epoch, not only of the one before.
pub async fn longest_earlier_lease_is_reported(world: &impl World) {
    let stream = new_stream(world).await;
    let (long, short) = (part_of_lease_max(world, 1), part_of_lease_max(world, 4));
    let fencing = |epoch, number, lease| Fence {
        lease,
        ..fence_of(world, stream, Epoch::new(epoch), owner(number))
    };
    fence(world, fencing(0, 1, long)).await;
    let second = fence(world, fencing(1, 2, short)).await;
    assert_eq!(second.wait_out, WaitOut::For(long));
    let second = Writer::granted(world, stream, owner(2), second);
    settled(world, || world.log().release(second.releasing()))
        .await
        .unwrap();
    assert_eq!(fence(world, fencing(2, 3, short)).await.wait_out, WaitOut::Nothing);
    assert_eq!(fence(world, fencing(3, 4, short)).await.wait_out, WaitOut::For(long));
    assert_eq!(describe(world, stream).await.description.longest_lease, Some(long));
}
