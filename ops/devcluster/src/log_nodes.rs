//! A log quorum of real processes on loopback: `tenure server log`, one folder each, over mutual TLS.
//! Promises: a node keeps its address and its folder over restarts, and in a folder that is used again; nothing is shared
//! with other clusters on the machine. Leaves to `fleet`: the processes. Leaves to the caller: the folder, and removing it.
//!
//! ```text
//! <folder>/bootstrap.toml
//! <folder>/log-1/config.toml, output.log, authority.pem, certificate.pem, key.pem, data/
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tenure_types::{LeaseLength, NodeId};

use crate::fleet::{MetricsSection, config_file};
use crate::new_file::{PRIVATE, make_folder, replace};
use crate::{Authority, CredentialFiles, Fleet, Links, Port, Ports};

/// What a quorum is started with.
#[derive(Debug, Clone)]
pub struct LogNodesOptions {
    /// The binary `tenure`; in tests of it `env!("CARGO_BIN_EXE_tenure")`.
    pub binary: PathBuf,
    /// A folder for everything: an empty one, or that of an earlier quorum with the same nodes, which goes on.
    pub folder: PathBuf,
    /// How many nodes. Default 3.
    pub count: u64,
    /// Where they listen. A quorum that goes on must have the ports that it had. Default any that are free, or those that
    /// it had.
    pub ports: Ports,
    /// Where they tell how they are: `/metrics`. Default nowhere.
    pub metrics: Option<Ports>,
    /// Who issues certificates. Default one that goes with this quorum.
    pub authority: Option<Arc<Authority>>,
    /// Whether the nodes reach each other by [`Links`] that a test can cut. Default yes.
    pub links: bool,
    /// How many log groups. Default 1.
    pub groups: u32,
    /// The longest lease that a fence may ask for. Default: what data nodes of this profile ask for, because a new leader
    /// that cannot know better has the next owner of a shard wait so long.
    pub lease_max: Option<LeaseLength>,
    /// Timers. Default fast, for tests wait for elections.
    pub profile: Profile,
    /// Size of one segment of the log. Default: what `tenure server log` takes.
    pub segment_bytes: Option<u64>,
    /// Where credit ends. Default 1 GiB.
    pub cap_bytes: u64,
    /// What the nodes log, in the language of `TENURE_LOG`. Default: what is set for this process.
    pub log_filter: Option<String>,
}

/// Timers of the log groups, by the name they have in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Short ones.
    #[default]
    Fast,
    /// Long ones.
    Conservative,
}

impl Profile {
    /// L of the epochs that data nodes ask for.
    fn lease(self) -> LeaseLength {
        const FAST: LeaseLength = LeaseLength::from_millis(1200).unwrap();
        const CONSERVATIVE: LeaseLength = LeaseLength::from_millis(3000).unwrap();
        match self {
            Self::Fast => FAST,
            Self::Conservative => CONSERVATIVE,
        }
    }
}

impl LogNodesOptions {
    /// The defaults.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            folder: folder.into(),
            count: 3,
            ports: Ports::default(),
            metrics: None,
            authority: None,
            links: true,
            groups: 1,
            lease_max: None,
            profile: Profile::default(),
            segment_bytes: None,
            cap_bytes: 1 << 30,
            log_filter: None,
        }
    }
}

/// A running quorum, and its parts that do not run. What can be done to its processes is [`Fleet`]'s.
#[derive(Debug)]
pub struct LogNodes {
    fleet: Fleet,
    authority: Arc<Authority>,
    ports: BTreeMap<NodeId, Port>,
    metrics: BTreeMap<NodeId, Port>,
    links: Links,
}

impl Deref for LogNodes {
    type Target = Fleet;

    fn deref(&self) -> &Fleet {
        &self.fleet
    }
}

impl DerefMut for LogNodes {
    fn deref_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }
}

impl LogNodes {
    /// Prepares a quorum and starts all of its nodes; returns when they serve.
    pub async fn start(options: LogNodesOptions) -> Result<Self> {
        let mut quorum = Self::prepare(options).await?;
        // All at once: the first start of each needs the others.
        quorum.launch_all()?;
        quorum.wait_all_ready().await?;
        Ok(quorum)
    }

    /// Writes all that the nodes need, and starts none.
    pub async fn prepare(mut options: LogNodesOptions) -> Result<Self> {
        // A relative path in a configuration would start at the configuration.
        options.folder = std::path::absolute(&options.folder)?;
        let authority = options
            .authority
            .clone()
            .map_or_else(|| Authority::new().map(Arc::new), Ok)?;
        let (binary, log_filter) = (options.binary.clone(), options.log_filter.clone());
        let fleet = Fleet::new(binary, "log", log_filter, &options.folder, options.count);
        let bootstrap_file = options.folder.join("bootstrap.toml");
        let ports = claim(&options, &fleet, &bootstrap_file).await?;
        let metrics = Ports::claim_for_metrics(options.metrics, &fleet).await?;
        let addresses: BTreeMap<_, _> = ports.iter().map(|(node, port)| (*node, port.address())).collect();
        let linked = if options.links {
            addresses.clone()
        } else {
            BTreeMap::new()
        };
        let links = Links::start(&linked).await?;
        if !bootstrap_file.exists() {
            bootstrap(&options, &addresses, &bootstrap_file)?;
        }
        for (node, address) in &addresses {
            let folder = fleet.folder(*node)?;
            make_folder(folder)?;
            make_folder(&data_dir(folder))?;
            let tls = CredentialFiles::keep(folder, &authority, || authority.log_node(*node))?;
            let dial = links.seen_from(*node);
            let config = Config {
                node: node.get(),
                listen: *address,
                data_dir: &data_dir(folder),
                bootstrap_file: &bootstrap_file,
                profile: options.profile,
                tls: Tls {
                    authority: &tls.authority,
                    certificate: &tls.certificate,
                    key: &tls.key,
                },
                disk: Disk {
                    cap_bytes: options.cap_bytes,
                    segment_bytes: options.segment_bytes,
                },
                metrics: MetricsSection::of(metrics.get(node)),
                dial: dial.map(|(to, link)| (addresses[&to].to_string(), link)).collect(),
            };
            replace(&config_file(folder), &toml::to_string(&config)?, PRIVATE)?;
        }
        Ok(Self {
            fleet,
            authority,
            ports,
            metrics,
            links,
        })
    }

