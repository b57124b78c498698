//! A cluster of real processes: a log quorum, data nodes on it, and a client of them.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod load;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use redis::TlsCertificates;
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use tempfile::TempDir;
use tenure_devcluster::{ClusterOptions, DataNodes, DataNodesOptions, LogNodes, LogNodesOptions};
use tenure_log::{Log, Ownership};
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_types::{Epoch, Incarnation, NodeId, StreamId};

const PASSWORD: &str = "a password";
/// Longest wait for a state.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How long one node is waited for when all are tried in turn.
const PROBE_WITHIN: Duration = Duration::from_millis(500);

/// See the top of the file.
pub(crate) struct Shards {
    pub(crate) log: LogNodes,
    pub(crate) data: DataNodes,
    folder: TempDir,
}

impl Shards {
    /// So many shards on one data node, without replicas.
    pub(crate) async fn start(shards: u16) -> Self {
        Self::start_with(shards, 1, 0).await
    }

    pub(crate) async fn start_with(shards: u16, data_nodes: u16, replicas: u16) -> Self {
        Self::start_adjusted(shards, data_nodes, replicas, |_| {}).await
    }

    /// As [`start_with`](Self::start_with), but for what is changed of the data nodes.
    pub(crate) async fn start_adjusted(
        shards: u16,
        data_nodes: u16,
        replicas: u16,
        adjust: impl FnOnce(&mut DataNodesOptions),
    ) -> Self {
        let cluster = ClusterOptions {
            shards,
            replicas,
            ..ClusterOptions::new(0x7e57, Some(PASSWORD.to_owned()))
        };
        let folder = tempfile::tempdir().unwrap();
        let binary = env!("CARGO_BIN_EXE_tenure");
        let log = LogNodes::start(LogNodesOptions::new(binary, folder.path()))
            .await
            .unwrap();
        let mut options = DataNodesOptions::new(binary, folder.path(), &log);
        options.count = data_nodes;
        options.clusters = vec![cluster];
        adjust(&mut options);
        let data = DataNodes::start(options).await.unwrap();
        Self { log, data, folder }
    }

    /// A client that finds its way by itself.
    pub(crate) async fn client(&self) -> ClusterConnection {
        self.client_with(|builder| builder).await
    }

    /// A client that never sends a command twice.
    pub(crate) async fn client_without_retries(&self) -> ClusterConnection {
        self.client_with(|builder| builder.retries(0)).await
    }

    async fn client_with(&self, set: impl Fn(ClusterClientBuilder) -> ClusterClientBuilder) -> ClusterConnection {
        let cluster = self.data.cluster("demo").unwrap();
        let addresses = cluster.shards.iter().flat_map(|shard| &shard.replicas);
        let urls: Vec<_> = addresses
            .map(|replica| self.url(&replica.address.to_string()))
            .collect();
        let builder = ClusterClientBuilder::new(urls)
            .certs(self.certificates())
            .response_timeout(Duration::from_secs(5))
            .connection_timeout(Duration::from_secs(5));
        let client: ClusterClient = set(builder).build().unwrap();
        let connecting = async {
            loop {
                match client.get_async_connection().await {
                    Ok(connection) => return connection,
                    Err(_) => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                }
            }
        };
        tokio::time::timeout(WITHIN, connecting)
            .await
            .expect("a connection in time")
    }

    /// A connection to one replica of the first shard: 0 is its first primary.
    pub(crate) async fn connection_to(&self, replica: usize) -> MultiplexedConnection {
        self.try_connection_to(replica).await.unwrap()
    }

    /// The same, which may fail.
    pub(crate) async fn try_connection_to(&self, replica: usize) -> redis::RedisResult<MultiplexedConnection> {
        let cluster = self.data.cluster("demo").unwrap();
        let address = cluster.shards[0].replicas[replica].address;
        self.client_of(address).get_multiplexed_async_connection().await
    }

    /// A client of one address.
    pub(crate) fn client_of(&self, address: SocketAddr) -> redis::Client {
        redis::Client::build_with_tls(self.url(&address.to_string()), self.certificates()).unwrap()
    }

    /// Where the first shard lies: each node, and where clients reach it.
    pub(crate) fn addresses(&self) -> Vec<(NodeId, SocketAddr)> {
        let shard = &self.data.cluster("demo").unwrap().shards[0];
        shard
            .replicas
            .iter()
            .map(|replica| (replica.node, replica.address))
            .collect()
    }

    /// What a node has in a key, be it as a replica; `None` also if it does not say.
    pub(crate) async fn read_at(&self, node: NodeId, key: &str) -> Option<String> {
        let (_, address) = self.addresses().into_iter().find(|(other, _)| *other == node)?;
        let connecting = self.client_of(address);
        let mut connection = connecting.get_multiplexed_async_connection().await.ok()?;
        redis::cmd("READONLY").query_async::<()>(&mut connection).await.ok()?;
        redis::cmd("GET").arg(key).query_async(&mut connection).await.ok()?
    }

    fn url(&self, address: &str) -> String {
        format!("rediss://default:{}@{address}", PASSWORD.replace(' ', "%20"))
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates {
            client_tls: None,
            root_cert: Some(self.log.authority().certificate_pem().as_bytes().to_vec()),
        }
    }

    /// Who leads the log group.
    pub(crate) async fn log_leader(&self) -> NodeId {
        crate::quorum::leader(&self.log_client() as &dyn Log, |_| true).await
    }

