//! `dev.json`: how scripts and tests find what runs (ops/docs/dev.md).
//! Promises: the file is there as a whole, mode 0600, and names the processes that run and no others. A key is never taken
//! away or given another meaning. Leaves to `primaries`: who is told as a primary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use tenure_devcluster::{Authority, Fleet, PRIVATE, replace};
use tenure_server::{ClusterLayout, ReplicaLayout, ShardLayout};
use tenure_types::NodeId;

use super::folder::Folder;
use super::kept::Kept;
use super::platform::{DEMO, Platform};
use super::primaries::Primaries;

/// Writes it anew.
pub(super) fn write(folder: &Folder, kept: &Kept, platform: &Platform) -> anyhow::Result<()> {
    let contract = Contract {
        api: ApiJson {
            url: format!("https://{}", platform.control.api()),
            token: platform.control.token()?,
            ca: authority(folder),
        },
        // In the order of the processes, and also of those that do not run: who scrapes should see that.
        metrics: [
            platform.log.metrics(),
            platform.control.metrics(),
            platform.data.metrics(),
        ]
        .into_iter()
        .flatten()
        .map(|address| format!("https://{address}/metrics"))
        .collect(),
        processes: processes(platform)?,
        clusters: platform
            .layout
            .clusters
            .iter()
            .map(|cluster| ClusterJson::new(cluster, folder, kept, &platform.primaries))
            .collect(),
    };
    let text = serde_json::to_string_pretty(&contract)?;
    replace(&path(folder), &(text + "\n"), PRIVATE)
}

/// Where it is.
pub(super) fn path(folder: &Folder) -> PathBuf {
    folder.path().join("dev.json")
}

/// The authority's certificate, by which clients know the cluster.
pub(super) fn authority(folder: &Folder) -> PathBuf {
    Authority::certificate_in(folder.path())
}

#[derive(Serialize)]
struct Contract {
    api: ApiJson,
    metrics: Vec<String>,
    processes: Vec<ProcessJson>,
    clusters: Vec<ClusterJson>,
}

#[derive(Serialize)]
struct ApiJson {
    url: String,
    token: String,
    ca: PathBuf,
}

#[derive(Serialize)]
struct ProcessJson {
    role: &'static str,
    name: String,
    pid: u32,
    ports: BTreeMap<String, u16>,
}

#[derive(Serialize)]
struct ClusterJson {
    name: String,
    tenant: &'static str,
    endpoints: Vec<SocketAddr>,
    user: &'static str,
    password: String,
    tls: bool,
    /// `null` without TLS.
    ca: Option<PathBuf>,
    shards: Vec<ShardJson>,
}

#[derive(Serialize)]
struct ShardJson {
    name: String,
    primary: Option<ReplicaJson>,
    replicas: Vec<ReplicaJson>,
}

#[derive(Serialize)]
struct ReplicaJson {
    node: String,
    addr: SocketAddr,
}

fn processes(platform: &Platform) -> anyhow::Result<Vec<ProcessJson>> {
    let mut processes = Vec::new();
    for fleet in platform.fleets() {
        for node in fleet.nodes() {
            if fleet.is_running(node)? {
                processes.push(process(platform, fleet, node)?);
            }
        }
    }
    Ok(processes)
}

fn process(platform: &Platform, fleet: &Fleet, node: NodeId) -> anyhow::Result<ProcessJson> {
    let ports = if fleet.role() == platform.log.role() {
        BTreeMap::from([("grpc".to_owned(), platform.log.address(node)?.port())])
    } else if fleet.role() == platform.control.role() {
        BTreeMap::from([
            ("api".to_owned(), platform.control.api().port()),
            ("grpc".to_owned(), platform.control.nodes_port().port()),
        ])
    } else {
        client_ports(&platform.layout.clusters, node)
    };
    Ok(ProcessJson {
        role: fleet.role(),
        name: fleet.name(node),
        pid: fleet.process(node)?.id(),
        ports,
    })
}

/// One for each shard that the node hosts, by the shard's name: `demo/0001`.
fn client_ports(clusters: &[ClusterLayout], node: NodeId) -> BTreeMap<String, u16> {
    let mut ports = BTreeMap::new();
    for cluster in clusters {
        for shard in &cluster.shards {
            if let Some(address) = shard.address_on(node) {
                ports.insert(format!("{}/{}", cluster.name, shard.name), address.port());
            }
        }
    }
    ports
}

impl ClusterJson {
    fn new(cluster: &ClusterLayout, folder: &Folder, kept: &Kept, primaries: &Primaries) -> Self {
        let replicas = cluster.shards.iter().flat_map(|shard| &shard.replicas);
        let tls = cluster.tls.is_some();
        Self {
            name: cluster.name.clone(),
            tenant: DEMO,
            endpoints: replicas.map(|replica| replica.address).collect(),
            user: "default",
            password: kept.password.clone(),
            tls,
            ca: tls.then(|| authority(folder)),
            shards: cluster
                .shards
                .iter()
                .map(|shard| ShardJson::new(shard, primaries.of(shard)))
                .collect(),
        }
    }
}

impl ShardJson {
    fn new(shard: &ShardLayout, primary: NodeId) -> Self {
        let (primary, others): (Vec<_>, Vec<_>) = shard.replicas.iter().partition(|replica| replica.node == primary);
        Self {
            name: shard.name.clone(),
            primary: primary.first().map(|replica| ReplicaJson::new(replica)),
            replicas: others.into_iter().map(ReplicaJson::new).collect(),
        }
    }
}

impl ReplicaJson {
    fn new(replica: &ReplicaLayout) -> Self {
        Self {
            node: format!("data-{}", replica.node.get()),
            addr: replica.address,
        }
    }
}
