//! How connections end.

use tokio::io::AsyncWriteExt;

use crate::client::End;
use crate::testing::{Peer, cluster, on_a_worker, request, serve, until};

/// As redis 7.0.15 does.
#[tokio::test]
async fn what_was_sent_before_the_client_closed_its_side_is_answered() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        let mut sent = request("SET a b").repeat(2000);
        sent.extend(b"*1\r\n$4\r\nPI");
        peer.send(sent).await;
        peer.0.shutdown().await.unwrap();
        peer.expect("+OK\r\n".repeat(2000)).await;
        peer.expect_end().await;
        until(|| served.replica.clients.len() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn held_replies_reach_a_client_that_closed_its_side() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.request("SET a b").await;
        peer.0.shutdown().await.unwrap();
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        assert_eq!(served.replica.clients.len(), 1);
        served.release();
        peer.expect("+OK\r\n").await;
        peer.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_left_while_its_request_waits_is_gone() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.request("T.PARK").await;
        until(|| served.replica.counters.commands_processed.get() == 1).await;
        // What it waits for comes, and is left to others.
        served.let_parked_go(&served.newest_client());
        drop(peer);
        until(|| served.replica.clients.len() == 0).await;
        assert_eq!(served.replica.counters.output_bytes.get(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_waits_for_a_client_that_left_at_once_is_dropped() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (theirs, connection) = served.connect_in_memory();
        let mut peer = Peer(theirs);
        peer.request("T.PARK").await;
        peer.0.shutdown().await.unwrap();
        // It meets the request and the end in one poll.
        connection.await;
        peer.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten_and_its_write_stays() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.request("SET a b").await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        drop(peer);
        served.release();
        until(|| served.replica.clients.len() == 0).await;
        let mut other = served.connect().await;
        other.ask("GET a", "$1\r\nb\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn nothing_behind_quit_is_run() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.send([request("QUIT"), request("SET a b")].concat()).await;
        peer.expect("+OK\r\n").await;
        peer.expect_end().await;
        let mut other = served.connect().await;
        other.ask("GET a", "$-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn who_kills_itself_reads_the_reply_first() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.send(
            [
                request("SET a b"),
                request("CLIENT KILL ID 1 SKIPME no"),
                request("SET a c"),
            ]
            .concat(),
        )
        .await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        assert_eq!(served.replica.clients.len(), 1);
        served.release();
        peer.expect("+OK\r\n:1\r\n").await;
        peer.expect_end().await;
        let mut other = served.connect().await;
        other.ask("GET a", "$1\r\nb\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn who_killed_itself_is_still_ended_when_its_replies_are_overdue() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.send([request("SET a b"), request("CLIENT KILL ID 1 SKIPME no")].concat())
            .await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        served.newest_client().end(End::RepliesOverdue);
        peer.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_killed_by_another_ends_at_once() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut victim = served.connect().await;
        victim.ask("GET a", "$-1\r\n").await;
        let id = served.newest_client().id;
        let mut killer = served.connect().await;
        killer.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n").await;
        victim.expect_end().await;
        killer.ask("GET a", "$-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_node_that_stops_lets_replies_leave_and_takes_no_more_requests() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (mut idle, mut waiting, mut writer) =
            (served.connect().await, served.connect().await, served.connect().await);
        idle.ask("GET a", "$-1\r\n").await;
        waiting.request("T.PARK").await;
        served.hold();
        writer.request("SET a b").await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        served.stop();
        idle.expect_end().await;
        waiting.expect_end().await;
        until(|| served.replica.clients.len() == 1).await;
        writer.request("SET a c").await;
        served.release();
        writer.expect("+OK\r\n").await;
        writer.expect_end().await;
        served.stopped().await;
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_lasts_too_long_is_ended_by_a_second_call() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut writer = served.connect().await;
        served.hold();
        writer.request("SET a b").await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        served.stop();
        until(|| served.newest_client().must_end() == Some(End::Stopping)).await;
        served.replica.clients.end_all(End::RoleChanged);
        writer.expect_end().await;
        served.stopped().await;
    })
    .await;
}
