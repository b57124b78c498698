//! The processes of one `tenure dev`.
//! Promises: what was started is gone when this value is dropped. The end goes from the data nodes to the log, so that
//! each primary can still give its epoch up. Leaves to `supervisor`: what happens between.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tenure_devcluster::{
    Authority, ClusterOptions, DataNodes, DataNodesOptions, Fleet, LogNodes, LogNodesOptions, PortInUse, Ports,
};
use tenure_server::ClusterLimits;

use super::folder::Folder;
use super::kept::{Kept, Shape};
use super::primaries::Primaries;
use super::say;
use crate::commands::server_data::LEASE_FAST;
use crate::failure::{DEFECT, Failure, OrHint};

/// The name of the one cluster, and of its tenant.
pub(super) const DEMO: &str = "demo";
/// Where the log stops granting credit: what `tenure server log` takes.
const LOG_CAP_BYTES: u64 = 8 << 30;
/// A little longer than a data node takes at most.
const STOP_DATA_WITHIN: Duration = Duration::from_secs(12);
const STOP_LOG_WITHIN: Duration = Duration::from_secs(10);

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Platform {
    // Dropped in this order.
    pub(super) data: DataNodes,
    pub(super) log: LogNodes,
    /// As far as the log has told.
    pub(super) primaries: Primaries,
}

impl Platform {
    /// Starts all processes, and returns when every one of them serves.
    pub(super) async fn start(folder: &Folder, kept: &Kept) -> Result<Self, Failure> {
        let binary = env::current_exe()
            .context("could not find this program's own file")
            .or_hint(DEFECT)?;
        let authority = Authority::kept_in(folder.path());
        let authority = Arc::new(authority.or_hint("check the folder of --data-dir and its disk")?);
        let mut options = LogNodesOptions::new(&binary, folder.path());
        options.count = u64::from(kept.shape.log_nodes);
        options.ports = Ports::From(kept.shape.log_port());
        options.authority = Some(authority);
        options.links = false;
        // A new leader that cannot know better waits for the longest lease there can be.
        options.lease_max = Some(LEASE_FAST);
        options.cap_bytes = LOG_CAP_BYTES;
        let mut log = LogNodes::prepare(options).await.map_err(not_prepared)?;
        let mut options = DataNodesOptions::new(&binary, folder.path(), &log);
        options.count = kept.shape.data_nodes;
        options.ports = Ports::From(kept.shape.data_port());
        options.clusters = vec![cluster(kept)];
        let mut data = DataNodes::prepare(options).await.map_err(not_prepared)?;
        log.launch_all().or_hint(DEFECT)?;
        data.launch_all().or_hint(DEFECT)?;
        let served = tokio::try_join!(log.wait_all_ready(), data.wait_all_ready());
        served.or_hint(format!("see output.log of that process in {}", folder.path().display()))?;
        Ok(Self {
            data,
            log,
            primaries: Primaries::default(),
        })
    }

    /// All processes by their role.
    pub(super) fn fleets(&self) -> [&Fleet; 2] {
        [&self.log, &self.data]
    }

    /// Ends all processes. Those that do not end in time are named and killed.
    pub(super) async fn stop(&self) {
        let [log, data] = self.fleets();
        for (fleet, within) in [(data, STOP_DATA_WITHIN), (log, STOP_LOG_WITHIN)] {
            match fleet.stop_all(within).await {
                Ok(late) => late.iter().for_each(|late| say(&format!("killed: {late}"))),
                Err(error) => say(&format!("could not end the {} nodes: {error:#}", fleet.role())),
            }
        }
    }
}

/// Whether all ports are free.
pub(super) async fn check_ports(shape: &Shape) -> Result<(), Failure> {
    let log = (1..=shape.log_nodes).map(|number| format!("log-{number}"));
    let claims = async {
        let log = Ports::From(shape.log_port()).claim(log).await?;
        let data = Ports::From(shape.data_port()).claim(shape.placement().ports()).await?;
        anyhow::Ok((log, data))
    };
    claims.await.map(|_| ()).map_err(not_prepared)
}

fn cluster(kept: &Kept) -> ClusterOptions {
    let shape = kept.shape;
    ClusterOptions {
        limits: ClusterLimits {
            memory_bytes_max: shape.shard_memory_bytes(),
            ..ClusterLimits::default()
        },
        tls: shape.tls,
        shards: shape.shards,
        replicas: shape.replicas,
        name: DEMO.to_owned(),
        ..ClusterOptions::new(kept.seed, Some(kept.password.clone()))
    }
}

fn not_prepared(error: anyhow::Error) -> Failure {
    let hint = match error.downcast_ref::<PortInUse>() {
        Some(_) => "end the process that uses it, or choose other ports: --base-port PORT",
        None => "check the folder of --data-dir and its disk",
    };
    Failure::new(error, hint)
}
