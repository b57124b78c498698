//! A cluster of real processes: a log quorum, data nodes on it, and a client of them.

pub(crate) mod load;

use std::time::Duration;

use redis::TlsCertificates;
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use tempfile::TempDir;
use tenure_devcluster::{ClusterOptions, DataNodes, DataNodesOptions, LogNodes, LogNodesOptions};
use tenure_log::Log;
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_types::NodeId;

const PASSWORD: &str = "a password";
const WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

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
        let cluster = ClusterOptions {
            shards,
            replicas,
            ..ClusterOptions::new(0x7e57, Some(PASSWORD.to_owned()))
        };
        Self::start_cluster(cluster, data_nodes).await
    }

    async fn start_cluster(cluster: ClusterOptions, data_nodes: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = env!("CARGO_BIN_EXE_tenure");
        let log = LogNodes::start(LogNodesOptions::new(binary, folder.path()))
            .await
            .unwrap();
        let mut options = DataNodesOptions::new(binary, folder.path(), &log);
        options.count = data_nodes;
        options.clusters = vec![cluster];
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

    /// A connection to one replica of the first shard: 0 is its primary.
    pub(crate) async fn connection_to(&self, replica: usize) -> MultiplexedConnection {
        let cluster = self.data.cluster("demo").unwrap();
        let address = cluster.shards[0].replicas[replica].address;
        let client = redis::Client::build_with_tls(self.url(&address.to_string()), self.certificates()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
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
        let credentials = self.log.authority().data_node(NodeId::new(99)).unwrap();
        let patience = Patience {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(1),
        };
        let transport = Transport::new(std::sync::Arc::new(TcpDial), Some(credentials), patience);
        let nodes = self.log.addresses().into_iter().map(|(id, address)| NodeAddress {
            id,
            address: address.to_string(),
        });
        let runtime = tokio::runtime::Handle::current();
        let log = QuorumLog::new(transport, nodes.collect(), ClientOptions::default(), &runtime).unwrap();
        crate::quorum::leader(&log as &dyn Log, |_| true).await
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
    #[allow(dead_code, reason = "for whoever looks into a failing test")]
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}
