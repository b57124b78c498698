//! What a connection may cost.

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::super::Connection;
use crate::client::{Client, End, Push};
use crate::layout::{ClusterLayout, ClusterLimits};
use crate::testing::{Peer, cluster, on_a_worker, request, serve, until};

fn limited(limits: ClusterLimits) -> ClusterLayout {
    ClusterLayout { limits, ..cluster() }
}

#[tokio::test]
async fn a_client_that_does_not_read_a_huge_reply_is_closed_at_the_bound() {
    on_a_worker(async {
        let served = serve(limited(ClusterLimits {
            output_bytes_max: 1 << 20,
            ..ClusterLimits::default()
        }))
        .await;
        let (theirs, connection) = served.connect_in_memory();
        let running = tokio::task::spawn_local(connection);
        let mut peer = Peer(theirs);
        // Within the bound it waits for its reader, for as long as that takes.
        peer.request("T.BIG 1000000").await;
        until(|| served.newest_client().shown.borrow().output_bytes > 900_000).await;
        peer.expect("$1000000\r\n").await;
        peer.expect("x".repeat(1_000_000)).await;
        peer.expect("\r\n").await;
        peer.request("T.BIG 1100000").await;
        running.await.unwrap();
        assert_eq!(served.replica.clients.len(), 0);
    })
    .await;
}

/// Neither is whole what would leave, nor may it take the memory that it would.
#[tokio::test]
async fn a_request_that_asks_for_more_than_the_bound_gets_no_part_of_it() {
    on_a_worker(async {
        let served = serve(limited(ClusterLimits {
            output_bytes_max: 1 << 20,
            ..ClusterLimits::default()
        }))
        .await;
        let mut peer = served.connect().await;
        peer.ask(&format!("SET a {}", "v".repeat(100_000)), "+OK\r\n").await;
        peer.request(&format!("MGET{}", " a".repeat(1000))).await;
        peer.expect_end().await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        for _ in 0..20 {
            peer.ask("GET a", "+QUEUED\r\n").await;
        }
        peer.request("EXEC").await;
        peer.expect_end().await;
        until(|| served.replica.clients.len() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_sends_and_does_not_read_stops_being_read() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (theirs, connection) = served.connect_in_memory();
        tokio::task::spawn_local(connection);
        let (mut reading, writing) = tokio::io::split(theirs);
        let requests = 3000;
        let writing = tokio::task::spawn_local(async move {
            Peer(tokio::io::join(tokio::io::empty(), writing))
                .send(request("T.BIG 1000").repeat(requests))
                .await;
        });
        let shown = || {
            let client = served.newest_client();
            let shown = client.shown.borrow();
            (shown.input_bytes, shown.output_bytes)
        };
        until(|| shown().1 >= super::super::OUTPUT_BYTES_AHEAD).await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            assert!(shown().0 <= super::super::READ_BYTES_PER_POLL, "{:?}", shown());
            assert!(shown().1 <= super::super::OUTPUT_BYTES_AHEAD + 2000, "{:?}", shown());
        }
        let mut replies = vec![0; requests * 1009];
        reading.read_exact(&mut replies).await.unwrap();
        writing.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_pushes_is_ended() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("GET a", "$-1\r\n").await;
        let client = served.newest_client();
        let bytes = Bytes::from_static(&[b'x'; 60]);
        client.push(
            Push {
                bytes: bytes.clone(),
                ticket: None,
            },
            100,
        );
        assert_eq!(client.must_end(), None);
        client.push(Push { bytes, ticket: None }, 100);
        assert_eq!(client.must_end(), Some(End::PushesUnread));
        peer.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn the_connection_that_keeps_most_ends_when_all_keep_too_much() {
    on_a_worker(async {
        let served = serve(limited(ClusterLimits {
            clients_memory_bytes_max: 4 << 20,
            ..ClusterLimits::default()
        }))
        .await;
        let mut small = served.connect().await;
        small.ask("MULTI", "+OK\r\n").await;
        small.ask("SET a b", "+QUEUED\r\n").await;
        // Each way to make a connection keep something; none is past a bound of its own.
        let large = format!("SET a {}", "v".repeat(1 << 20));
        let half = [b"*2\r\n$4\r\nECHO\r\n$7000000\r\n".as_slice(), &[b'v'; 6_000_000]].concat();
        let watched: String = (0..40_000).map(|key| format!(" {{x}}{key}")).collect();
        for sent in [
            [request("MULTI"), request(&large).repeat(5)].concat(),
            half,
            [b"*1000000\r\n".as_slice(), &b"$1\r\nx\r\n".repeat(300_000)].concat(),
            request(&format!("WATCH{watched}")),
        ] {
            let mut peer = served.connect().await;
            // The end may come before everything was sent.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut peer.0, &sent).await;
            peer.rest().await;
            until(|| served.replica.clients.len() == 1).await;
            small.ask("EXEC", "*1\r\n+OK\r\n").await;
            small.ask("MULTI", "+OK\r\n").await;
            small.ask("SET a b", "+QUEUED\r\n").await;
        }
        small.ask("DISCARD", "+OK\r\n").await;
        let kept = served.replica.clients.memory_bytes();
        assert!(kept < 1024, "{kept}");
    })
    .await;
}

/// 10,000 of them must be cheap.
#[test]
fn an_idle_connection_takes_less_than_a_kilobyte() {
    let bytes = size_of::<Connection<TcpStream>>() + size_of::<Client>();
    assert!(bytes <= 1024, "{bytes}");
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_no_buffers() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peers = Vec::new();
        for _ in 0..1000 {
            let mut peer = served.connect().await;
            peer.ask("GET a", "$-1\r\n").await;
            peers.push(peer);
        }
        assert_eq!(served.replica.clients.len(), 1000);
        assert_eq!(served.buffers.kept(), (1, 1));
        for peer in &mut peers {
            peer.ask("SET a b", "+OK\r\n").await;
        }
        drop(peers);
        until(|| served.replica.clients.len() == 0).await;
    })
    .await;
}
