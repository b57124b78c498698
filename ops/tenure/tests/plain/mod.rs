//! One shard without TLS, a password or replicas, on real log nodes: what another server is compared with.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use tempfile::TempDir;
use tenure_devcluster::{ClusterOptions, DataNodes, DataNodesOptions, LogNodes, LogNodesOptions};

/// It runs for as long as this is held.
pub(crate) struct PlainShard {
    pub(crate) address: SocketAddr,
    // Fields are dropped in this order: who writes to the log goes before it, and the folder last.
    _data: DataNodes,
    _log: LogNodes,
    _folder: TempDir,
}

impl PlainShard {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = env!("CARGO_BIN_EXE_tenure");
        let log = LogNodes::start(LogNodesOptions::new(binary, folder.path()))
            .await
            .unwrap();
        let mut options = DataNodesOptions::new(binary, folder.path(), &log);
        options.count = 1;
        options.clusters = vec![ClusterOptions {
            tls: false,
            replicas: 0,
            ..ClusterOptions::new(0x7e57, None)
        }];
        let data = DataNodes::start(options).await.unwrap();
        Self {
            address: data.cluster("demo").unwrap().shards[0].replicas[0].address,
            _data: data,
            _log: log,
            _folder: folder,
        }
    }
}
