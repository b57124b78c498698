//! Rules of `renew`, and of what a leader tells about old leases.

use std::time::Duration;

use futures::StreamExt;

use super::writer::*;
use super::{World, not_tried};
use tenure_types::Epoch;

use crate::{CallError, NotHeld, Renew, RenewAnswer};

/// Each stream named gets one answer of its own; a refusal of one is none of the others.
pub async fn renew_answers_every_stream_named(world: &impl World) {
    let held = Writer::fencing(world, new_stream(world).await, 1).await;
    let fenced = Writer::fencing(world, new_stream(world).await, 2).await;
    Writer::fencing(world, fenced.stream, 3).await;
    let missing = Renew {
        stream: world.fresh_stream_id(),
        ..held.renewing()
    };
    let batch = vec![missing, held.renewing(), fenced.renewing()];
    let answers = eventually(world, "every stream is judged", async || {
        let answers: Vec<_> = world.log().renew(batch.clone()).collect().await;
        let unknown = |answer: &RenewAnswer| matches!(answer.outcome, Err(CallError::Unknown(_)));
        (!answers.iter().any(unknown)).then_some(answers)
    });
    let answers = answers.await;
    assert_eq!(answers.len(), batch.len(), "one answer for each");
    let outcome = |renew: Renew| {
        answers
            .iter()
            .find(|answer| answer.renew == renew)
            .map(|answer| answer.outcome)
    };
    assert!(matches!(outcome(held.renewing()), Some(Ok(_))));
    assert!(matches!(
        outcome(fenced.renewing()),
        Some(Err(CallError::Refused(NotHeld::Fenced(_))))
    ));
    assert!(matches!(
        outcome(missing),
        Some(Err(CallError::Refused(NotHeld::NoStream)))
    ));
}

/// Two lives of one node that renew one stream are told apart in the answers.
pub async fn renew_answers_each_life_for_itself(world: &impl World) {
    let writer = Writer::fencing(world, new_stream(world).await, 1).await;
    let zombie = writer.reloaded(99);
    let batch = vec![zombie.renewing(), writer.renewing()];
    let answers = eventually(world, "both are judged", async || {
        let answers: Vec<_> = world.log().renew(batch.clone()).collect().await;
        let unknown = |answer: &RenewAnswer| matches!(answer.outcome, Err(CallError::Unknown(_)));
        (!answers.iter().any(unknown)).then_some(answers)
    });
    for answer in answers.await {
        assert_eq!(answer.outcome.is_ok(), answer.renew == writer.renewing(), "{answer:?}");
    }
}

/// A new owner is never told a time that ends before the old owner's lease: the one thing that must not fail.
pub async fn clear_in_covers_the_old_lease(world: &impl World) {
    let stream = new_stream(world).await;
    let mut first = Writer::fencing(world, stream, 1).await;
    let pause = first.granted.lease.as_duration() / 4;
    for appends in [false, true] {
        // Until whatever was before has ended.
        world.advance(world.lease_max().wait_out()).await;
        let sent = world.now();
        if appends {
            first.write_through(world, 1).await;
        } else {
            first.renew(world).await.unwrap();
        }
        world.advance(pause).await;
        let second = Writer::fencing(world, stream, 2).await;
        let clear_at = second.clear_in(world).await;
        // One clock measures both here, so even the allowance for drift must be there.
        let old_deadline = sent.saturating_add(first.granted.lease.wait_out());
        assert!(
            world.now().saturating_add(clear_at) >= old_deadline,
            "appends: {appends}, told {clear_at:?}"
        );
        world.advance(pause).await;
        let later = second.clear_in(world).await;
        assert!(
            world.now().saturating_add(later) >= old_deadline,
            "appends: {appends}, told {later:?} later"
        );
        first = Writer::fencing(world, stream, 1).await;
    }
}

