//! Data nodes of real processes on loopback: `tenure server data`, one folder each, with one layout for all.
//! Promises: a node keeps its folder and its ports over restarts, and in a folder that is used again with the same
//! numbers; nothing is shared with other clusters on the machine. Leaves to `placement`: where shards lie. Leaves to
//! `fleet`: the processes. Leaves to the caller: the log, the folder, and removing it.
//!
//! ```text
//! <folder>/layout.toml
//! <folder>/cluster-demo/authority.pem, certificate.pem, key.pem        what its ports show to clients
//! <folder>/data-1/config.toml, output.log, authority.pem, certificate.pem, key.pem
//! <folder>/data-1/data/desired                                       instead of a layout, if a control plane has them
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tenure_server::{ClusterLayout, ClusterLimits, Layout, User};
use tenure_types::{NodeId, TenantId};

use crate::fleet::{MetricsSection, config_file};
use crate::layout_file::certificate_folder;
use crate::new_file::{PRIVATE, make_folder, replace};
use crate::{Authority, CredentialFiles, Fleet, LogNodes, LogRoutes, Placement, Port, Ports, Profile, write_layout};

/// What data nodes are started with.
#[derive(Debug, Clone)]
pub struct DataNodesOptions {
    /// The binary `tenure`; in tests of it `env!("CARGO_BIN_EXE_tenure")`.
    pub binary: PathBuf,
    /// A folder for everything; that of the log nodes will do.
    pub folder: PathBuf,
    /// How many nodes. Default 3.
    pub count: u16,
    /// Where they listen: one port for each shard on each node. Default any that are free.
    pub ports: Ports,
    /// Where they tell how they are: `/metrics`. Default nowhere.
    pub metrics: Option<Ports>,
    /// Who issues certificates: the one whom the log nodes believe.
    pub authority: Arc<Authority>,
    /// The log nodes, as the data nodes dial them.
    pub log: BTreeMap<NodeId, SocketAddr>,
    /// Whether what they say to the log passes proxies that tests can cut ([`LogRoutes`]). Default no.
    pub log_routes: bool,
    /// Timers. Default fast, for tests wait for failovers.
    pub profile: Profile,
    /// Threads of each node. Default 1.
    pub workers: NonZeroUsize,
    /// How long a reply may wait for the log. Default: what `tenure server data` takes.
    pub reply_deadline_millis: Option<u64>,
    /// What they host by a layout file. Default nothing.
    pub clusters: Vec<ClusterOptions>,
    /// Instead of a layout file: a control plane tells them what to host. Default none.
    pub control: Option<ControlledOptions>,
    /// What the nodes log, in the language of `TENURE_LOG`. Default: what is set for this process.
    pub log_filter: Option<String>,
}

impl DataNodesOptions {
    /// The defaults, on this log.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>, log: &LogNodes) -> Self {
        Self {
            binary: binary.into(),
            folder: folder.into(),
            count: 3,
            ports: Ports::default(),
            metrics: None,
            authority: Arc::clone(log.authority()),
            log: log.addresses(),
            log_routes: false,
            profile: Profile::default(),
            workers: NonZeroUsize::MIN,
            reply_deadline_millis: None,
            clusters: Vec::new(),
            control: None,
            log_filter: None,
        }
    }
}

/// How a control plane has them.
#[derive(Debug, Clone)]
pub struct ControlledOptions {
    /// Where the control plane listens for nodes.
    pub address: SocketAddr,
    /// How many ports each node offers for shards. They go round the nodes: of three nodes the first has every third port from the
    /// first on.
    pub ports_per_node: u16,
}

/// One cluster to be hosted.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Its name, unique here: it names a folder too. Default `demo`.
    pub name: String,
    /// Who owns it. Default tenant 1.
    pub tenant: TenantId,
    /// Seed of its keys' hashes.
    pub seed: u64,
    /// The password of its one user `default`; `None`: no password is asked for.
    pub password: Option<String>,
    /// How much it may use. Default: what the server takes.
    pub limits: ClusterLimits,
    /// Whether clients speak TLS. Default yes.
    pub tls: bool,
    /// Shards. Default 1.
    pub shards: u16,
    /// Replicas of each, beside its primary. Default 1.
    pub replicas: u16,
}

