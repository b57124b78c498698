//! What a shard of real processes keeps: log nodes, data nodes and all of them together are killed with `kill -9` under
//! the load of a real client (redis-rs, cluster mode, TLS). Not power loss: what a killed process wrote is in the page
//! cache; power loss is tried in `log-quorum/sim`, on disks that lose what was not synced.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quorum;
mod shard;

use std::time::Duration;

use tenure_devcluster::LogRoutes;
use tenure_types::NodeId;

use self::quorum::block_on;
use self::shard::Shards;
use self::shard::load::Load;

#[test]
fn what_was_acknowledged_survives_kills_of_the_log_leader() {
    block_on(async {
        let mut shards = Shards::start(1).await;
        let load = Load::start(&shards).await;
        for _ in 0..3 {
            load.acknowledges(200).await;
            let leader = shards.log_leader().await;
            shards.log.kill(leader).await.unwrap();
            load.acknowledges(200).await;
            shards.log.restart(leader).await.unwrap();
        }
        let written = load.stop().await;
        written.check(&shards).await;
        // The log was never gone for as long as a lease: nobody had to wait for one.
        assert_eq!(shards.epochs_taken(NodeId::new(1)), 1);
    });
}

#[test]
fn what_was_acknowledged_survives_kills_of_its_only_data_node() {
    block_on(async {
        let mut shards = Shards::start(1).await;
        let load = Load::start(&shards).await;
        for _ in 0..3 {
            load.acknowledges(200).await;
            shards.data.kill(NodeId::new(1)).await.unwrap();
            shards.data.restart(NodeId::new(1)).await.unwrap();
        }
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
    });
}

#[test]
fn what_was_acknowledged_survives_kills_of_all_processes_at_once() {
    block_on(async {
        let mut shards = Shards::start(2).await;
        let load = Load::start(&shards).await;
        for _ in 0..3 {
            load.acknowledges(200).await;
            shards.kill_everything().await;
            shards.start_everything().await;
        }
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
    });
}

#[test]
fn without_a_majority_of_the_log_nothing_is_answered_and_nothing_is_lost() {
    block_on(async {
        let mut shards = Shards::start(1).await;
        let load = Load::start(&shards).await;
        load.acknowledges(200).await;
        for node in [1, 2] {
            shards.log.kill(NodeId::new(node)).await.unwrap();
        }
        load.goes_on_while(shards.until_lapsed()).await;
        let acknowledged = load.acknowledged();
        for _ in 0..10 {
            load.goes_on_while(shards.until_lapsed()).await;
        }
        assert_eq!(load.acknowledged(), acknowledged, "not without a lease");
        for node in [1, 2] {
            shards.log.launch(NodeId::new(node)).unwrap();
        }
        // It resumes by itself: the same epoch, the same image.
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
        assert_eq!(shards.epochs_taken(NodeId::new(1)), 1);
    });
}

#[test]
fn a_data_node_that_is_cut_off_from_the_log_answers_nothing_and_goes_on_under_the_same_epoch() {
    block_on(async {
        let node = NodeId::new(1);
        let shards = Shards::start_adjusted(1, 1, 0, |options| options.log_routes = true).await;
        let log = shards.data.log_routes().unwrap();
        let load = Load::start(&shards).await;
        for partition in [LogRoutes::isolate, LogRoutes::hold_calls, LogRoutes::hold_answers] {
            load.acknowledges(200).await;
            partition(log, node).unwrap();
            shards.until_lapsed().await;
            let mut client = shards.connection_to(0).await;
            let refused = redis::cmd("SET")
                .arg("key")
                .arg("value")
                .query_async::<()>(&mut client)
                .await;
            assert_eq!(refused.unwrap_err().code(), Some("CLUSTERDOWN"));
            log.heal(node).unwrap();
        }
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
        assert_eq!(shards.epochs_taken(node), 1);
    });
}

#[test]
fn a_data_node_that_is_told_to_stop_keeps_its_successor_waiting_for_nothing() {
    block_on(async {
        let mut shards = Shards::start(1).await;
        let load = Load::start(&shards).await;
        load.acknowledges(200).await;
        let ended = shards.data.stop(NodeId::new(1)).await.unwrap();
        assert!(ended.success(), "{ended}");
        assert!(shards.said(NodeId::new(1)).contains("gave the epoch up"));
        shards.data.restart(NodeId::new(1)).await.unwrap();
        assert!(shards.said(NodeId::new(1)).contains("wait_out=Nothing"));
        load.acknowledges(200).await;
        load.stop().await.check(&shards).await;
    });
}

#[test]
fn a_replica_serves_what_its_primary_was_told_to_write() {
    block_on(async {
        let shards = Shards::start_with(1, 2, 1).await;
        let load = Load::start(&shards).await;
        load.acknowledges(200).await;
        let written = load.stop().await;
        tokio::time::timeout(Duration::from_secs(60), written.check_on_replica(&shards))
            .await
            .expect("the replica catches up");
    });
}
