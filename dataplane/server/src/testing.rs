//! A replica with a listener and a log, and peers that speak to it. For the tests of connections and listeners.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod gate;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tenure_log::{Create, Log, ManualClock, MemoryLog, MemoryOptions};
use tenure_types::{GroupId, LeaseLength, NodeId, StreamId, TenantId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};

use crate::client::{Client, ClientIds};
use crate::connection::{Buffers, Connection};
use crate::layout::{ClusterLayout, ClusterLimits, ReplicaLayout, ShardLayout, SlotRange, User};
use crate::listener::{Listener, Shown};
use crate::plugin::Plugins;
use crate::replica::{Replica, ReplicaParts, Replicas, Standing, live, observe_all, renew_once};
use crate::table::Table;
use crate::topology::Topology;
use gate::GatedLog;

/// Past it a test hangs, and says where.
const DEADLINE: Duration = Duration::from_secs(20);

/// Where other shards are: nobody connects there.
pub(crate) const ELSEWHERE: &str = "127.0.0.1:7001";

/// A listener that runs.
pub(crate) struct Served {
    pub(crate) replica: Rc<Replica>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    pub(crate) buffers: Rc<Buffers>,
    log: GatedLog,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The lease of its epochs.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// Runs a test as a worker runs its connections.
pub(crate) async fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new()
        .run_until(tokio::time::timeout(DEADLINE, test))
        .await
        .unwrap()
}

/// One shard with all slots, open to everybody.
pub(crate) fn cluster() -> ClusterLayout {
    let user = User {
        name: "default".to_owned(),
        password_sha256: None,
    };
    ClusterLayout {
        name: "c".to_owned(),
        tenant: TenantId::new(1),
        seed: 1,
        users: vec![user],
        limits: ClusterLimits::default(),
        tls: None,
        shards: vec![shard("0001", 1, 0, 16_383)],
        plugins: Vec::new(),
    }
}

/// Two shards; the second one is elsewhere.
pub(crate) fn two_shards() -> ClusterLayout {
    let shards = vec![shard("0001", 1, 0, 8_191), shard("0002", 2, 8_192, 16_383)];
    ClusterLayout { shards, ..cluster() }
}

fn shard(name: &str, node: u64, first: u16, last: u16) -> ShardLayout {
    let stream = StreamId::new(GroupId::new(1), u32::try_from(node).unwrap());
    let node = NodeId::new(node);
    ShardLayout {
        name: name.to_owned(),
        stream,
        slots: vec![SlotRange { first, last }],
        primary: node,
        replicas: vec![ReplicaLayout {
            node,
            address: ELSEWHERE.parse().unwrap(),
        }],
        give_up: None,
    }
}

/// Serves a cluster's first shard, as node 1. If that is its primary, it is when this returns.
pub(crate) async fn serve(cluster: ClusterLayout) -> Served {
    serve_with(cluster, None).await
}

pub(crate) async fn serve_with(cluster: ClusterLayout, tls: Option<Arc<ServerConfig>>) -> Served {
    let served = serve_loading(cluster, tls).await;
    // A replica waits until there is a stream; its primary would make it.
    let create = Create {
        stream: served.replica.cluster().shards[0].stream,
        tenant: served.replica.cluster().tenant,
        restore_window: false,
    };
    served.log.create(create).await.unwrap();
    tokio::task::spawn_local(live(Rc::clone(&served.replica), served.log.never()));
    let log: Arc<dyn Log> = Arc::new(served.log.clone());
    let observing = observe_all(
        log,
        Replicas::of(vec![Rc::clone(&served.replica)]),
        Duration::from_millis(1),
    );
    tokio::task::spawn_local(observing);
    let is_primary = served.replica.cluster().shards[0].primary == served.replica.node();
    let becomes = if is_primary {
        Standing::Primary
    } else {
        Standing::Replica
    };
    until(|| served.replica.standing() == becomes).await;
    served
}