impl ClusterOptions {
    /// The defaults.
    pub fn new(seed: u64, password: Option<String>) -> Self {
        Self {
            name: "demo".to_owned(),
            tenant: TenantId::new(1),
            seed,
            password,
            limits: ClusterLimits::default(),
            tls: true,
            shards: 1,
            replicas: 1,
        }
    }
}

/// Running data nodes, and those that do not run. What can be done to their processes is [`Fleet`]'s.
#[derive(Debug)]
pub struct DataNodes {
    fleet: Fleet,
    layout: Layout,
    /// `None`: they dial the log itself.
    log_routes: Option<LogRoutes>,
    metrics: BTreeMap<NodeId, Port>,
    /// Claims, so that nobody takes the port of a node that is down.
    _ports: Vec<Port>,
}

impl Deref for DataNodes {
    type Target = Fleet;

    fn deref(&self) -> &Fleet {
        &self.fleet
    }
}

impl DerefMut for DataNodes {
    fn deref_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }
}

impl DataNodes {
    /// Prepares the nodes and starts all of them; returns when they serve, so the log must run.
    pub async fn start(options: DataNodesOptions) -> Result<Self> {
        let mut nodes = Self::prepare(options).await?;
        nodes.launch_all()?;
        nodes.wait_all_ready().await?;
        Ok(nodes)
    }

    /// Writes all that the nodes need, and starts none.
    pub async fn prepare(mut options: DataNodesOptions) -> Result<Self> {
        // A relative path in a configuration would start at the configuration.
        options.folder = std::path::absolute(&options.folder)?;
        let (binary, log_filter) = (options.binary.clone(), options.log_filter.clone());
        let fleet = Fleet::new(binary, "data", log_filter, &options.folder, u64::from(options.count));
        let ports = options.ports.claim(port_names(&options)?).await?;
        let metrics = Ports::claim_for_metrics(options.metrics, &fleet).await?;
        let layout = layout(&options, &ports)?;
        let layout_path = options.folder.join("layout.toml");
        if options.control.is_none() {
            write_layout(&layout, &layout_path)?;
        }
        let log_routes = if options.log_routes {
            Some(LogRoutes::start(&fleet.nodes(), &options.log).await?)
        } else {
            None
        };
        for node in fleet.nodes() {
            let folder = fleet.folder(node)?;
            make_folder(folder)?;
            let authority = &options.authority;
            let tls = CredentialFiles::keep(folder, authority, || authority.data_node(node))?;
            let dial = log_routes.as_ref().map(|routes| routes.seen_from(node));
            let dial = dial.as_ref().unwrap_or(&options.log);
            let data_dir = folder.join("data");
            let config = Config {
                node: node.get(),
                layout: options.control.is_none().then_some(layout_path.as_path()),
                data_dir: options.control.is_some().then_some(data_dir.as_path()),
                workers: options.workers,
                profile: options.profile,
                reply_deadline_millis: options.reply_deadline_millis,
                log: dial
                    .iter()
                    .map(|(node, address)| (node.get().to_string(), *address))
                    .collect(),
                tls: Tls {
                    authority: &tls.authority,
                    certificate: &tls.certificate,
                    key: &tls.key,
                },
                metrics: MetricsSection::of(metrics.get(&node)),
                control: options.control.as_ref().map(|control| Control {
                    addresses: [control.address],
                    zone: format!("zone-{}", node.get()),
                    ports: ports_of(node, options.count, &ports),
                }),
            };
            replace(&config_file(folder), &toml::to_string(&config)?, PRIVATE)?;
        }
        Ok(Self {
            fleet,
            layout,
            log_routes,
            metrics,
            _ports: ports,
        })
    }

    /// What they host, and where.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where they tell how they are, if they do, in their order.
    pub fn metrics(&self) -> Vec<SocketAddr> {
        self.metrics.values().map(Port::address).collect()
    }

