//! The processes of one `tenure dev`.
//! Promises: what was started is gone when this value is dropped. The end goes from the control plane over the data nodes to the
//! log, so that nobody thinks a node lost that only ends, and each primary can still give its epoch up. Leaves to `supervisor`: what happens between.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tenure_devcluster::{
    Authority, ControlNode, ControlNodeOptions, ControlledOptions, DataNodes, DataNodesOptions, Fleet, LogNodes,
    LogNodesOptions, PortInUse, Ports,
};
use tenure_server::{ClusterLayout, Layout};
use tokio::task::spawn_blocking;

use super::demo;
use super::folder::Folder;
use super::kept::{Kept, Shape};
use super::primaries::Primaries;
use super::say;
use crate::api_client::ApiClient;
use crate::commands::server_data::LEASE_FAST;
use crate::failure::{DEFECT, Failure, OrHint};

/// The name of the one cluster, and of its tenant.
pub(super) const DEMO: &str = "demo";
/// Where the log stops granting credit: what `tenure server log` takes.
const LOG_CAP_BYTES: u64 = 8 << 30;
/// A little longer than a data node takes at most.
const STOP_DATA_WITHIN: Duration = Duration::from_secs(12);
const STOP_LOG_WITHIN: Duration = Duration::from_secs(10);
const STOP_CONTROL_WITHIN: Duration = Duration::from_secs(10);

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Platform {
    // Dropped in this order.
    pub(super) data: DataNodes,
    pub(super) control: ControlNode,
    pub(super) log: LogNodes,
    /// Where the shards are, as the control plane told last.
    pub(super) layout: Layout,
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
        let [control_metrics, log_metrics, data_metrics] = kept.shape.metrics_ports().map(Ports::From);
        options.metrics = Some(log_metrics);
        options.authority = Some(authority);
        options.links = false;
        // A new leader that cannot know better waits for the longest lease there can be.
        options.lease_max = Some(LEASE_FAST);
        options.cap_bytes = LOG_CAP_BYTES;
        let mut log = LogNodes::prepare(options).await.map_err(not_prepared)?;
        let mut options = ControlNodeOptions::new(&binary, folder.path(), &log);
        options.ports = Ports::From(kept.shape.base_port);
        options.metrics = Some(control_metrics);
        let mut control = ControlNode::prepare(options).await.map_err(not_prepared)?;
        let mut options = DataNodesOptions::new(&binary, folder.path(), &log);
        options.count = kept.shape.data_nodes;
        options.ports = Ports::From(kept.shape.data_port());
        options.metrics = Some(data_metrics);
        options.control = Some(ControlledOptions {
            address: control.nodes_port(),
            ports_per_node: kept.shape.ports_per_node(),
        });
        let mut data = DataNodes::prepare(options).await.map_err(not_prepared)?;
        log.launch_all().or_hint(DEFECT)?;
        control.launch_all().or_hint(DEFECT)?;
        data.launch_all().or_hint(DEFECT)?;
        let output = format!("see output.log of that process in {}", folder.path().display());
        let served = tokio::try_join!(log.wait_all_ready(), control.wait_all_ready());
        served.or_hint(&output)?;
        let (api, made) = (client(&control)?, kept.clone());
        let layout = spawn_blocking(move || demo::make(&api, &made).and_then(|()| demo::layout(&api, &made)));
        let layout = layout.await.or_hint(DEFECT)??;
        data.wait_all_ready().await.or_hint(&output)?;
        Ok(Self {
            data,
            control,
            log,
            layout: Layout { clusters: vec![layout] },
            primaries: Primaries::default(),
        })
    }

    /// Takes what the control plane told of the cluster. Tells whether something is where it was not before.
    pub(super) fn learn(&mut self, cluster: ClusterLayout) -> bool {
        let told = vec![cluster];
        let is_news = self.layout.clusters != told;
        self.layout.clusters = told;
        is_news
    }

    /// All processes by their role.
    pub(super) fn fleets(&self) -> [&Fleet; 3] {
        [&self.log, &self.control, &self.data]
    }

    /// Ends all processes. Those that do not end in time are named and killed.
    pub(super) async fn stop(&self) {
        let [log, control, data] = self.fleets();
        for (fleet, within) in [
            (control, STOP_CONTROL_WITHIN),
            (data, STOP_DATA_WITHIN),
            (log, STOP_LOG_WITHIN),
        ] {
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
        let control = ["control-1 (API)", "control-1 (nodes)"].map(str::to_owned);
        let control = Ports::From(shape.base_port).claim(control).await?;
        let nodes = 1..=shape.data_nodes;
        let names = (0..shape.ports_per_node()).flat_map(|_| nodes.clone().map(|node| format!("data-{node}")));
        let data = Ports::From(shape.data_port()).claim(names).await?;
        let mut metrics = Vec::new();
        let counts = [("control", 1), ("log", shape.log_nodes), ("data", shape.data_nodes)];
        for (first, (role, count)) in shape.metrics_ports().into_iter().zip(counts) {
            let names = (1..=count).map(|number| format!("{role}-{number} (metrics)"));
            metrics.extend(Ports::From(first).claim(names).await?);
        }
        anyhow::Ok((log, control, data, metrics))
    };
    claims.await.map(|_| ()).map_err(not_prepared)
}

/// Who speaks to the control plane as its operator.
pub(super) fn client(control: &ControlNode) -> Result<ApiClient, Failure> {
    let token = control.token().or_hint(DEFECT)?;
    ApiClient::of_own(control.api(), token, control.authority().to_owned())
}

fn not_prepared(error: anyhow::Error) -> Failure {
    let hint = match error.downcast_ref::<PortInUse>() {
        Some(_) => "end the process that uses it, or choose other ports: --base-port PORT",
        None => "check the folder of --data-dir and its disk",
    };
    Failure::new(error, hint)
}
