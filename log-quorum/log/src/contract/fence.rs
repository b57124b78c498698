//! Rules of `fence`: one winner, recognised repeats, and what a fenced owner is told.

use futures::future::join_all;
use tenure_types::{Epoch, LeaseLength, Lsn, Owner};

use super::writer::*;
use super::{World, not_tried};
use crate::{AppendVerdict, Fence, FenceRefused, Fenced, Granted, Nomination, NotHeld, RECORD_OVERHEAD_BYTES};

/// Of two owners that expect the same epoch one wins, and the other learns who.
pub async fn of_two_contenders_one_wins(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await.write_through(world, 2).await;
    let [second, third] = [2, 3].map(|number| fence_of(world, stream, Epoch::new(1), owner(number)));
    let granted = fence(world, second).await;
    assert_eq!(
        (granted.epoch, granted.fence_lsn, granted.tail),
        (Epoch::new(2), Lsn::new(2), Lsn::new(2))
    );
    let refused = settled(world, || world.log().fence(third)).await;
    assert_eq!(
        refused,
        Err(FenceRefused::Lost {
            expected: Epoch::new(1),
            epoch: Epoch::new(2),
            owner: Some(owner(2))
        })
    );
}

/// Contenders that ask at the same moment: one is granted the epoch, whichever it is, and everyone else hears who.
pub async fn of_many_contenders_at_once_one_wins(world: &impl World) {
    let stream = new_stream(world).await;
    let contend = |number| async move {
        let call = fence_of(world, stream, Epoch::NONE, owner(number));
        settled(world, || world.log().fence(call)).await
    };
    let outcomes = join_all((1..=8).map(contend)).await;
    let winner = describe(world, stream).await.description.ownership.unwrap().owner;
    for (outcome, number) in outcomes.into_iter().zip(1..) {
        match outcome {
            Ok(granted) => assert_eq!((granted.epoch, owner(number)), (Epoch::new(1), winner)),
            Err(FenceRefused::Lost { owner: Some(told), .. }) => assert_eq!(told, winner),
            Err(other) => panic!("contender {number} is refused because {other}"),
        }
    }
}

/// A node that was started anew is another contender: its old life's epoch is not its own.
pub async fn a_repeat_by_another_incarnation_is_lost(world: &impl World) {
    let stream = new_stream(world).await;
    let first = fence_of(world, stream, Epoch::NONE, owner(1));
    fence(world, first).await;
    let restarted = Owner {
        node: first.owner.node,
        ..owner(99)
    };
    let call = Fence {
        owner: restarted,
        ..first
    };
    let refused = settled(world, || world.log().fence(call)).await;
    let lost = FenceRefused::Lost {
        expected: Epoch::NONE,
        epoch: Epoch::new(1),
        owner: Some(first.owner),
    };
    assert_eq!(refused, Err(lost));
}

/// A contender that did not hear its answer asks again and is granted the same, though it has appended since.
pub async fn fence_with_an_unknown_outcome_is_recognised(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await.write_through(world, 2).await;
    let call = fence_of(world, stream, Epoch::new(1), owner(2));
    if !world.lose_next_answer().await {
        return not_tried("fence_with_an_unknown_outcome_is_recognised", "lose an answer");
    }
    assert!(world.log().fence(call).await.is_err(), "the answer was to be lost");
    let heard = fence(world, call).await;
    let mut writer = Writer::granted(world, stream, owner(2), heard);
    writer.write_through(world, 1).await;
    let again = fence(world, call).await;
    assert_eq!(
        again,
        Granted {
            tail: Lsn::new(3),
            chain: writer.point(3).chain,
            appended_bytes: 3 * (1 + RECORD_OVERHEAD_BYTES),
            ..heard
        }
    );
}

/// After a fence nothing of an older owner is accepted, and each learns the end of *its own* epoch.
pub async fn fenced_owner_is_refused_with_its_own_bound(world: &impl World) {
    let stream = new_stream(world).await;
    let mut first = Writer::fencing(world, stream, 1).await;
    first.write_through(world, 2).await;
    let late = first.write("late");
    let mut second = Writer::fencing(world, stream, 2).await;
    second.write_through(world, 3).await;
    Writer::fencing(world, stream, 3).await.write_through(world, 1).await;

    let fenced = |lsn| Fenced {
        epoch: Epoch::new(3),
        fence_lsn: Lsn::new(lsn),
    };
    for append in [late, first.appending(1, 2)] {
        assert_eq!(
            first.append(world, &append).await,
            Ok(AppendVerdict::Fenced(fenced(2))),
            "{append:?}"
        );
    }
    assert_eq!(
        second.append(world, &second.appending(3, 5)).await,
        Ok(AppendVerdict::Fenced(fenced(5)))
    );
    assert_eq!(first.renew(world).await.map(|_| ()), Err(NotHeld::Fenced(fenced(2))));
    assert_eq!(
        settled(world, || world.log().release(first.releasing())).await,
        Err(NotHeld::Fenced(fenced(2)))
    );
    assert_eq!(
        describe(world, stream).await.description.tail,
        Lsn::new(6),
        "nothing late came in"
    );
}

/// What was refused is never read: the position goes to the new owner's record.
pub async fn nothing_of_a_fenced_append_is_read(world: &impl World) {
    let stream = new_stream(world).await;
    let mut first = Writer::fencing(world, stream, 1).await;
    first.write_through(world, 2).await;
    let late = first.write("late");
    let mut second = Writer::fencing(world, stream, 2).await;
    let fenced = Fenced {
        epoch: Epoch::new(2),
        fence_lsn: Lsn::new(2),
    };
    assert_eq!(first.append(world, &late).await, Ok(AppendVerdict::Fenced(fenced)));
    let mut reader = Reader::at(world, stream, 3);
    assert!(reader.waits(), "there is no third record");
    second.write_through(world, 1).await;
    assert_eq!(reader.batch().await.records, second.sealed);
}

/// A replica that nominates itself must know the whole stream.
pub async fn self_nomination_with_a_stale_tail_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await.write_through(world, 2).await;
    let itself = |expect_tail| Fence {
        nomination: Nomination::BySelf { expect_tail },
        ..fence_of(world, stream, Epoch::new(1), owner(2))
    };
    for stale in [None, Lsn::new(1)] {
        let refused = settled(world, || world.log().fence(itself(stale))).await;
        assert_eq!(
            refused,
            Err(FenceRefused::TailMoved {
                expected: stale,
                tail: Lsn::new(2)
            })
        );
    }
    assert_eq!(fence(world, itself(Lsn::new(2))).await.epoch, Epoch::new(2));
}

/// Nobody gets a lease that others would not know to wait for.
pub async fn too_long_a_lease_is_refused(world: &impl World) {
    let stream = new_stream(world).await;
    let max = world.lease_max();
    let base = fence_of(world, stream, Epoch::NONE, owner(1));
    let longer = Fence {
        lease: LeaseLength::from_millis(max.as_millis() + 1).unwrap(),
        ..base
    };
    let refused = settled(world, || world.log().fence(longer)).await;
    assert_eq!(
        refused,
        Err(FenceRefused::LeaseTooLong {
            asked: longer.lease,
            max
        })
    );
    assert_eq!(fence(world, Fence { lease: max, ..base }).await.lease, max);
}
