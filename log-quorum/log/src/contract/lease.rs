//! Rules of `renew`, and of what a leader tells about old leases.

use std::time::Duration;

use futures::StreamExt;

use super::writer::*;
use super::{World, not_tried};
use crate::{CallError, NotHeld, Renew};

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
    loop {
        let answers: Vec<_> = world.log().renew(batch.clone()).collect().await;
        let mut named: Vec<_> = answers.iter().map(|answer| answer.stream).collect();
        let mut expected: Vec<_> = batch.iter().map(|renew| renew.stream).collect();
        named.sort();
        expected.sort();
        assert_eq!(named, expected, "one answer for each");
        if answers
            .iter()
            .any(|answer| matches!(answer.outcome, Err(CallError::Unknown(_))))
        {
            continue;
        }
        let outcome = |stream| {
            answers
                .iter()
                .find(|answer| answer.stream == stream)
                .map(|answer| answer.outcome)
        };
        assert!(matches!(outcome(held.stream), Some(Ok(_))));
        assert!(matches!(
            outcome(fenced.stream),
            Some(Err(CallError::Refused(NotHeld::Fenced(_))))
        ));
        assert!(matches!(
            outcome(missing.stream),
            Some(Err(CallError::Refused(NotHeld::NoStream)))
        ));
        return;
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
        let old_deadline = sent.saturating_add(first.granted.lease.as_duration());
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

/// A leader that has just won knows no requests of others, so it assumes the worst for every stream.
pub async fn new_leader_makes_a_new_owner_wait_in_full(world: &impl World) {
    let stream = new_stream(world).await;
    Writer::fencing(world, stream, 1).await;
    world.advance(world.lease_max().wait_out()).await;
    let second = Writer::fencing(world, stream, 2).await;
    let before = world.now();
    if !world.change_leader().await {
        return not_tried("new_leader_makes_a_new_owner_wait_in_full", "change the leader");
    }
    let clear_in = second.clear_in(world).await;
    let full = before.saturating_add(world.lease_max().wait_out());
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