    /// The stream of the first shard.
    pub(crate) fn stream(&self) -> StreamId {
        self.data.cluster("demo").unwrap().shards[0].stream
    }

    /// Which life of the first shard's image a data node has said that it follows with.
    pub(crate) fn life_of(&self, node: NodeId) -> Incarnation {
        let said = self.said(node);
        let (_, life) = said.rsplit_once("incarnation=").unwrap();
        let life = life.split_whitespace().next().unwrap();
        Incarnation::new(u64::from_str_radix(life, 16).unwrap()).unwrap()
    }

    /// Whether this is what is read there.
    pub(crate) async fn reads(&self, connection: &mut MultiplexedConnection, value: &str) -> bool {
        let read: redis::RedisResult<String> = redis::cmd("GET").arg("k").query_async(connection).await;
        read.is_ok_and(|read| read == value)
    }

    /// The epoch of the first shard, and who owns it.
    pub(crate) async fn owner(&self) -> (Epoch, NodeId) {
        let current = self.ownership(&self.log_client()).await;
        (current.epoch, current.owner.node)
    }

    /// The same, and more, by a client of the log that is there already.
    pub(crate) async fn ownership(&self, log: &dyn Log) -> Ownership {
        let stream = self.stream();
        let described = async {
            loop {
                let answer = log.describe(vec![stream]).next().await.unwrap();
                if let Ok(Some(status)) = answer.outcome
                    && let Some(current) = status.description.ownership
                {
                    return current;
                }
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, described).await.expect("the log answers")
    }

    /// Who owns the first shard in an epoch after this one.
    pub(crate) async fn owner_after(&self, epoch: Epoch) -> NodeId {
        let taken = async {
            loop {
                let (current, owner) = self.owner().await;
                if current > epoch {
                    return owner;
                }
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, taken)
            .await
            .expect("another owns the shard")
    }

    /// Waits until a node follows another: it answers READONLY clients, and no others.
    pub(crate) async fn until_it_follows(&self, node: NodeId) {
        let follows = async {
            loop {
                let address = self
                    .addresses()
                    .into_iter()
                    .find(|(other, _)| *other == node)
                    .unwrap()
                    .1;
                if let Ok(mut connection) = self.client_of(address).get_multiplexed_async_connection().await {
                    let role: redis::RedisResult<Vec<redis::Value>> =
                        redis::cmd("ROLE").query_async(&mut connection).await;
                    let name = role
                        .ok()
                        .and_then(|role| redis::from_redis_value::<String>(role.first()?.clone()).ok());
                    if name.as_deref() == Some("slave") && self.read_at(node, "k").await.is_some() {
                        return;
                    }
                }
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, follows).await.expect("the node follows");
    }

    /// Tries every node of the first shard in turn, without the pauses that clients make.
    pub(crate) async fn until_a_write_is_acknowledged(&self) {
        let acknowledged = async {
            for replica in (0..self.data.cluster("demo").unwrap().shards[0].replicas.len()).cycle() {
                let write = async {
                    let mut connection = self.try_connection_to(replica).await?;
                    let set = redis::cmd("SET").arg("probe").arg("v").to_owned();
                    set.query_async::<()>(&mut connection).await
                };
                if let Ok(Ok(())) = tokio::time::timeout(PROBE_WITHIN, write).await {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN_AFTER / 4).await;
            }
        };
        tokio::time::timeout(WITHIN, acknowledged).await.expect("writes go on");
    }

    /// A client of the log, beside the data nodes'.
    pub(crate) fn log_client(&self) -> QuorumLog {
        let credentials = self.log.authority().data_node(NodeId::new(99)).unwrap();
        let patience = Patience {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(1),
        };
        let transport = Transport::new(Arc::new(TcpDial), Some(credentials), patience);
        let nodes = self.log.addresses().into_iter().map(|(id, address)| NodeAddress {
            id,
            address: address.to_string(),
        });
        let runtime = tokio::runtime::Handle::current();
        QuorumLog::new(transport, nodes.collect(), ClientOptions::default(), &runtime).unwrap()
    }

    /// Waits until the first shard says that it cannot reach its log.
    pub(crate) async fn until_lapsed(&self) {
        let mut connection = self.connection_to(0).await;
        let lapsed = async {
            loop {
                let answer: redis::RedisResult<Option<String>> = redis::cmd("GET")
                    .arg("nobody writes this")
                    .query_async(&mut connection)
                    .await;
                match answer {
                    Err(error) if error.code() == Some("CLUSTERDOWN") => return,
                    Ok(_) | Err(_) => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                }
            }
        };
        tokio::time::timeout(WITHIN, lapsed).await.expect("the lease ends");
    }

    /// As a power cut does it, but for the page cache.
    pub(crate) async fn kill_everything(&self) {
        let (log, data) = tokio::join!(self.log.kill_all(), self.data.kill_all());
        log.unwrap();
        data.unwrap();
    }

    pub(crate) async fn start_everything(&mut self) {
        self.log.launch_all().unwrap();
        self.data.launch_all().unwrap();
        self.log.wait_all_ready().await.unwrap();
        self.data.wait_all_ready().await.unwrap();
    }

    /// What a data node has logged in its newest run.
    pub(crate) fn said(&self, node: NodeId) -> String {
        std::fs::read_to_string(self.data.process(node).unwrap().output()).unwrap()
    }

    /// How many epochs a data node took in its newest run.
    pub(crate) fn epochs_taken(&self, node: NodeId) -> usize {
        self.said(node).matches("owning an epoch").count()
    }

    /// Where everything lies.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}
