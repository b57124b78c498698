//! A quorum of real processes for the tests, with a proxy between its callers and every node.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod owner;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tenure_devcluster::{Direction, Flow, LogNodes, LogNodesOptions, Proxy};
use tenure_log::Log;
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_log_storage::QuorumId;
use tenure_types::{Incarnation, LeaseLength, NodeId};
use tokio::sync::Mutex as AsyncMutex;

/// L_max of the quorums in tests: rules wait for it by the clock of the machine.
pub(crate) const LEASE_MAX_MILLIS: u32 = 1000;

/// How long a call of a test's client may take.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(3);

/// Longest wait for a state.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs a test.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

/// See the top of the file.
pub(crate) struct Quorum {
    pub(crate) nodes: AsyncMutex<LogNodes>,
    proxies: Arc<BTreeMap<NodeId, Proxy>>,
    /// Ends a disturbance that is under way when another begins.
    disturbing: Mutex<Option<tokio::task::JoinHandle<()>>>,
    transport: Transport,
    folder: TempDir,
}

impl Quorum {
    /// Three nodes, serving.
    pub(crate) async fn start(adjust: impl FnOnce(&mut LogNodesOptions)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut options = LogNodesOptions::new(env!("CARGO_BIN_EXE_tenure"), folder.path());
        options.lease_max = LeaseLength::from_millis(LEASE_MAX_MILLIS);
        options.segment_bytes = Some(1 << 20);
        adjust(&mut options);
        let nodes = LogNodes::start(options).await.unwrap();
        let mut proxies = BTreeMap::new();
        for (node, address) in nodes.addresses() {
            proxies.insert(node, Proxy::start(address).await.unwrap());
        }
        let credentials = nodes.authority().data_node(NodeId::new(101)).unwrap();
        let patience = Patience {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(5),
        };
        Self {
            nodes: AsyncMutex::new(nodes),
            proxies: Arc::new(proxies),
            disturbing: Mutex::new(None),
            transport: Transport::new(Arc::new(TcpDial), Some(credentials), patience),
            folder,
        }
    }

    /// The quorum's id, and the life of a member, as its bootstrap file names them.
    pub(crate) fn bootstrapped(&self, node: NodeId) -> (QuorumId, Incarnation) {
        let file = std::fs::read_to_string(self.folder.path().join("bootstrap.toml")).unwrap();
        let file: toml::Table = file.parse().unwrap();
        let quorum = file["quorum"].as_str().unwrap().parse().unwrap();
        let members = file["members"].as_array().unwrap();
        let named = |member: &&toml::Value| member["node"].as_integer() == Some(i64::try_from(node.get()).unwrap());
        let incarnation = members.iter().find(named).unwrap()["incarnation"].as_str().unwrap();
        let incarnation = u64::from_str_radix(incarnation, 16).unwrap();
        (quorum, Incarnation::new(incarnation).unwrap())
    }

    /// A client that knows all nodes.
    pub(crate) fn client(&self) -> Arc<dyn Log> {
        self.client_of(self.proxies.keys().copied())
    }

    /// A client that knows these nodes.
    pub(crate) fn client_of(&self, nodes: impl IntoIterator<Item = NodeId>) -> Arc<dyn Log> {
        let peers = nodes
            .into_iter()
            .map(|id| NodeAddress {
                id,
                address: self.proxies[&id].address().to_string(),
            })
            .collect();
        let options = ClientOptions {
            call_deadline: CALL_DEADLINE,
            ..ClientOptions::default()
        };
        let runtime = tokio::runtime::Handle::current();
        Arc::new(QuorumLog::new(self.transport.clone(), peers, options, &runtime).unwrap())
    }

    /// For this long, bytes between callers and nodes that go this way have this fate.
    pub(crate) fn disturb(&self, direction: Direction, flow: Flow, lasting: Duration) {
        self.proxies.values().for_each(|proxy| proxy.set(direction, flow));
        let proxies = Arc::clone(&self.proxies);
        let ends = tokio::spawn(async move {
            tokio::time::sleep(lasting + lasting / 4).await;
            proxies.values().for_each(Proxy::heal);
        });
        if let Some(earlier) = self.disturbing.lock().unwrap().replace(ends) {
            earlier.abort();
        }
    }

    /// Resets every connection of callers, also one that is only about to be made: each node turns somebody away, or
    /// nobody comes.
    pub(crate) async fn cut_callers(&self) {
        let turned_away = self.proxies.values().map(|proxy| {
            proxy.refuse();
            let before = proxy.seen().refused;
            proxy.until(move |seen| seen.refused > before)
        });
        let turned_away = futures::future::join_all(turned_away);
        for proxy in self.proxies.values() {
            proxy.cut().await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), turned_away).await;
        self.proxies.values().for_each(Proxy::admit);
    }

    /// Kills the leader of group 0, waits for another, and starts the killed one again.
    pub(crate) async fn kill_leader(&self, log: &dyn Log) -> NodeId {
        let leader = leader(log, |_| true).await;
        let mut nodes = self.nodes.lock().await;
        nodes.kill(leader).await.unwrap();
        self::leader(log, |other| other != leader).await;
        nodes.restart(leader).await.unwrap();
        leader
    }
}

/// Waits until the log names a leader of group 0 that is wanted.
pub(crate) async fn leader(log: &dyn Log, wanted: impl Fn(NodeId) -> bool) -> NodeId {
    let named = async {
        loop {
            let status = log.status().await;
            let leader = status.ok().and_then(|status| status.groups.first()?.leader);
            match leader.filter(|leader| wanted(*leader)) {
                Some(leader) => return leader,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(WITHIN, named).await.expect("a leader in time")
}
