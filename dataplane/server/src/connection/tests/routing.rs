//! Which shard, which node.

use tenure_types::NodeId;

use crate::layout::ClusterLayout;
use crate::testing::{ELSEWHERE, on_a_worker, serve, two_shards, until};

const CROSS_SLOT: &str = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";

/// Slots, as redis 7.0.15 tells them: b 3300, c 7365, foo 12182.
#[tokio::test]
async fn keys_of_another_shard_are_elsewhere() {
    on_a_worker(async {
        let served = serve(two_shards()).await;
        let mut peer = served.connect().await;
        let moved = format!("-MOVED 12182 {ELSEWHERE}\r\n");
        peer.ask("SET b 1", "+OK\r\n").await;
        peer.ask("GET foo", &moved).await;
        peer.ask("WATCH foo", &moved).await;
        peer.ask("MGET {b}1 {b}2", "*2\r\n$-1\r\n$-1\r\n").await;
        peer.ask("MGET {foo}1 {foo}2", &moved).await;
        peer.ask("MGET b c", CROSS_SLOT).await;
        peer.ask("MGET foo b", CROSS_SLOT).await;
        peer.ask("DBSIZE", ":1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_has_one_slot() {
    on_a_worker(async {
        let served = serve(two_shards()).await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("SET b 1", "+QUEUED\r\n").await;
        peer.ask("SET c 1", "+QUEUED\r\n").await;
        peer.ask("EXEC", CROSS_SLOT).await;
        peer.ask("EXEC", "-ERR EXEC without MULTI\r\n").await;
        peer.ask("GET b", "$-1\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("SET foo 1", &format!("-MOVED 12182 {ELSEWHERE}\r\n")).await;
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
        )
        .await;
    })
    .await;
}

/// The first shard, whose primary is another node.
fn as_a_replica() -> ClusterLayout {
    let mut cluster = two_shards();
    let shard = &mut cluster.shards[0];
    let mut primary = shard.replicas[0].clone();
    primary.node = NodeId::new(9);
    shard.replicas.push(primary);
    shard.primary = NodeId::new(9);
    cluster
}

#[tokio::test]
async fn a_replica_answers_only_who_asked_for_it() {
    on_a_worker(async {
        let served = serve(as_a_replica()).await;
        let mut peer = served.connect().await;
        let moved = format!("-MOVED 3300 {ELSEWHERE}\r\n");
        peer.ask("GET b", &moved).await;
        peer.ask("SET b 1", &moved).await;
        peer.ask("READONLY", "+OK\r\n").await;
        peer.ask("GET b", "$-1\r\n").await;
        peer.ask("SET b 1", &moved).await;
        peer.ask("GET foo", &format!("-MOVED 12182 {ELSEWHERE}\r\n")).await;
    })
    .await;
}

#[tokio::test]
async fn a_replica_refuses_to_write_what_has_no_slot() {
    on_a_worker(async {
        let served = serve(as_a_replica()).await;
        let mut peer = served.connect().await;
        let readonly = "-READONLY You can't write against a read only replica.\r\n";
        peer.ask("FLUSHALL", readonly).await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("FLUSHALL", readonly).await;
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
        )
        .await;
        until(|| served.replica.clients.len() == 1).await;
    })
    .await;
}
