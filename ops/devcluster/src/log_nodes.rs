//! A log quorum of real processes on loopback: `tenure server log`, one folder each, over mutual TLS.
//! Promises: a node keeps its address and its folder over restarts; nothing is shared with other clusters on the machine;
//! all of it ends when this value is dropped, and when this process is killed. Leaves to the caller: the folder, and
//! removing it. Never waits without a bound.
//!
//! ```text
//! <folder>/bootstrap.toml
//! <folder>/log-1/config.toml, output.log, authority.pem, certificate.pem, key.pem, data/
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::Serialize;
use tenure_types::{LeaseLength, NodeId};

use crate::{Authority, CredentialFiles, Links, Port, Process, State};

/// Longest wait for a state of one process. Generous: the machine that runs the tests may be busy with others.
const WITHIN: Duration = Duration::from_secs(60);

/// What a quorum is started with.
#[derive(Debug, Clone)]
pub struct LogNodesOptions {
    /// The binary `tenure`; in tests of it `env!("CARGO_BIN_EXE_tenure")`.
    pub binary: PathBuf,
    /// An empty folder for everything.
    pub folder: PathBuf,
    /// How many nodes. Default 3.
    pub count: u64,
    /// How many log groups. Default 1.
    pub groups: u32,
    /// The longest lease that a fence may ask for. Default: what `tenure log bootstrap` takes.
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

impl LogNodesOptions {
    /// The defaults.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            folder: folder.into(),
            count: 3,
            groups: 1,
            lease_max: None,
            profile: Profile::default(),
            segment_bytes: None,
            cap_bytes: 1 << 30,
            log_filter: None,
        }
    }
}

/// A running quorum, and its parts that do not run.
#[derive(Debug)]
pub struct LogNodes {
    binary: PathBuf,
    log_filter: Option<String>,
    authority: Authority,
    nodes: BTreeMap<NodeId, Node>,
    links: Links,
}

#[derive(Debug)]
struct Node {
    folder: PathBuf,
    port: Port,
    /// The newest run; `None` before the first.
    process: Option<Process>,
}

impl LogNodes {
    /// Prepares a quorum and starts all of its nodes; returns when they serve.
    pub async fn start(options: LogNodesOptions) -> Result<Self> {
        let mut quorum = Self::prepare(options).await?;
        let nodes = quorum.nodes();
        // All at once: the first start of each needs the others.
        for node in &nodes {
            quorum.launch(*node)?;
        }
        for node in nodes {
            quorum.process(node)?.wait_ready(WITHIN).await?;
        }
        Ok(quorum)
    }

    /// Writes all that the nodes need, and starts none.
    pub async fn prepare(options: LogNodesOptions) -> Result<Self> {
        let authority = Authority::new()?;
        let mut nodes = BTreeMap::new();
        for number in 1..=options.count {
            let node = Node {
                folder: options.folder.join(format!("log-{number}")),
                port: Port::claim()?,
                process: None,
            };
            nodes.insert(NodeId::new(number), node);
        }
        let addresses: BTreeMap<_, _> = nodes.iter().map(|(id, node)| (*id, node.port.address())).collect();
        let links = Links::start(&addresses).await?;
        let bootstrap_file = options.folder.join("bootstrap.toml");
        bootstrap(&options, &addresses, &bootstrap_file)?;
        for (id, node) in &nodes {
            make_folder(&node.folder)?;
            make_folder(&node.data_dir())?;
            let tls = CredentialFiles::write(&authority.log_node(*id)?, &node.folder)?;
            let dial = links.seen_from(*id);
            let config = Config {
                node: id.get(),
                listen: node.port.address(),
                data_dir: &node.data_dir(),
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
                dial: dial.map(|(to, link)| (addresses[&to].to_string(), link)).collect(),
            };
            let path = node.config_file();
            fs::write(&path, toml::to_string(&config)?)
                .with_context(|| format!("could not write {}", path.display()))?;
        }
        Ok(Self {
            binary: options.binary,
            log_filter: options.log_filter,
            authority,
            nodes,
            links,
        })
    }

    /// The names of all nodes.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    /// Where a node listens, past all proxies: for callers of a test, and for a [`Proxy`](crate::Proxy) of its own.
    pub fn address(&self, node: NodeId) -> Result<SocketAddr> {
        Ok(self.node(node)?.port.address())
    }

