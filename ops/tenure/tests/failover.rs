//! How the shard of real processes goes from one data node to another, without a control plane: when its primary is killed,
//! told to stop, or cut off. Whether histories of many clients hold is asked in `histories.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod quorum;
mod shard;

use std::time::Instant;

use tenure_log::{Fence, Log, Nomination};
use tenure_types::{LeaseLength, NodeId, Owner};

use self::quorum::block_on;
use self::quorum::owner::settled;
use self::shard::Shards;
use self::shard::load::Load;

/// L of the fast profile.
const LEASE: LeaseLength = LeaseLength::from_millis(1200).unwrap();

/// How often something is tried that a busy machine may make another thing.
const TRIES: usize = 10;

#[test]
fn a_replica_takes_the_shard_of_a_primary_that_is_killed() {
    block_on(async {
        let mut shards = Shards::start_with(1, 3, 2).await;
        let load = Load::start(&shards).await;
        for _ in 0..3 {
            load.acknowledges(200).await;
            let (epoch, primary) = shards.owner().await;
            let killed = Instant::now();
            let moves = async {
                shards.data.kill(primary).await.unwrap();
                shards.until_a_write_is_acknowledged().await;
            };
            load.goes_on_while(moves).await;
            println!(
                "{:?} from kill -9 of {primary} to a write acknowledged",
                killed.elapsed()
            );
            assert_ne!(shards.owner_after(epoch).await, primary);
            load.acknowledges(200).await;
            shards.data.restart(primary).await.unwrap();
        }
        load.stop().await.check(&shards).await;
    });
}

#[test]
fn a_primary_that_is_told_to_stop_hands_its_shard_over_and_nobody_waits_for_its_lease() {
    block_on(async {
        let shards = Shards::start_with(1, 2, 1).await;
        let load = Load::start(&shards).await;
        load.acknowledges(200).await;
        let (epoch, primary) = shards.owner().await;
        let told = Instant::now();
        let moves = async {
            assert!(shards.data.stop(primary).await.unwrap().success());
            shards.until_a_write_is_acknowledged().await;
        };
        load.goes_on_while(moves).await;
        let successor = shards.owner_after(epoch).await;
        println!("{:?} from SIGTERM of {primary} to a write acknowledged", told.elapsed());
        assert!(shards.said(successor).contains("wait_out=Nothing"));
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
    });
}

#[test]
fn a_log_leader_that_is_cut_off_or_killed_costs_no_shard_its_lease() {
    block_on(async {
        let mut shards = Shards::start_with(1, 2, 1).await;
        // On a machine that had other things to do the lease may have been over: then it is tried again.
        let mut to_try = vec![true, false];
        for _ in 0..TRIES {
            let Some(cut_off) = to_try.last().copied() else {
                return;
            };
            let (epoch, _) = shards.owner().await;
            let leader = shards.log_leader().await;
            let begun = Instant::now();
            if cut_off {
                shards.log.links().isolate(leader);
            } else {
                shards.log.kill(leader).await.unwrap();
            }
            shards.until_a_write_is_acknowledged().await;
            let gap = begun.elapsed();
            let how = if cut_off { "cut off" } else { "killed" };
            println!("{gap:?} from a log leader {how} to a write acknowledged");
            if gap < LEASE.as_duration() {
                assert_eq!(shards.owner().await.0, epoch);
                to_try.pop();
            }
            if cut_off {
                shards.log.links().heal();
            } else {
                shards.log.restart(leader).await.unwrap();
            }
        }
        panic!("the log was without a leader for as long as a lease, {TRIES} times");
    });
}

/// The case that the wait-out is for: the old primary still has its lease and its clients, and knows nothing of the new one.
#[test]
fn a_new_primary_acknowledges_nothing_while_the_old_one_may_still_be_read() {
    block_on(async {
        let shards = Shards::start_adjusted(1, 2, 1, |options| options.log_routes = true).await;
        // On a machine that had other things to do the old lease may be over before anybody looks: then it is tried again.
        for _ in 0..TRIES {
            if is_read_and_then_overwritten(&shards).await {
                return;
            }
        }
        panic!("the old one was never read while the new one waited, {TRIES} times");
    });
}

/// Cuts the owner off and has the other node fenced for at once; tells whether the old one was read meanwhile.
async fn is_read_and_then_overwritten(shards: &Shards) -> bool {
    let (epoch, old) = shards.owner().await;
    let at = |node| usize::from(node == NodeId::new(2));
    let new = NodeId::new(if at(old) == 0 { 2 } else { 1 });
    let mut at_old = shards.connection_to(at(old)).await;
    let set = |value: &str| redis::cmd("SET").arg("k").arg(value).to_owned();
    set("old").query_async::<()>(&mut at_old).await.unwrap();

    shards.data.log_routes().unwrap().isolate(old).unwrap();
    let fence = Fence {
        stream: shards.stream(),
        expect_epoch: epoch,
        owner: Owner {
            node: new,
            incarnation: shards.life_of(new),
        },
        lease: LEASE,
        nomination: Nomination::ByControlPlane,
    };
    let log = shards.log_client();
    // Refused, if the old one was silent for so long that the new one has fenced it by itself.
    let _ = settled(|| log.fence(fence)).await;
    let mut stale_reads = 0;
    loop {
        // Its connections end when it takes the shard, so each try has a new one.
        if let Ok(mut at_new) = shards.try_connection_to(at(new)).await
            && set("new").query_async::<()>(&mut at_new).await.is_ok()
        {
            break;
        }
        stale_reads += usize::from(shards.reads(&mut at_old, "old").await);
    }
    let is_stale = shards.reads(&mut at_old, "old").await;
    assert!(!is_stale, "a write was acknowledged, and the value before it read");
    shards.data.log_routes().unwrap().heal(old).unwrap();
    shards.until_it_follows(old).await;
    stale_reads > 0
}
