//! A node that is told at run time what to host: with its threads, its ports and a log in memory. Its clock stands still, so no
//! lease ends by itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use prometheus::Registry;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tenure_log::{Log, ManualClock, MemoryLog, MemoryOptions, Ownership};
use tenure_types::{Clock, Epoch, GroupId, NodeId, StreamId};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{ClusterName, DataNode, DataNodeOptions, LogFactory, Refused, StartError};
use crate::Measurer;
use crate::layout::{ClusterLayout, Layout, ReplicaLayout, ServerCertificate, SlotRange};
use crate::replica::Standing;
use crate::testing::gate::GatedLog;
use crate::testing::{Peer, cluster, two_shards};
use crate::worker::{Hosted, Order, ReplicaReport};

const NODE: NodeId = NodeId::new(1);
const OTHER: NodeId = NodeId::new(2);
/// Past it a test hangs, and says where.
const SOON: Duration = Duration::from_secs(20);

/// What outlives the nodes.
struct World {
    log: MemoryLog,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, MemoryOptions::default());
        Self { log, clock }
    }

    fn start(&self, node: NodeId, clusters: Vec<ClusterLayout>) -> Result<DataNode, StartError> {
        self.start_with(self.log.clone(), node, clusters)
    }

    /// With another way to the log.
    fn start_with(
        &self,
        log: impl Log + Clone + 'static,
        node: NodeId,
        clusters: Vec<ClusterLayout>,
    ) -> Result<DataNode, StartError> {
        let factory: LogFactory = Arc::new(move |_| Ok(Arc::new(log.clone()) as Arc<dyn Log>));
        let options = DataNodeOptions {
            workers: 2.try_into().unwrap(),
            ..DataNodeOptions::new(node, node.get() * 1000, Layout { clusters })
        };
        DataNode::start(options, Arc::clone(&self.clock) as Arc<dyn Clock>, factory)
    }

    async fn ownership(&self, cluster: &ClusterLayout) -> Ownership {
        let answer = self.log.describe(vec![cluster.shards[0].stream]).next().await.unwrap();
        answer.outcome.unwrap().unwrap().description.ownership.unwrap()
    }
}