    /// Where a node listens, past all proxies: for callers of a test, and for a [`Proxy`](crate::Proxy) of its own.
    pub fn address(&self, node: NodeId) -> Result<SocketAddr> {
        let port = self.ports.get(&node);
        Ok(port
            .with_context(|| format!("there is no {}", self.name(node)))?
            .address())
    }

    /// Where all nodes listen.
    pub fn addresses(&self) -> BTreeMap<NodeId, SocketAddr> {
        self.ports.iter().map(|(node, port)| (*node, port.address())).collect()
    }

    /// Where they tell how they are, if they do, in their order.
    pub fn metrics(&self) -> Vec<SocketAddr> {
        self.metrics.values().map(Port::address).collect()
    }

    /// Whom the nodes believe: it issues certificates for callers.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// What lies between the nodes.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The folder with a node's data.
    pub fn data_dir(&self, node: NodeId) -> Result<PathBuf> {
        Ok(data_dir(self.folder(node)?))
    }

    /// Loses the data of a node that does not run, as a broken disk does.
    pub fn wipe(&self, node: NodeId) -> Result<()> {
        ensure!(!self.is_running(node)?, "{} still runs", self.name(node));
        let data_dir = self.data_dir(node)?;
        fs::remove_dir_all(&data_dir).with_context(|| format!("could not remove {}", data_dir.display()))?;
        make_folder(&data_dir)
    }
}

fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A port for each node: those that the quorum has begun with, if it has.
async fn claim(options: &LogNodesOptions, fleet: &Fleet, bootstrap_file: &Path) -> Result<BTreeMap<NodeId, Port>> {
    let nodes = fleet.nodes();
    let names = nodes.iter().map(|node| fleet.name(*node));
    let Some(begun) = Begun::read(bootstrap_file)? else {
        return Ok(nodes.iter().copied().zip(options.ports.claim(names).await?).collect());
    };
    let members: BTreeMap<NodeId, SocketAddr> = begun.members.iter().map(Member::pair).collect();
    let as_before = |(node, first): (&NodeId, u16)| {
        let address = members.get(node).map(SocketAddr::port);
        address.is_some_and(|port| u64::from(port) + 1 == u64::from(first) + node.get())
    };
    let same_ports = match options.ports {
        Ports::Claimed => true,
        Ports::From(first) => members.keys().map(|node| (node, first)).all(as_before),
    };
    ensure!(
        same_ports && nodes.iter().eq(members.keys()),
        "{} names other nodes or ports than are asked for",
        bootstrap_file.display()
    );
    let mut ports = BTreeMap::new();
    for (node, address) in members {
        ports.insert(node, Port::claim_exactly(address.port(), &fleet.name(node)).await?);
    }
    Ok(ports)
}

/// What is needed here of a quorum's bootstrap file. `ops/tenure` owns it.
#[derive(Deserialize)]
struct Begun {
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    node: u64,
    address: SocketAddr,
}

impl Begun {
    fn read(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let read = || -> Result<Self> { Ok(toml::from_str(&fs::read_to_string(path)?)?) };
        read()
            .map(Some)
            .with_context(|| format!("could not read {}", path.display()))
    }
}

impl Member {
    fn pair(&self) -> (NodeId, SocketAddr) {
        (NodeId::new(self.node), self.address)
    }
}

/// The configuration of `tenure server log`, as far as it is set here. `ops/tenure` owns the meaning.
#[derive(Serialize)]
struct Config<'a> {
    node: u64,
    listen: SocketAddr,
    data_dir: &'a Path,
    bootstrap_file: &'a Path,
    profile: Profile,
    tls: Tls<'a>,
    disk: Disk,
    metrics: Option<MetricsSection>,
    dial: BTreeMap<String, SocketAddr>,
}

#[derive(Serialize)]
struct Tls<'a> {
    authority: &'a Path,
    certificate: &'a Path,
    key: &'a Path,
}

#[derive(Serialize)]
struct Disk {
    cap_bytes: u64,
    segment_bytes: Option<u64>,
}

/// Half a file would stay for ever, so it is written beside its place first.
fn bootstrap(options: &LogNodesOptions, addresses: &BTreeMap<NodeId, SocketAddr>, path: &Path) -> Result<()> {
    let new = path.with_extension("toml.new");
    if new.exists() {
        fs::remove_file(&new).with_context(|| format!("could not remove {}", new.display()))?;
    }
    let mut command = Command::new(&options.binary);
    command.args(["log", "bootstrap", "--groups", &options.groups.to_string(), "--out"]);
    command.arg(&new);
    let lease_max = options.lease_max.unwrap_or_else(|| options.profile.lease());
    command.args(["--lease-max-millis", &lease_max.as_millis().to_string()]);
    for (node, address) in addresses {
        command.args(["--node", &format!("{}={address}", node.get())]);
    }
    let ran = command.output();
    let ran = ran.with_context(|| format!("could not run {}", options.binary.display()))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(
        ran.status.success(),
        "tenure log bootstrap failed: {}\n{said}",
        ran.status
    );
    fs::rename(&new, path).with_context(|| format!("could not write {}", path.display()))
}
