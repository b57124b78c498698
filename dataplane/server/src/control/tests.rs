//! What a node makes of what the control plane says. The control plane is the test; what lies between them is a channel.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod plugins;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use futures::stream;
use tenure_log::{Log, ManualClock, MemoryLog, MemoryOptions};
use tenure_types::{Clock, GroupId, StreamId};
use tenure_wire::control_v1::{Down, Report, Up, down, up};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::desired::sound_cluster;
use super::session::{Ended, hold_all};
use super::*;
use crate::layout::Layout;
use crate::node::{DataNodeOptions, LogFactory};
use crate::testing::Peer;

/// Past it a test hangs, and says where.
const SOON: Duration = Duration::from_secs(20);

/// A node with its disk, and a log that outlives it.
struct World {
    folder: tempfile::TempDir,
    log: MemoryLog,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        Self {
            folder: tempfile::tempdir().unwrap(),
            log: MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, MemoryOptions::default()),
            clock,
        }
    }

    fn node(&self, seed: u64) -> DataNode {
        let log = self.log.clone();
        let factory: LogFactory = Arc::new(move |_| Ok(Arc::new(log.clone()) as Arc<dyn Log>));
        let options = DataNodeOptions::new(NodeId::new(1), seed, Layout::default());
        DataNode::start(options, Arc::clone(&self.clock) as Arc<dyn Clock>, factory).unwrap()
    }

    fn control(&self) -> Control {
        control(self.folder.path())
    }
}

fn control(folder: &Path) -> Control {
    let introduction = Introduction {
        node: NodeId::new(1),
        process: NonZeroU64::new(77).unwrap(),
        version: "0.1.0".to_owned(),
        zone: "a".to_owned(),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: vec![7501..=7516, 7520..=7520],
        memory_bytes: 1 << 30,
    };
    Control::new(introduction, KeptDesired::open(folder).unwrap())
}

/// A cluster of one shard on this node alone.
fn cluster(name: &str, stream: u32) -> wire::Cluster {
    let mut cluster = wire::Cluster {
        name: name.to_owned(),
        ..sound_cluster()
    };
    let shard = &mut cluster.shards[0];
    shard.stream = StreamId::new(GroupId::new(1), stream).to_bits();
    shard.replicas.pop();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    shard.replicas[0].address = listener.local_addr().unwrap().to_string();
    cluster
}

fn address(cluster: &wire::Cluster) -> SocketAddr {
    cluster.shards[0].replicas[0].address.parse().unwrap()
}

fn desired<const N: usize>(generation: u64, clusters: [wire::Cluster; N]) -> Desired {
    Desired {
        generation,
        clusters: clusters.into(),
    }
}

fn down(desired: Desired) -> Result<Down, std::fmt::Error> {
    let message = Some(down::Message::Desired(desired));
    Ok(Down { message })
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.unwrap()
}

async fn set(cluster: &wire::Cluster) {
    let mut peer = Peer(TcpStream::connect(address(cluster)).await.unwrap());
    peer.ask("SET k v", "+OK\r\n").await;
}

/// Runs `test` while the node applies what it is told.
async fn while_applying<T>(control: &Control, node: &DataNode, test: impl Future<Output = T>) -> T {
    let test = soon(test);
    tokio::select! {
        never = control.apply_all(node) => match never {},
        done = test => done,
    }
}