/// A cluster of one shard, on the node alone.
fn named(name: &str, stream: u32) -> ClusterLayout {
    let mut cluster = ClusterLayout {
        name: name.to_owned(),
        ..cluster()
    };
    cluster.shards[0].stream = StreamId::new(GroupId::new(1), stream);
    cluster.shards[0].replicas[0].address = free_address();
    cluster
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn address(cluster: &ClusterLayout) -> SocketAddr {
    cluster.shards[0].replicas[0].address
}

async fn connect(address: SocketAddr) -> Peer<TcpStream> {
    Peer(TcpStream::connect(address).await.unwrap())
}

async fn apply(node: &DataNode, clusters: Vec<ClusterLayout>) -> Vec<Refused> {
    let applied = async { node.apply(Layout { clusters }, &BTreeSet::new()).await };
    tokio::time::timeout(SOON, applied).await.unwrap()
}

async fn ready(node: &DataNode) {
    tokio::time::timeout(SOON, node.ready()).await.unwrap();
}

/// Waits until what lives on the node is like this.
async fn reported(node: &DataNode, is_so: impl Fn(&[ReplicaReport]) -> bool) -> Vec<ReplicaReport> {
    let waited = tokio::time::timeout(SOON, async {
        loop {
            let changed = node.report_changed();
            let report = node.report();
            if is_so(&report) {
                return report;
            }
            changed.await;
        }
    });
    match waited.await {
        Ok(report) => report,
        Err(_) => panic!("it never comes to this: {:?}", node.report()),
    }
}

#[tokio::test]
async fn replicas_come_and_go_while_others_serve() {
    let world = World::new();
    let (stays, goes) = (named("stays", 1), named("goes", 2));
    let node = world.start(NODE, vec![stays.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&stays)).await;
    peer.ask("SET k v", "+OK\r\n").await;
    let before = reported(&node, |report| report[0].keys == 1).await;

    assert_eq!(apply(&node, vec![stays.clone(), goes.clone()]).await, []);
    ready(&node).await;
    let mut other = connect(address(&goes)).await;
    other.ask("SET k w", "+OK\r\n").await;
    peer.ask("GET k", "$1\r\nv\r\n").await;

    assert_eq!(apply(&node, vec![stays.clone()]).await, []);
    other.expect_end().await;
    let after = reported(&node, |report| report.len() == 1).await;
    assert!(TcpStream::connect(address(&goes)).await.is_err(), "its port is closed");
    let released = world.ownership(&goes).await;
    assert!(released.released && released.epoch == Epoch::new(1));

    peer.ask("GET k", "$1\r\nv\r\n").await;
    assert_eq!(
        after, before,
        "neither its life nor its epoch nor its connection is another"
    );
    // It comes again, and waits for nothing: the clock stands still.
    assert_eq!(apply(&node, vec![stays, goes.clone()]).await, []);
    ready(&node).await;
    connect(address(&goes)).await.ask("GET k", "$1\r\nw\r\n").await;
    assert_eq!(world.ownership(&goes).await.epoch, Epoch::new(2));
    node.stop().await;
}

/// The clusters of which there are series, and the workers that told nothing.
async fn shown(measurer: &Measurer, registry: &Registry) -> (BTreeSet<String>, f64) {
    measurer.measure().await;
    let (mut clusters, mut silent) = (BTreeSet::new(), 0.0);
    for family in registry.gather() {
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            clusters.extend(
                labels
                    .filter(|label| label.name() == "cluster")
                    .map(|label| label.value().to_owned()),
            );
            if family.name() == "tenure_workers_silent" {
                silent = metric.get_gauge().get_value();
            }
        }
    }
    (clusters, silent)
}

#[tokio::test]
async fn a_shard_has_series_as_long_as_it_lives_here_and_its_worker_tells_of_it() {
    let world = World::new();
    let (stays, goes) = (named("stays", 1), named("goes", 2));
    let node = world.start(NODE, vec![stays.clone(), goes.clone()]).unwrap();
    ready(&node).await;
    let registry = Registry::new();
    let measurer = node.register_metrics(&registry).unwrap();
    assert!(node.register_metrics(&registry).is_err(), "nothing is shown twice");
    let both = BTreeSet::from(["stays".to_owned(), "goes".to_owned()]);
    assert_eq!(shown(&measurer, &registry).await, (both, 0.0));
    assert_eq!(apply(&node, vec![stays.clone()]).await, []);
    reported(&node, |report| report.len() == 1).await;
    let one = BTreeSet::from(["stays".to_owned()]);
    assert_eq!(shown(&measurer, &registry).await, (one, 0.0));
    node.stop().await;
    assert_eq!(shown(&measurer, &registry).await, (BTreeSet::new(), 2.0));
}