/// The time for which the old owner was silent counts, and the new owner's own requests do not.
pub async fn silence_before_the_fence_shortens_the_wait(world: &impl World) {
    let stream = new_stream(world).await;
    let first = Writer::fencing(world, stream, 1).await;
    first.renew(world).await.unwrap();
    world.advance(world.lease_max().wait_out()).await;
    let second = Writer::fencing(world, stream, 2).await;
    for _ in 0..3 {
        assert_eq!(second.clear_in(world).await, Duration::ZERO);
    }
}

/// A leader that has just won knows no requests of others, so it assumes the worst for every stream, whether the fence
/// was before it or comes after.
pub async fn new_leader_makes_a_new_owner_wait_in_full(world: &impl World) {
    for fence_first in [true, false] {
        let stream = new_stream(world).await;
        Writer::fencing(world, stream, 1).await;
        world.advance(world.lease_max().wait_out()).await;
        let early = if fence_first {
            Some(Writer::fencing(world, stream, 2).await)
        } else {
            None
        };
        let before = world.now();
        if !world.change_leader().await {
            return not_tried("new_leader_makes_a_new_owner_wait_in_full", "change the leader");
        }
        let second = match early {
            Some(second) => second,
            None => Writer::fencing(world, stream, 2).await,
        };
        let clear_in = second.clear_in(world).await;
        let full = before.saturating_add(world.lease_max().wait_out());
        assert!(
            world.now().saturating_add(clear_in) >= full,
            "fence first: {fence_first}, told {clear_in:?}"
        );
    }
}

/// A request that comes before its fence counts as old for the fence after it, with the longest lease there is.
pub async fn an_early_renewal_counts_with_the_longest_lease(world: &impl World) {
    let stream = new_stream(world).await;
    let first = Writer::fencing(world, stream, 1).await;
    world.advance(world.lease_max().wait_out()).await;
    let early = first.in_epoch(Epoch::new(2));
    let sent = world.now();
    assert!(early.renew(world).await.is_err(), "epoch 2 has not begun");
    let second = Writer::fencing(world, stream, 2).await;
    let clear_in = second.clear_in(world).await;
    let full = sent.saturating_add(world.lease_max().wait_out());
    assert!(world.now().saturating_add(clear_in) >= full, "told {clear_in:?}");
}

/// Replicas nominate themselves by the age of the owner's last request, so it is never overstated.
pub async fn age_of_the_owners_last_request_is_told(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let silence = Duration::from_millis(300);
    for appends in [false, true] {
        let sent = world.now();
        if appends {
            writer.write_through(world, 1).await;
        } else {
            writer.renew(world).await.unwrap();
        }
        let heard = world.now();
        world.advance(silence).await;
        let at_least = world.now().elapsed_since(heard);
        let age = describe(world, stream).await.last_request_age;
        assert!(age <= world.now().elapsed_since(sent), "{age:?} is overstated");
        assert!(
            age >= at_least.min(silence),
            "{age:?}, though nothing came for {at_least:?}"
        );
    }
}

/// A fence counts as a sign of life, and what others send in the owner's name does not.
pub async fn age_counts_from_the_fence_and_for_the_owner_only(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await;
    let silence = Duration::from_millis(300);
    world.advance(silence).await;
    let fenced_at = world.now();
    let second = Writer::fencing(world, stream, 2).await;
    let age = describe(world, stream).await.last_request_age;
    assert!(
        age <= world.now().elapsed_since(fenced_at),
        "{age:?} is older than the fence"
    );

    let heard = world.now();
    world.advance(silence).await;
    let at_least = world.now().elapsed_since(heard).min(silence);
    second.reloaded(99).renew(world).await.unwrap_err();
    let lapsed = Renew {
        under_lease: false,
        ..second.renewing()
    };
    eventually(world, "a renewal without a lease is answered", async || {
        let answer = world.log().renew(vec![lapsed]).next().await?;
        answer.outcome.ok()
    })
    .await;
    let age = describe(world, stream).await.last_request_age;
    assert!(
        age >= at_least,
        "{age:?}, though its owner's lease was not live for {at_least:?}"
    );
}
