//! The rules of listeners.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::HANDSHAKE_DEADLINE;
use crate::layout::{ClusterLayout, ClusterLimits, ServerCertificate};
use crate::testing::{Peer, Served, cluster, on_a_worker, request, serve, serve_with, until};
use crate::tls::server_config;

/// A port with TLS, and how a client meets it.
async fn with_tls() -> (Served, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let shown = ServerCertificate {
        certificate_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    };
    let config = server_config(&shown).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let served = serve_with(cluster(), Some(config)).await;
    (served, TlsConnector::from(Arc::new(client)))
}

async fn connect(served: &Served, connector: &TlsConnector) -> Peer<Box<TlsStream<TcpStream>>> {
    let stream = served.connect().await.0;
    let name = ServerName::try_from("localhost").unwrap();
    Peer(Box::new(Box::pin(connector.connect(name, stream)).await.unwrap()))
}

#[tokio::test]
async fn a_client_with_tls_is_served_and_told_of_the_end() {
    on_a_worker(async {
        let (served, connector) = with_tls().await;
        let mut peer = connect(&served, &connector).await;
        let value = "v".repeat(1 << 20);
        peer.ask(&format!("SET a {value}"), "+OK\r\n").await;
        peer.ask("GET a", &format!("${}\r\n{value}\r\n", value.len())).await;
        served.hold();
        peer.send([request("SET a b"), request("GET a"), request("QUIT")].concat())
            .await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        served.release();
        peer.expect("+OK\r\n$1\r\nb\r\n+OK\r\n").await;
        // Without the message that TLS has for it, the end would be an error.
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut peer.0, &mut rest)
            .await
            .unwrap();
        assert!(rest.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_session_of_tls_is_resumed() {
    on_a_worker(async {
        let (served, connector) = with_tls().await;
        for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
            let mut peer = connect(&served, &connector).await;
            // The ticket comes behind the handshake.
            peer.ask("GET a", "$-1\r\n").await;
            assert_eq!(peer.0.get_ref().1.handshake_kind(), Some(expected));
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_without_tls_on_a_tls_port_is_sent_away() {
    on_a_worker(async {
        let (served, connector) = with_tls().await;
        let mut plain = served.connect().await;
        plain.send(request("GET a")).await;
        // An alert of TLS, then the end.
        let alert = plain.rest().await;
        assert!(alert.len() < 16, "{alert:?}");
        assert_eq!(served.replica.clients.len(), 0);
        connect(&served, &connector).await.ask("GET a", "$-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_handshake_that_stalls_keeps_nobody_else_waiting_nor_a_stop() {
    on_a_worker(async {
        let (served, connector) = with_tls().await;
        let mut stalled = served.connect().await;
        stalled.0.write_all(b"\x16\x03").await.unwrap();
        let mut peer = connect(&served, &connector).await;
        served.hold();
        peer.request("SET a b").await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        served.stop();
        // Not by its deadline.
        timeout(HANDSHAKE_DEADLINE / 2, stalled.expect_end()).await.unwrap();
        served.release();
        peer.expect("+OK\r\n").await;
        served.stopped().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_past_the_limit_is_told_so() {
    on_a_worker(async {
        let limits = ClusterLimits {
            connections_max: 2,
            ..ClusterLimits::default()
        };
        let served = serve(ClusterLayout { limits, ..cluster() }).await;
        let (mut first, mut second) = (served.connect().await, served.connect().await);
        first.ask("GET a", "$-1\r\n").await;
        second.ask("GET a", "$-1\r\n").await;
        let mut third = served.connect().await;
        third.expect("-ERR max number of clients reached\r\n").await;
        third.expect_end().await;
        let counters = &served.replica.counters;
        assert_eq!(
            (counters.connections_received.get(), counters.connections_refused.get()),
            (3, 1)
        );
        drop(first);
        until(|| served.replica.clients.len() == 1).await;
        served.connect().await.ask("GET a", "$-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_listener_that_stopped_takes_no_connections() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("GET a", "$-1\r\n").await;
        let address = served.address;
        served.stop();
        peer.expect_end().await;
        served.stopped().await;
        assert!(TcpStream::connect(address).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn no_two_connections_have_one_number() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut last = 0;
        for _ in 0..5 {
            let mut peer = served.connect().await;
            peer.ask("GET a", "$-1\r\n").await;
            let id = served.newest_client().id;
            assert!(id > last, "{id} after {last}");
            last = id;
            drop(peer);
            until(|| served.replica.clients.len() == 0).await;
        }
    })
    .await;
}