#[tokio::test]
async fn a_node_may_begin_with_nothing_and_share_what_comes_among_its_workers() {
    let world = World::new();
    let node = world.start(NODE, Vec::new()).unwrap();
    ready(&node).await;
    assert_eq!(node.report(), []);
    let clusters: Vec<_> = (1..=4).map(|number| named(&format!("c{number}"), number)).collect();
    assert_eq!(apply(&node, clusters.clone()).await, []);
    ready(&node).await;
    for cluster in &clusters {
        connect(address(cluster)).await.ask("SET k v", "+OK\r\n").await;
    }
    let of_workers: Vec<_> = node
        .workers
        .iter()
        .map(|worker| worker.reports.borrow().len())
        .collect();
    assert_eq!(of_workers, [2, 2]);
    let incarnations: BTreeSet<_> = node.report().iter().map(|replica| replica.incarnation).collect();
    assert_eq!(incarnations.len(), 4, "no two are seeded alike");
    assert_eq!(apply(&node, clusters[1..].to_vec()).await, []);
    assert_eq!(apply(&node, clusters).await, []);
    assert!(node.hosted.lock().await.replicas.len() == 4);
    node.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_refused_by_itself_and_taken_once_it_is_free() {
    let world = World::new();
    let node = world.start(NODE, Vec::new()).unwrap();
    let (good, blocked) = (named("good", 1), named("blocked", 2));
    let taken = TcpListener::bind(address(&blocked)).unwrap();
    let clusters = vec![blocked.clone(), good.clone()];
    let refused = apply(&node, clusters.clone()).await;
    let [refused] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (&*refused.cluster.name, refused.stream),
        ("blocked", Some(blocked.shards[0].stream))
    );
    assert!(
        refused.reason.contains(&address(&blocked).to_string()),
        "{}",
        refused.reason
    );
    ready(&node).await;
    let mut peer = connect(address(&good)).await;
    peer.ask("SET k v", "+OK\r\n").await;
    drop(taken);
    assert_eq!(apply(&node, clusters).await, []);
    ready(&node).await;
    connect(address(&blocked)).await.ask("SET k v", "+OK\r\n").await;
    peer.ask("GET k", "$1\r\nv\r\n").await;
    node.stop().await;
}

#[tokio::test]
async fn a_cluster_that_cannot_be_is_refused_and_one_that_was_hosted_stays_as_it_was() {
    let world = World::new();
    let (before, other) = (named("c", 1), named("other", 2));
    let node = world.start(NODE, vec![before.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&before)).await;
    let mut gap = before.clone();
    gap.shards[0].slots[0].first = 7;
    let mut no_certificate = before.clone();
    no_certificate.tls = Some(ServerCertificate {
        certificate_pem: "none".to_owned(),
        key_pem: "none".to_owned(),
    });
    for (bad, reason) in [
        (gap, "slot 0 is in no shard"),
        (no_certificate, "there is no certificate in PEM form"),
    ] {
        let refused = apply(&node, vec![bad, other.clone()]).await;
        assert_eq!(
            (refused.len(), refused[0].stream, &*refused[0].cluster.name),
            (1, None, "c")
        );
        assert!(refused[0].reason.contains(reason), "{}", refused[0].reason);
        peer.ask("PING", "+PONG\r\n").await;
        assert_eq!(node.hosted.lock().await.replicas.len(), 2);
    }
    // Somebody else found something wrong with it.
    let kept = BTreeSet::from([ClusterName::of(&before)]);
    let clusters = vec![other];
    assert_eq!(node.apply(Layout { clusters }, &kept).await, []);
    peer.ask("PING", "+PONG\r\n").await;
    assert_eq!(apply(&node, Vec::new()).await, []);
    peer.expect_end().await;
    node.stop().await;
}

#[tokio::test]
async fn a_stream_is_hosted_once() {
    let world = World::new();
    let node = world.start(NODE, Vec::new()).unwrap();
    let refused = apply(&node, vec![named("a", 1), named("b", 1)]).await;
    assert_eq!((refused.len(), &*refused[0].cluster.name), (1, "b"));
    assert!(
        refused[0].reason.contains("which is another's"),
        "{}",
        refused[0].reason
    );
    assert!(
        world.start(OTHER, vec![named("a", 1), named("b", 1)]).is_ok(),
        "it hosts none of them"
    );
    let error = world.start(NODE, vec![named("a", 1), named("b", 1)]).unwrap_err();
    assert!(matches!(error, StartError::StreamTaken { .. }), "{error}");
    node.stop().await;
}