    /// What lies between them and the log.
    pub fn log_routes(&self) -> Result<&LogRoutes> {
        let routes = self.log_routes.as_ref();
        routes.context("the data nodes dial the log itself: set DataNodesOptions::log_routes to cut them off from it")
    }

    /// A cluster by its name.
    pub fn cluster(&self, name: &str) -> Result<&ClusterLayout> {
        let cluster = self.layout.clusters.iter().find(|cluster| cluster.name == name);
        cluster.with_context(|| format!("there is no cluster {name}"))
    }
}

impl ClusterOptions {
    fn placement(&self, data_nodes: u16) -> Placement {
        Placement {
            shards: self.shards,
            replicas: self.replicas,
            data_nodes,
        }
    }
}

fn port_names(options: &DataNodesOptions) -> Result<Vec<String>> {
    if let Some(control) = &options.control {
        let round = 1..=options.count;
        let rounds = (0..control.ports_per_node).flat_map(|_| round.clone());
        return Ok(rounds.map(|node| format!("data-{node}")).collect());
    }
    let mut names = Vec::new();
    for cluster in &options.clusters {
        let placement = cluster.placement(options.count);
        placement.check()?;
        names.extend(placement.ports());
    }
    Ok(names)
}

/// Every `count`th port, from the node's own on.
fn ports_of(node: NodeId, count: u16, ports: &[Port]) -> Vec<String> {
    let first = usize::try_from(node.get() - 1).unwrap_or(usize::MAX);
    let its_own = ports.iter().skip(first).step_by(count.max(1).into());
    its_own.map(|port| port.number().to_string()).collect()
}

/// Ports and streams go on from one cluster to the next.
fn layout(options: &DataNodesOptions, ports: &[Port]) -> Result<Layout> {
    let mut addresses = ports.iter().map(Port::address);
    let mut first_stream = 1;
    let mut clusters = Vec::new();
    for cluster in &options.clusters {
        let placement = cluster.placement(options.count);
        let addresses: Vec<_> = addresses.by_ref().take(placement.ports().len()).collect();
        clusters.push(ClusterLayout {
            name: cluster.name.clone(),
            tenant: cluster.tenant,
            seed: cluster.seed,
            users: vec![default_user(cluster.password.as_deref())],
            limits: cluster.limits,
            tls: if cluster.tls {
                Some(server_certificate(options, cluster)?)
            } else {
                None
            },
            shards: placement.plan(first_stream, &addresses)?,
            plugins: Vec::new(),
        });
        first_stream += u32::from(cluster.shards);
    }
    let layout = Layout { clusters };
    layout.check()?;
    Ok(layout)
}

fn default_user(password: Option<&str>) -> User {
    User {
        name: "default".to_owned(),
        password_sha256: password.map(|password| Sha256::digest(password).into()),
    }
}

fn server_certificate(
    options: &DataNodesOptions,
    cluster: &ClusterOptions,
) -> Result<tenure_server::ServerCertificate> {
    let folder = certificate_folder(&options.folder, &cluster.name);
    make_folder(&folder)?;
    let authority = &options.authority;
    CredentialFiles::keep(&folder, authority, || authority.loopback_server())?.server()
}

/// The configuration of `tenure server data`, as far as it is set here. `ops/tenure` owns the meaning.
#[derive(Serialize)]
struct Config<'a> {
    node: u64,
    layout: Option<&'a Path>,
    data_dir: Option<&'a Path>,
    workers: NonZeroUsize,
    profile: Profile,
    reply_deadline_millis: Option<u64>,
    log: BTreeMap<String, SocketAddr>,
    tls: Tls<'a>,
    metrics: Option<MetricsSection>,
    control: Option<Control>,
}

#[derive(Serialize)]
struct Control {
    addresses: [SocketAddr; 1],
    zone: String,
    ports: Vec<String>,
}

#[derive(Serialize)]
struct Tls<'a> {
    authority: &'a Path,
    certificate: &'a Path,
    key: &'a Path,
}