/// The same, but nothing is loaded ever.
pub(crate) async fn serve_loading(cluster: ClusterLayout, tls: Option<Arc<ServerConfig>>) -> Served {
    let clock = Arc::new(ManualClock::new());
    let log = GatedLog::new(MemoryLog::new(Arc::clone(&clock) as _, MemoryOptions::default()));
    let replica = Replica::new(ReplicaParts {
        node: NodeId::new(1),
        shard: cluster.shards[0].clone(),
        plugins: Plugins::of(&cluster),
        topology: Topology::new(cluster),
        clock: Arc::clone(&clock) as _,
        log: Arc::new(log.clone()),
        lease: LeaseLength::from_millis(LEASE.as_millis().try_into().unwrap()).unwrap(),
        durable_copies: 2,
        seed: 1,
        news: Rc::default(),
    });
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let buffers = Rc::<Buffers>::default();
    let listener = Listener {
        replica: Rc::clone(&replica),
        table: Rc::new(Table::for_tests()),
        buffers: Rc::clone(&buffers),
        ids: Arc::new(ClientIds::new()),
        shown: Rc::new(Shown::new(tls)),
    };
    let (stop, stopped) = watch::channel(false);
    let task = tokio::task::spawn_local(listener.serve(socket, stopped));
    Served {
        replica,
        clock,
        address,
        buffers,
        log,
        stop,
        task,
    }
}

impl Served {
    /// Renews the lease, as the worker does.
    pub(crate) async fn renew(&self) {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        renew_once(&log, &[Rc::clone(&self.replica)]).await;
    }

    /// From now on the log gives no verdicts.
    pub(crate) fn hold(&self) {
        self.log.close();
    }

    /// It gives those that it held back, and goes on.
    pub(crate) fn release(&self) {
        self.log.open();
    }

    pub(crate) async fn connect(&self) -> Peer<TcpStream> {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    /// A connection whose socket holds little, to be run by the test.
    pub(crate) fn connect_in_memory(&self) -> (DuplexStream, Connection<DuplexStream>) {
        const SOCKET_BYTES: usize = 1024;
        let now = self.replica.clock().boot();
        let client = Client::new(77, self.address, self.address, now);
        let (theirs, ours) = duplex(SOCKET_BYTES);
        let (table, buffers) = (Rc::new(Table::for_tests()), Rc::clone(&self.buffers));
        let connection = Connection::new(ours, client, Rc::clone(&self.replica), table, buffers);
        (theirs, connection)
    }

    /// What `t.park` waits for is there.
    pub(crate) fn let_parked_go(&self, client: &Client) {
        client.shown.borrow_mut().library_name = b"go".to_vec();
    }

    /// Tells the listener to stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has.
    pub(crate) async fn stopped(self) {
        self.task.await.unwrap();
    }

    /// The newest connection.
    pub(crate) fn newest_client(&self) -> Rc<Client> {
        self.replica.clients.list().pop().unwrap()
    }
}

/// Waits for a state.
pub(crate) async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// A client.
pub(crate) struct Peer<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Sends one request.
    pub(crate) async fn request(&mut self, words: &str) {
        self.send(request(words)).await;
    }

    /// Reads exactly this.
    pub(crate) async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let expected = bytes.as_ref();
        let mut read = Vec::new();
        while read.len() < expected.len() && expected.starts_with(&read) {
            let mut byte = [0; 4096];
            let room = byte.len().min(expected.len() - read.len());
            let count = self.0.read(&mut byte[..room]).await.unwrap();
            read.extend_from_slice(&byte[..count]);
            if count == 0 {
                break;
            }
        }
        let show = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        assert!(read == expected, "read {:?}, not {:?}", show(&read), show(expected));
    }

    /// Reads up to and with these bytes.
    pub(crate) async fn skip_until(&mut self, bytes: &str) {
        let mut read = Vec::new();
        while !read.ends_with(bytes.as_bytes()) {
            read.push(self.0.read_u8().await.unwrap());
        }
    }

    /// Sends one request, reads its reply.
    pub(crate) async fn ask(&mut self, words: &str, reply: &str) {
        self.request(words).await;
        self.expect(reply).await;
    }

    /// Reads until the end, which must come.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end as well: the peer left something unread.
        let _ = self.0.read_to_end(&mut rest).await;
        rest
    }

    /// The connection ends, and nothing comes before.
    pub(crate) async fn expect_end(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}

/// Words, separated by blanks, as a client sends them.
pub(crate) fn request(words: &str) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}