#[tokio::test]
async fn a_replica_with_another_address_is_another_replica() {
    let world = World::new();
    let before = named("c", 1);
    let node = world.start(NODE, vec![before.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&before)).await;
    peer.ask("SET k v", "+OK\r\n").await;
    let mut after = before.clone();
    after.shards[0].replicas[0].address = free_address();
    assert_eq!(apply(&node, vec![after.clone()]).await, []);
    peer.expect_end().await;
    ready(&node).await;
    connect(address(&after)).await.ask("GET k", "$1\r\nv\r\n").await;
    assert_eq!(world.ownership(&after).await.epoch, Epoch::new(2));
    // The port is another's at once.
    let mut next = named("next", 2);
    next.shards[0].replicas[0].address = address(&after);
    assert_eq!(apply(&node, vec![next.clone()]).await, []);
    ready(&node).await;
    connect(address(&next)).await.ask("GET k", "$-1\r\n").await;
    node.stop().await;
}

#[tokio::test]
async fn another_layout_reaches_clients_that_are_connected() {
    let world = World::new();
    let mut layout = two_shards();
    layout.shards[0].replicas[0].address = free_address();
    let node = world.start(NODE, vec![layout.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&layout)).await;
    // `a` is in slot 15495.
    peer.ask("GET a", "-MOVED 15495 127.0.0.1:7001\r\n").await;
    layout.shards[1].replicas[0].address = "127.0.0.9:7777".parse().unwrap();
    layout.limits.memory_bytes_max = 1;
    assert_eq!(apply(&node, vec![layout.clone()]).await, []);
    peer.ask("GET a", "-MOVED 15495 127.0.0.9:7777\r\n").await;
    peer.request("CLUSTER SLOTS").await;
    peer.skip_until("127.0.0.9\r\n:7777\r\n").await;
    peer.skip_until("\r\n*0\r\n").await;
    peer.request("SET b v").await;
    peer.expect("-OOM ").await;
    peer.skip_until("\r\n").await;
    // The connection is the same.
    layout.limits.memory_bytes_max = 1 << 20;
    assert_eq!(apply(&node, vec![layout]).await, []);
    peer.ask("SET b v", "+OK\r\n").await;
    node.stop().await;
}

#[tokio::test]
async fn a_cluster_of_which_slots_go_from_shard_to_shard_stays_as_it_was() {
    let world = World::new();
    let mut layout = two_shards();
    layout.shards[0].replicas[0].address = free_address();
    let node = world.start(NODE, vec![layout.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&layout)).await;
    let mut all_here = layout.clone();
    all_here.shards[0].slots = vec![SlotRange { first: 0, last: 16_383 }];
    all_here.shards.pop();
    all_here.limits.memory_bytes_max = 1;
    let refused = apply(&node, vec![all_here]).await;
    let [refused] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert_eq!((&*refused.cluster.name, refused.stream), ("c", None));
    assert!(refused.reason.contains("slot 8192 was in"), "{}", refused.reason);
    peer.ask("GET a", "-MOVED 15495 127.0.0.1:7001\r\n").await;
    peer.ask("SET b v", "+OK\r\n").await;
    assert_eq!(apply(&node, vec![layout]).await, []);
    node.stop().await;
}

