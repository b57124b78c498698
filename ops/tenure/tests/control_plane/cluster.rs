//! A cluster that was made, as its clients know it: addresses, password, authority.

use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, RedisResult, TlsCertificates, cmd, pipe};
use tenure_admin::ClusterChange;

use super::{WITHIN, until};

const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Requests that are sent at once, and how many such are under way.
pub(crate) const BATCH: usize = 100;
const BATCHES: usize = 8;

/// See the top of the file.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) addresses: Vec<SocketAddr>,
    password: String,
    ca_pem: String,
}

impl Cluster {
    pub(crate) fn new(made: &ClusterChange, password: String) -> Self {
        let replicas = made.shards.iter().flat_map(|shard| &shard.replicas);
        Self {
            addresses: replicas.map(|replica| replica.address.parse().unwrap()).collect(),
            password,
            ca_pem: made.cluster.ca_pem.clone().unwrap(),
        }
    }

    /// A client that finds its way by itself, among what was told of addresses last.
    pub(crate) async fn client(&self) -> ClusterConnection {
        let urls: Vec<_> = self.addresses.iter().map(|address| self.url(*address)).collect();
        let builder = ClusterClientBuilder::new(urls)
            .certs(self.certificates())
            .response_timeout(ANSWER_WITHIN)
            .connection_timeout(ANSWER_WITHIN);
        let client = builder.build().unwrap();
        until("a client finds the cluster", async || {
            client.get_async_connection().await.ok()
        })
        .await
    }

    /// A connection to one node.
    pub(crate) async fn connection_to(&self, address: SocketAddr) -> RedisResult<MultiplexedConnection> {
        let client = redis::Client::build_with_tls(self.url(address), self.certificates())?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Whether nobody listens at any of its addresses.
    pub(crate) async fn is_closed(&self) -> bool {
        let tries = self.addresses.iter().map(|address| is_closed(*address));
        futures::future::join_all(tries)
            .await
            .into_iter()
            .all(|is_closed| is_closed)
    }

    fn url(&self, address: SocketAddr) -> String {
        format!("rediss://default:{}@{address}", self.password)
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates {
            client_tls: None,
            root_cert: Some(self.ca_pem.clone().into_bytes()),
        }
    }
}

/// Whether connecting is refused.
pub(crate) async fn is_closed(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_err()
}

/// Keys with values of their own: a name tells the value. Each batch is in one slot.
pub(crate) async fn write_keys(client: &ClusterConnection, batches: std::ops::Range<usize>) {
    let write = |batch: usize| {
        let mut client = client.clone();
        async move {
            let mut request = pipe();
            for number in 0..BATCH {
                request.set(key(batch, number), value(batch, number)).ignore();
            }
            request.query_async::<()>(&mut client).await
        }
    };
    let writes = stream::iter(batches).map(write).buffer_unordered(BATCHES);
    let written = tokio::time::timeout(WITHIN, writes.try_collect::<Vec<()>>()).await;
    written.expect("writes end").unwrap();
}

/// Holds what is read against what was written.
pub(crate) async fn check_keys<C>(client: &C, batches: impl IntoIterator<Item = usize>)
where
    C: ConnectionLike + Clone,
{
    let read = |batch: usize| {
        let mut client = client.clone();
        async move {
            let mut request = pipe();
            (0..BATCH).for_each(|number| _ = request.get(key(batch, number)));
            let found: Vec<Option<String>> = request.query_async(&mut client).await?;
            let written = (0..BATCH).map(|number| Some(value(batch, number)));
            assert!(written.eq(found), "batch {batch} is not what was written");
            RedisResult::Ok(())
        }
    };
    let reads = stream::iter(batches).map(read).buffer_unordered(BATCHES);
    let read = tokio::time::timeout(WITHIN, reads.try_collect::<Vec<()>>()).await;
    read.expect("reads end").unwrap();
}

/// A connection on which a replica answers reads.
pub(crate) async fn read_only(cluster: &Cluster, address: SocketAddr) -> MultiplexedConnection {
    until("a replica answers READONLY", async || {
        let mut connection = cluster.connection_to(address).await.ok()?;
        cmd("READONLY").query_async::<()>(&mut connection).await.ok()?;
        Some(connection)
    })
    .await
}

/// What all keys of a batch hash to.
pub(crate) fn slot(batch: usize) -> u16 {
    tenure_engine::key_slot(key(batch, 0).as_bytes()).get()
}

fn key(batch: usize, number: usize) -> String {
    format!("{{batch {batch}}} {number}")
}

fn value(batch: usize, number: usize) -> String {
    format!("value {number} of {batch}")
}
