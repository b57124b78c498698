//! When replies leave.

use bytes::Bytes;

use crate::client::{End, Push};
use crate::replica::Standing;
use crate::testing::{LEASE, Served, cluster, on_a_worker, request, serve, until};

/// Waits until a client's first reply is held.
async fn until_held(served: &Served) {
    until(|| {
        served
            .replica
            .clients
            .list()
            .iter()
            .any(|client| client.held_since.get().is_some())
    })
    .await;
}

#[tokio::test]
async fn a_write_is_answered_once_it_is_in_the_log() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.request("SET a b").await;
        until_held(&served).await;
        assert_eq!(served.replica.counters.output_bytes.get(), 0);
        assert_eq!(served.newest_client().shown.borrow().output_bytes, 5);
        served.release();
        peer.expect("+OK\r\n").await;
        until(|| served.newest_client().held_since.get().is_none()).await;
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_depends_on_nothing_waits_behind_one_that_does() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.send([request("GET x"), request("SET a b"), request("GET x"), request("FOO")].concat())
            .await;
        peer.expect("$-1\r\n").await;
        until_held(&served).await;
        assert_eq!(served.replica.counters.output_bytes.get(), 5);
        served.release();
        peer.expect("+OK\r\n$-1\r\n-ERR unknown command 'FOO', with args beginning with: \r\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_others_read_of_a_write_waits_for_it_too() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (mut writer, mut reader) = (served.connect().await, served.connect().await);
        served.hold();
        writer.request("SET a b").await;
        until_held(&served).await;
        reader.ask("GET x", "$-1\r\n").await;
        reader.request("GET a").await;
        until(|| served.newest_client().held_since.get().is_some()).await;
        assert_eq!(served.replica.counters.output_bytes.get(), 5);
        served.release();
        writer.expect("+OK\r\n").await;
        reader.expect("$1\r\nb\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn one_wake_up_is_asked_for_each_ticket() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        for round in 1..=5 {
            peer.request("SET a b").await;
            until(|| served.replica.counters.commands_processed.get() == round).await;
            until_held(&served).await;
        }
        assert_eq!(served.replica.wake_ups_asked_for(), 1);
        served.release();
        peer.expect("+OK\r\n".repeat(5)).await;
    })
    .await;
}

#[tokio::test]
async fn a_push_waits_for_its_ticket() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("GET a", "$-1\r\n").await;
        served.hold();
        let ticket = {
            let mut turn = served.replica.begin_turn();
            turn.image().write(tenure_engine::Effect::Tick);
            Some(turn.open_ticket())
        };
        let client = served.newest_client();
        let bytes = Bytes::from(">1\r\n+news\r\n");
        client.push(Push { bytes, ticket }, 100);
        until_held(&served).await;
        served.release();
        peer.expect(">1\r\n+news\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn replies_that_waited_too_long_are_never_sent() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        for reason in [End::RepliesOverdue, End::RoleChanged, End::Killed] {
            let mut peer = served.connect().await;
            served.hold();
            peer.request("SET a b").await;
            until_held(&served).await;
            served.newest_client().end(reason);
            peer.expect_end().await;
            served.release();
            until(|| served.replica.clients.len() == 0).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reply_is_held_since_it_was_given() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        let asked_at = served.replica.clock().boot();
        peer.request("SET a b").await;
        until_held(&served).await;
        served.clock.advance(LEASE / 2);
        peer.request("SET a c").await;
        until(|| served.replica.counters.commands_processed.get() == 2).await;
        assert_eq!(served.newest_client().held_since.get(), Some(asked_at));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_executed_past_the_lease_and_what_was_is_answered() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.request("SET a b").await;
        until_held(&served).await;
        served.clock.advance(LEASE);
        assert_eq!(served.replica.standing(), Standing::Lapsed);
        peer.request("GET a").await;
        until(|| served.replica.counters.commands_processed.get() == 2).await;
        served.release();
        peer.expect("+OK\r\n-CLUSTERDOWN The shard cannot reach its log, nothing was executed\r\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_client_behind_a_held_reply_is_not_read_without_bound() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        peer.request("SET a b").await;
        until_held(&served).await;
        let requests = 400;
        let big = request("T.BIG 1024").repeat(requests);
        peer.send(big).await;
        let client = served.newest_client();
        until(|| client.shown.borrow().output_bytes >= super::super::OUTPUT_BYTES_AHEAD).await;
        let processed = served.replica.counters.commands_processed.get();
        client.wake();
        tokio::task::yield_now().await;
        assert_eq!(served.replica.counters.commands_processed.get(), processed);
        served.release();
        let reply = format!("$1024\r\n{}\r\n", "x".repeat(1024));
        peer.expect(format!("+OK\r\n{}", reply.repeat(requests))).await;
    })
    .await;
}

#[tokio::test]
async fn a_log_that_is_behind_stops_writers_until_it_caught_up() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        served.hold();
        let value = "v".repeat(100 << 10);
        let requests = 30;
        let sets: Vec<u8> = request(&format!("SET a {value}")).repeat(requests);
        let sending = tokio::task::spawn_local(async move {
            peer.send(sets).await;
            peer
        });
        // Fewer than all: four appends may be under way, and the turn that is open is bounded.
        until(|| served.replica.wake_ups_asked_for() >= 2).await;
        assert!(served.replica.counters.commands_processed.get() < 30);
        served.release();
        let mut peer = sending.await.unwrap();
        peer.expect("+OK\r\n".repeat(requests)).await;
    })
    .await;
}