#[tokio::test]
async fn another_certificate_is_seen_by_who_connects_from_then_on() {
    let world = World::new();
    let (first, second) = (certificate(), certificate());
    let mut layout = named("c", 1);
    layout.tls = Some(first.0.clone());
    let node = world.start(NODE, vec![layout.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect_tls(address(&layout), &first.1).await.unwrap();
    peer.ask("SET k v", "+OK\r\n").await;
    layout.tls = Some(second.0.clone());
    assert_eq!(apply(&node, vec![layout.clone()]).await, []);
    let mut newer = connect_tls(address(&layout), &second.1).await.unwrap();
    newer.ask("GET k", "$1\r\nv\r\n").await;
    peer.ask("GET k", "$1\r\nv\r\n").await;
    assert!(connect_tls(address(&layout), &first.1).await.is_err());
    node.stop().await;
}

fn certificate() -> (ServerCertificate, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let shown = ServerCertificate {
        certificate_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    };
    (shown, made.cert.der().clone())
}

async fn connect_tls(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<Peer<tokio_rustls::client::TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Peer(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

/// One shard on two nodes.
fn shared() -> ClusterLayout {
    let mut layout = named("shared", 1);
    layout.shards[0].replicas.push(ReplicaLayout {
        node: OTHER,
        address: free_address(),
    });
    layout
}

#[tokio::test]
async fn a_shard_goes_from_a_node_that_is_told_to_give_it_up_to_the_one_that_is_told_to_take_it() {
    let world = World::new();
    let mut layout = shared();
    let nodes = [NODE, OTHER].map(|node| world.start(node, vec![layout.clone()]).unwrap());
    ready(&nodes[0]).await;
    ready(&nodes[1]).await;
    let mut peer = connect(layout.shards[0].replicas[0].address).await;
    peer.ask("SET k v", "+OK\r\n").await;
    reported(&nodes[1], |report| report[0].lsn.is_some()).await;
    layout.shards[0].primary = OTHER;
    layout.shards[0].give_up = Some(Epoch::new(1));
    // What it sent before is answered; then it is sent away.
    peer.request("SET k w").await;
    peer.expect("+OK\r\n").await;
    for node in &nodes {
        assert_eq!(apply(node, vec![layout.clone()]).await, []);
    }
    peer.expect_end().await;
    let report = reported(&nodes[1], |report| report[0].standing == Standing::Primary).await;
    assert_eq!(report[0].epoch, Epoch::new(2));
    connect(layout.shards[0].replicas[1].address)
        .await
        .ask("GET k", "$1\r\nw\r\n")
        .await;
    let report = reported(&nodes[0], |report| {
        report[0].standing == Standing::Replica && report[0].epoch == Epoch::new(2)
    });
    let report = report.await;
    assert_eq!((report[0].keys, report[0].clients), (1, 0));
    let to = layout.shards[0].replicas[1].address;
    let moved = format!("-MOVED 7629 {to}\r\n");
    connect(layout.shards[0].replicas[0].address)
        .await
        .ask("SET k x", &moved)
        .await;
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_replica_that_leaves_does_not_keep_the_node_from_being_ready() {
    let world = World::new();
    // Its first choice never comes, so it never settles.
    let mut layout = shared();
    layout.shards[0].primary = OTHER;
    let node = world.start(NODE, vec![layout]).unwrap();
    reported(&node, |report| {
        report.iter().any(|replica| replica.standing == Standing::Replica)
    })
    .await;
    assert!(!node.report()[0].has_settled);
    {
        let waits = node.ready();
        tokio::pin!(waits);
        assert!(futures::poll!(&mut waits).is_pending());
        assert_eq!(apply(&node, Vec::new()).await, []);
        tokio::time::timeout(SOON, waits).await.unwrap();
    }
    node.stop().await;
}

#[tokio::test]
async fn a_layout_that_is_applied_again_or_given_up_half_way_changes_nothing_that_is_right() {
    let world = World::new();
    let (a, b) = (named("a", 1), named("b", 2));
    let node = world.start(NODE, vec![a.clone()]).unwrap();
    ready(&node).await;
    for polls in 0..6 {
        let clusters = if polls % 2 == 0 {
            vec![b.clone()]
        } else {
            vec![a.clone()]
        };
        let none = BTreeSet::new();
        let half = node.apply(Layout { clusters }, &none);
        tokio::pin!(half);
        for _ in 0..polls {
            if futures::poll!(&mut half).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..2 {
        assert_eq!(apply(&node, vec![a.clone(), b.clone()]).await, []);
    }
    ready(&node).await;
    connect(address(&b)).await.ask("SET k v", "+OK\r\n").await;
    connect(address(&a)).await.ask("SET k v", "+OK\r\n").await;
    node.stop().await;
}

/// A node of which the replicas that go wait for the log, until the gate opens.
async fn with_a_gate(world: &World, clusters: Vec<ClusterLayout>) -> (DataNode, GatedLog) {
    let log = GatedLog::new(world.log.clone());
    let mut node = world.start_with(log.clone(), NODE, clusters).unwrap();
    node.leaves_within = Duration::from_millis(20);
    ready(&node).await;
    (node, log)
}

#[tokio::test]
async fn who_comes_for_a_replica_that_does_not_leave_in_time_is_refused_and_hosted_once_it_has() {
    let world = World::new();
    let (before, other) = (named("c", 1), named("other", 2));
    let (node, log) = with_a_gate(&world, vec![before.clone(), other.clone()]).await;
    connect(address(&before)).await.ask("SET k v", "+OK\r\n").await;
    let mut peer = connect(address(&other)).await;
    let mut after = before.clone();
    after.shards[0].replicas[0].address = free_address();
    let clusters = vec![after.clone(), other];
    log.close();
    for _ in 0..2 {
        let refused = apply(&node, clusters.clone()).await;
        let [refused] = &refused[..] else {
            panic!("{refused:?}");
        };
        assert_eq!(
            (&*refused.cluster.name, refused.stream),
            ("c", Some(after.shards[0].stream))
        );
        assert!(refused.reason.contains("has not left yet"), "{}", refused.reason);
        assert!(
            TcpStream::connect(address(&after)).await.is_err(),
            "its port is not taken"
        );
        assert_eq!(node.report().len(), 2, "it is there until it has left");
        peer.ask("PING", "+PONG\r\n").await;
    }
    log.open();
    reported(&node, |report| report.len() == 1).await;
    assert_eq!(apply(&node, clusters).await, []);
    ready(&node).await;
    assert_eq!(node.report().len(), 2);
    connect(address(&after)).await.ask("GET k", "$1\r\nv\r\n").await;
    node.stop().await;
}

#[tokio::test]
async fn who_comes_waits_for_the_same_stream_to_leave() {
    let world = World::new();
    let before = named("c", 1);
    let (mut node, log) = with_a_gate(&world, vec![before.clone()]).await;
    node.leaves_within = SOON;
    let mut after = before.clone();
    after.shards[0].replicas[0].address = free_address();
    log.close();
    {
        let clusters = vec![after.clone()];
        let none = BTreeSet::new();
        let applying = node.apply(Layout { clusters }, &none);
        tokio::pin!(applying);
        // Once its port is closed it leaves, and still it waits for the log.
        while TcpStream::connect(address(&before)).await.is_ok() {
            assert!(futures::poll!(&mut applying).is_pending());
        }
        assert!(futures::poll!(&mut applying).is_pending());
        log.open();
        assert_eq!(tokio::time::timeout(SOON, applying).await.unwrap(), []);
    }
    ready(&node).await;
    assert_eq!(world.ownership(&after).await.epoch, Epoch::new(2));
    node.stop().await;
}

#[tokio::test]
async fn a_worker_hosts_no_second_replica_of_a_stream() {
    let world = World::new();
    let layout = named("c", 1);
    let node = world.start(NODE, vec![layout.clone()]).unwrap();
    ready(&node).await;
    let mut peer = connect(address(&layout)).await;
    let (told, done) = tokio::sync::oneshot::channel();
    let second = Hosted {
        listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
        cluster: Arc::new(layout.clone()),
        shard: layout.shards[0].clone(),
        tls: None,
        plugins: Vec::new(),
    };
    second.listener.set_nonblocking(true).unwrap();
    let order = Order::Host(Box::new(second), told);
    assert!(node.workers[0].orders.send(order).await.is_ok());
    let error = done.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    peer.ask("PING", "+PONG\r\n").await;
    assert_eq!(node.report().len(), 1);
    node.stop().await;
}