#[tokio::test]
async fn a_node_serves_what_it_is_told_and_after_a_restart_without_being_told() {
    let world = World::new();
    let wanted = cluster("c", 1);
    let (node, control) = (world.node(1), world.control());
    while_applying(&control, &node, async {
        let ready = control.ready(&node);
        tokio::pin!(ready);
        assert!(futures::poll!(&mut ready).is_pending(), "it was told nothing");
        let ended = control.hear(stream::iter([down(desired(3, [wanted.clone()]))])).await;
        assert!(matches!(ended, Ended::ByControlPlane), "{ended}");
        ready.await;
        set(&wanted).await;
    })
    .await;
    node.stop().await;

    let (node, control) = (world.node(2), world.control());
    assert_eq!(control.generation(), 3);
    while_applying(&control, &node, async {
        control.ready(&node).await;
        let mut peer = Peer(TcpStream::connect(address(&wanted)).await.unwrap());
        peer.ask("GET k", "$1\r\nv\r\n").await;
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn an_older_generation_and_another_of_the_same_are_refused_and_what_is_held_changes_nothing() {
    let world = World::new();
    let control = world.control();
    let newest = desired(5, [cluster("c", 1)]);
    assert_eq!(control.take(desired(0, [])).await.unwrap(), Taken::Refused);
    assert_eq!(control.take(newest.clone()).await.unwrap(), Taken::Newer);
    for (told, taken) in [
        (desired(4, []), Taken::Refused),
        (newest.clone(), Taken::Same),
        (desired(5, []), Taken::Refused),
        (desired(5, [cluster("c", 2)]), Taken::Refused),
        (desired(1, []), Taken::Refused),
        (desired(0, []), Taken::Refused),
    ] {
        assert_eq!(control.take(told.clone()).await.unwrap(), taken, "{told:?}");
        assert_eq!(control.told.wanted.borrow().as_deref(), Some(&newest));
        assert_eq!(
            world.control().told.wanted.borrow().as_deref(),
            Some(&newest),
            "on the disk"
        );
    }
    assert_eq!(control.take(desired(6, [])).await.unwrap(), Taken::Newer);
    assert_eq!(world.control().generation(), 6);
}

#[tokio::test]
async fn while_the_control_plane_says_what_it_said_otherwise_before_reports_say_so() {
    let world = World::new();
    let (node, control) = (world.node(1), world.control());
    let (ups, mut heard) = mpsc::channel(1);
    let newest = desired(5, []);
    let test = async {
        assert!(heard.recv().await.is_some(), "the introduction");
        assert_eq!(report(&mut heard).await, Report::default());
        // Neither has said anything yet: nothing is old.
        control.take(desired(0, [])).await.unwrap();
        assert_eq!(*control.told.refused.borrow(), None);
        control.take(newest.clone()).await.unwrap();
        until(&mut heard, |report| report.generation == 5).await;
        let forked = desired(5, [cluster("c", 1)]);
        for (outdated, said) in [
            (desired(4, []), "generation 4, and this node holds 5"),
            (forked, "another generation 5"),
            (desired(0, []), "generation 0, and this node holds 5"),
        ] {
            control.take(outdated).await.unwrap();
            let told = until(&mut heard, |report| !report.refusals.is_empty()).await;
            let [refusal] = &told.refusals[..] else {
                panic!("{told:?}");
            };
            assert_eq!((told.generation, refusal.stream, &*refusal.cluster), (5, 0, ""));
            let reason = &refusal.reason;
            assert!(
                reason.contains(said) && reason.contains("seems to be an older copy"),
                "{reason}"
            );
            assert_eq!(
                report(&mut heard).await.refusals,
                told.refusals,
                "until it is otherwise"
            );
            control.take(newest.clone()).await.unwrap();
            until(&mut heard, |report| report.refusals.is_empty()).await;
        }
        control.take(desired(4, [])).await.unwrap();
        until(&mut heard, |report| !report.refusals.is_empty()).await;
        control.take(desired(6, [])).await.unwrap();
        until(&mut heard, |report| {
            report.generation == 6 && report.refusals.is_empty()
        })
        .await;
    };
    let telling = Box::pin(async {
        tokio::select! {
            () = control.tell(&node, &ups) => panic!("somebody listens"),
            () = test => {}
        }
    });
    while_applying(&control, &node, telling).await;
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_end_soon_are_begun_less_and_less_often_however_they_end() {
    use tokio::time::{Instant, sleep};
    let seconds = Duration::from_secs_f64;
    // How long each lasts, and the pause after it, in seconds.
    let lasts = [
        (0.0, 0.1),
        (1.0, 0.2),
        (0.0, 0.4),
        (9.0, 0.8),
        (0.0, 1.6),
        (0.0, 2.0),
        (0.0, 2.0),
        (10.0, 0.1),
        (0.0, 0.2),
        (60.0, 0.1),
        (0.0, 0.2),
    ];
    let begun = std::cell::RefCell::new(Vec::new());
    let hold = |(): ()| async {
        let number = begun.borrow().len();
        begun.borrow_mut().push(Instant::now());
        let Some((lasts, _)) = lasts.get(number) else {
            return std::future::pending().await;
        };
        sleep(seconds(*lasts)).await;
        let reason = String::new();
        match number % 3 {
            0 => Ended::ByControlPlane,
            1 => Ended::Broken { reason },
            _ => Ended::Unreachable { reason },
        }
    };
    let never = tokio::time::timeout(seconds(1000.0), hold_all(vec![(), ()], hold)).await;
    assert!(never.is_err());
    let begun = begun.into_inner();
    assert_eq!(begun.len(), lasts.len() + 1);
    for (number, (lasts, pause)) in lasts.into_iter().enumerate() {
        let paused = (begun[number + 1] - begun[number]).as_secs_f64() - lasts;
        // Timers of tokio have steps of a millisecond.
        assert!(
            (pause..pause + 0.003).contains(&(paused + 1e-6)),
            "{number}: {paused}, not {pause}"
        );
    }
}

#[tokio::test]
async fn keys_are_never_shown() {
    let world = World::new();
    let control = world.control();
    let mut secret = cluster("c", 1);
    secret.tls = Some(wire::ServerCertificate {
        certificate_pem: "certificate".to_owned(),
        key_pem: "the key".to_owned(),
    });
    control.take(desired(4, [secret])).await.unwrap();
    let shown = format!("{control:?}");
    assert!(!shown.contains("the key") && shown.contains("generation: 4"), "{shown}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_hosted() {
    let world = World::new();
    let control = world.control();
    let node = world.node(1);
    let wanted = cluster("c", 1);
    // A folder cannot be replaced by a file.
    let in_the_way = world.folder.path().join("desired.new");
    std::fs::create_dir(&in_the_way).unwrap();
    while_applying(&control, &node, async {
        let ended = control.hear(stream::iter([down(desired(1, [wanted.clone()]))])).await;
        assert!(matches!(ended, Ended::Unkept(_)), "{ended}");
        assert_eq!((control.generation(), control.applied.borrow().generation), (0, 0));
        assert!(TcpStream::connect(address(&wanted)).await.is_err());
        // It is told again in the next session.
        std::fs::remove_dir(&in_the_way).unwrap();
        control.hear(stream::iter([down(desired(1, [wanted.clone()]))])).await;
        control.ready(&node).await;
        set(&wanted).await;
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_wanted_is_on_the_disk_before() {
    let world = World::new();
    let control = world.control();
    let mut wanted = control.told.wanted.subscribe();
    let told = Arc::clone(&control.told);
    let folder = world.folder.path().to_owned();
    let looks = tokio::spawn(async move {
        for _ in 0..20 {
            wanted.changed().await.unwrap();
            let wanted = wanted.borrow_and_update().as_ref().unwrap().generation;
            let on_disk = KeptDesired::open(&folder).unwrap().generation();
            assert!(on_disk >= wanted, "{on_disk} is on the disk, {wanted} is wanted");
            // The next one comes.
            drop(told.kept.lock().unwrap());
        }
    });
    let mut generation = 0;
    while !looks.is_finished() {
        generation += 1;
        control.take(desired(generation, [])).await.unwrap();
    }
    looks.await.unwrap();
}

#[tokio::test]
async fn a_session_that_ends_while_something_is_kept_loses_nothing() {
    let world = World::new();
    let control = world.control();
    {
        let taking = control.take(desired(1, []));
        tokio::pin!(taking);
        assert!(futures::poll!(&mut taking).is_pending());
    }
    let mut wanted = control.told.wanted.subscribe();
    soon(wanted.wait_for(Option::is_some)).await.unwrap();
    assert_eq!(control.take(desired(1, [])).await.unwrap(), Taken::Same);
}

#[tokio::test]
async fn a_node_introduces_itself_and_reports_what_changes_and_that_it_lives() {
    let world = World::new();
    let (node, control) = (world.node(1), world.control());
    let (mut good, mut bad) = (cluster("good", 1), cluster("bad", 2));
    bad.shards.clear();
    good.users[0].password_sha256 = None;
    let (ups, mut heard) = mpsc::channel(1);
    let test = async {
        let hello = heard.recv().await;
        let expected = wire::Hello {
            node: 1,
            process: 77,
            version: "0.1.0".to_owned(),
            zone: "a".to_owned(),
            host: "127.0.0.1".to_owned(),
            ports: [(7501, 7516), (7520, 7520)]
                .map(|(first, last)| wire::PortRange { first, last })
                .into(),
            memory_bytes: 1 << 30,
        };
        let message = Some(up::Message::Hello(expected));
        assert_eq!(hello, Some(Up { message }));
        assert_eq!(report(&mut heard).await, Report::default());
        control.take(desired(9, [good.clone(), bad])).await.unwrap();
        let is_primary = |report: &Report| {
            let standing = i32::from(wire::Standing::Primary);
            report.replicas.iter().any(|replica| replica.standing == standing)
        };
        let told = until(&mut heard, is_primary).await;
        assert_eq!(told.generation, 9);
        let [refusal] = &told.refusals[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            (refusal.stream, &*refusal.cluster, &*refusal.reason),
            (0, "bad", "there is no shard")
        );
        let [replica] = &told.replicas[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            (replica.stream, replica.epoch, replica.lsn),
            (good.shards[0].stream, 1, 0)
        );
        assert_ne!(replica.incarnation, 0);
        set(&good).await;
        let told = until(&mut heard, |report| report.replicas[0].keys == 1).await;
        assert_eq!(told.replicas[0].lsn, 1);
        assert!(told.replicas[0].memory_bytes > 0);
        // Also when nothing changes.
        for _ in 0..2 {
            report(&mut heard).await;
        }
        control.take(desired(10, [])).await.unwrap();
        until(&mut heard, |report| {
            report.generation == 10 && report.replicas.is_empty()
        })
        .await;
    };
    let telling = Box::pin(async {
        tokio::select! {
            () = control.tell(&node, &ups) => panic!("somebody listens"),
            () = test => {}
        }
    });
    while_applying(&control, &node, telling).await;
    drop(heard);
    soon(control.tell(&node, &ups)).await;
    node.stop().await;
}

async fn report(heard: &mut mpsc::Receiver<Up>) -> Report {
    match heard.recv().await.unwrap().message {
        Some(up::Message::Report(report)) => report,
        other => panic!("{other:?}"),
    }
}

async fn until(heard: &mut mpsc::Receiver<Up>, is_so: impl Fn(&Report) -> bool) -> Report {
    loop {
        let report = report(heard).await;
        if is_so(&report) {
            return report;
        }
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_be_used_stays_as_it_was_and_a_refused_port_is_tried_again() {
    let world = World::new();
    let (node, control) = (world.node(1), world.control());
    let (served, blocked) = (cluster("served", 1), cluster("blocked", 2));
    let taken = TcpListener::bind(address(&blocked)).unwrap();
    while_applying(&control, &node, async {
        control.take(desired(1, [served.clone()])).await.unwrap();
        control.ready(&node).await;
        let mut peer = Peer(TcpStream::connect(address(&served)).await.unwrap());
        peer.ask("SET k v", "+OK\r\n").await;
        let mut unusable = served.clone();
        unusable.limits = None;
        control.take(desired(2, [unusable, blocked.clone()])).await.unwrap();
        let mut applied = control.applied.subscribe();
        let refused = |applied: &Applied| applied.generation == 2 && applied.refused.len() == 2;
        applied.wait_for(refused).await.unwrap();
        control.ready(&node).await;
        peer.ask("GET k", "$1\r\nv\r\n").await;
        drop(taken);
        applied.wait_for(|applied| applied.refused.len() == 1).await.unwrap();
        control.ready(&node).await;
        set(&blocked).await;
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn who_cannot_be_reached_is_tried_again_and_so_is_the_next() {
    let world = World::new();
    let (node, control) = (world.node(1), world.control());
    // They take connections, and say nothing that can be understood.
    let mut listeners = Vec::new();
    let mut channels = Vec::new();
    for _ in 0..2 {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        channels.push(
            Channel::from_shared(format!("http://{address}"))
                .unwrap()
                .connect_lazy(),
        );
        listeners.push(listener);
    }
    let called = async {
        for listener in listeners.iter().chain(&listeners) {
            drop(listener.accept().await.unwrap());
        }
    };
    soon(async {
        tokio::select! {
            never = control.run(&node, channels) => match never {},
            () = called => {}
        }
    })
    .await;
    node.stop().await;
}
