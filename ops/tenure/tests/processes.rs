//! What three real processes keep through `kill -9`. Not power loss: what a killed process wrote is in the page cache.
//! Power loss is tried in `log-quorum/sim`, on disks that lose what was not synced.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quorum;

use std::sync::Arc;
use std::time::Duration;

use tenure_log::Log;
use tenure_types::NodeId;

use self::quorum::owner::{Owner, stream};
use self::quorum::{Quorum, block_on, leader};

const WITHIN: Duration = Duration::from_secs(60);

async fn write_some(owner: &mut Owner, count: usize) {
    for number in 0..count {
        owner.write(format!("record {number}").into_bytes()).await;
    }
}

/// Not the leader of group 0.
async fn follower(log: &Arc<dyn Log>) -> NodeId {
    let leader = leader(log.as_ref(), |_| true).await;
    let others = (1..=3).map(NodeId::new).find(|node| *node != leader);
    others.unwrap()
}

#[test]
fn a_restarted_node_catches_up() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        write_some(&mut owner, 10).await;
        let follower = follower(&log).await;
        quorum.nodes.lock().await.kill(follower).await.unwrap();
        // Two of three go on; more than a segment, so that what it missed is not in memory only.
        for _ in 0..24 {
            owner.write(vec![7; 64 << 10]).await;
        }
        quorum.nodes.lock().await.restart(follower).await.unwrap();
        let itself = quorum.client_of([follower]);
        let read = owner.check_read_through(itself.as_ref());
        tokio::time::timeout(WITHIN, read).await.expect("it catches up");
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_the_leader() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        for _ in 0..3 {
            write_some(&mut owner, 20).await;
            quorum.kill_leader(log.as_ref()).await;
        }
        write_some(&mut owner, 20).await;
        owner.check_read_through(log.as_ref()).await;
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_all_at_once() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        for _ in 0..3 {
            write_some(&mut owner, 50).await;
            let mut nodes = quorum.nodes.lock().await;
            nodes.kill_all().await.unwrap();
            for node in nodes.nodes() {
                nodes.launch(node).unwrap();
            }
            for node in nodes.nodes() {
                nodes.wait_ready(node).await.unwrap();
            }
        }
        write_some(&mut owner, 1).await;
        for node in 1..=3 {
            let itself = quorum.client_of([NodeId::new(node)]);
            let read = owner.check_read_through(itself.as_ref());
            tokio::time::timeout(WITHIN, read).await.expect("each node has it all");
        }
    });
}

#[test]
fn a_node_that_is_told_to_stop_ends_cleanly_and_comes_back() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        write_some(&mut owner, 10).await;
        let leader = leader(log.as_ref(), |_| true).await;
        let ended = quorum.nodes.lock().await.stop(leader).await.unwrap();
        assert!(ended.success(), "{ended}");
        write_some(&mut owner, 10).await;
        quorum.nodes.lock().await.restart(leader).await.unwrap();
        let itself = quorum.client_of([leader]);
        let read = owner.check_read_through(itself.as_ref());
        tokio::time::timeout(WITHIN, read).await.expect("it catches up");
    });
}

#[test]
fn a_wiped_node_does_not_vote_again() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        write_some(&mut owner, 10).await;
        let follower = follower(&log).await;
        let mut nodes = quorum.nodes.lock().await;
        nodes.kill(follower).await.unwrap();
        nodes.wipe(follower).unwrap();
        nodes.launch(follower).unwrap();
        // It finds the quorum begun, says so, and ends.
        let process = nodes.process(follower).unwrap();
        let ended = process.wait_ended(WITHIN).await.unwrap();
        assert!(!ended.success());
        let said = std::fs::read_to_string(process.output()).unwrap();
        assert!(said.contains("never started again on an empty folder"), "{said}");
        drop(nodes);
        write_some(&mut owner, 10).await;
        owner.check_read_through(log.as_ref()).await;
    });
}

#[test]
fn groups_share_a_node_and_not_a_leader_or_a_stream() {
    block_on(async {
        let quorum = Quorum::start(|options| options.groups = 4).await;
        let log = quorum.client();
        for group in 0..4 {
            let stream = tenure_types::StreamId::new(tenure_types::GroupId::new(group), 1);
            let mut owner = Owner::fencing(&log, stream, 1).await;
            write_some(&mut owner, 5).await;
            owner.check_read_through(log.as_ref()).await;
        }
        let status = log.status().await.unwrap();
        assert_eq!(status.groups.len(), 4);
    });
}