    /// Where all nodes listen.
    pub fn addresses(&self) -> BTreeMap<NodeId, SocketAddr> {
        let addresses = self.nodes.iter().map(|(id, node)| (*id, node.port.address()));
        addresses.collect()
    }

    /// Whom the nodes believe: it issues certificates for callers.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What lies between the nodes.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The newest run of a node.
    pub fn process(&self, node: NodeId) -> Result<&Process> {
        let process = self.node(node)?.process.as_ref();
        process.with_context(|| format!("{node} was never started"))
    }

    /// The folder with a node's data.
    pub fn data_dir(&self, node: NodeId) -> Result<PathBuf> {
        Ok(self.node(node)?.data_dir())
    }

    /// Starts a node that does not run, and does not wait. Its former run must have ended: two would fight for the folder.
    pub fn launch(&mut self, node: NodeId) -> Result<()> {
        let state = self.node(node)?.process.as_ref().map(Process::state);
        if let Some(state @ (State::Starting | State::Ready)) = state {
            bail!("{node} runs already and is {state:?}");
        }
        let mut command = Command::new(&self.binary);
        // The number of this process, so that a child that is too late to watch for its death sees that it came.
        command.args(["server", "log", &format!("--die-with-parent={}", std::process::id())]);
        command.arg("--config").arg(self.node(node)?.config_file());
        if let Some(filter) = &self.log_filter {
            command.env("TENURE_LOG", filter);
        }
        let output = self.node(node)?.folder.join("output.log");
        let process = Process::start(&format!("log-{}", node.get()), command, &output)?;
        self.node_mut(node)?.process = Some(process);
        Ok(())
    }

    /// Starts a node that does not run, and waits until it serves.
    pub async fn restart(&mut self, node: NodeId) -> Result<()> {
        self.launch(node)?;
        self.wait_ready(node).await
    }

    /// Waits until a node that was launched serves.
    pub async fn wait_ready(&self, node: NodeId) -> Result<()> {
        self.process(node)?.wait_ready(WITHIN).await
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&self, node: NodeId) -> Result<ExitStatus> {
        self.process(node)?.kill(WITHIN).await
    }

    /// `kill -9` of all nodes that run, as a power cut does it: none is waited for before the next is killed.
    pub async fn kill_all(&self) -> Result<()> {
        let processes = || self.nodes.values().filter_map(|node| node.process.as_ref());
        for process in processes() {
            process.signal_if_alive(Signal::KILL)?;
        }
        for process in processes() {
            process.wait_ended(WITHIN).await?;
        }
        Ok(())
    }

    /// Asks a node to end (SIGTERM), and waits until it has.
    pub async fn stop(&self, node: NodeId) -> Result<ExitStatus> {
        self.process(node)?.stop(WITHIN).await
    }

    /// Stops a node where it is (SIGSTOP).
    pub fn pause(&self, node: NodeId) -> Result<()> {
        self.process(node)?.pause()
    }

    /// Lets a paused node go on (SIGCONT).
    pub fn resume(&self, node: NodeId) -> Result<()> {
        self.process(node)?.resume()
    }

    /// Loses the data of a node that does not run, as a broken disk does.
    pub fn wipe(&self, node: NodeId) -> Result<()> {
        let ended = |process: &Process| matches!(process.state(), State::Ended(_));
        ensure!(self.node(node)?.process.as_ref().is_none_or(ended), "{node} still runs");
        let data_dir = self.node(node)?.data_dir();
        fs::remove_dir_all(&data_dir).with_context(|| format!("could not remove {}", data_dir.display()))?;
        make_folder(&data_dir)
    }

    fn node(&self, node: NodeId) -> Result<&Node> {
        self.nodes.get(&node).with_context(|| format!("there is no {node}"))
    }

    fn node_mut(&mut self, node: NodeId) -> Result<&mut Node> {
        self.nodes.get_mut(&node).with_context(|| format!("there is no {node}"))
    }
}

impl Node {
    fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("config.toml")
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

fn bootstrap(options: &LogNodesOptions, addresses: &BTreeMap<NodeId, SocketAddr>, out: &Path) -> Result<()> {
    let mut command = Command::new(&options.binary);
    command.args(["log", "bootstrap", "--groups", &options.groups.to_string(), "--out"]);
    command.arg(out);
    if let Some(lease_max) = options.lease_max {
        command.args(["--lease-max-millis", &lease_max.as_millis().to_string()]);
    }
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
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.with_context(|| format!("could not make the folder {}", path.display()))
}
