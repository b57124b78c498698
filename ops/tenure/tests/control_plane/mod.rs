//! A platform of real processes whose clusters a control plane makes, asked by the real command line.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod cluster;
pub(crate) mod command_line;
pub(crate) mod load;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tempfile::TempDir;
use tenure_admin::{ClusterChange, Event, List, Node, Replica, ReplicaRole, Shard};
use tenure_devcluster::{
    Authority, ControlNode, ControlNodeOptions, ControlledOptions, DataNodes, DataNodesOptions, LogNodes,
    LogNodesOptions, Profile, Proxy,
};
use tenure_log::{Log, StreamStatus};
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_types::{NodeId, StreamId};
use tokio::runtime::Handle;

use self::cluster::Cluster;
use self::command_line::CommandLine;

/// Longest wait for a state.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The tenant of every cluster.
pub(crate) const TENANT: &str = "demo";
/// Ports that each data node offers.
const PORTS_PER_NODE: u16 = 6;

/// What a platform is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) data_nodes: u16,
    pub(crate) rescue_after_seconds: Option<u64>,
    pub(crate) replace_after_seconds: Option<u64>,
    pub(crate) profile: Profile,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            data_nodes: 3,
            rescue_after_seconds: None,
            replace_after_seconds: None,
            profile: Profile::Fast,
        }
    }
}

/// Where a shard is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    epoch: u64,
    owner: Option<String>,
    preferred: String,
    replicas: Vec<(String, String)>,
}

/// See the top of the file.
pub(crate) struct Plane {
    pub(crate) data: DataNodes,
    pub(crate) control: ControlNode,
    pub(crate) log: LogNodes,
    pub(crate) shell: CommandLine,
    name: &'static str,
    folder: TempDir,
}

impl Plane {
    /// One that serves, with a tenant and no cluster.
    pub(crate) async fn start(name: &'static str, shape: Shape) -> Self {
        let mut plane = Self::without_data_nodes(name, shape).await;
        plane.data.launch_all().unwrap();
        plane.data.wait_all_ready().await.unwrap();
        plane
    }

    /// The same, but for its data nodes, which do not run.
    pub(crate) async fn without_data_nodes(name: &'static str, shape: Shape) -> Self {
        let binary = env!("CARGO_BIN_EXE_tenure");
        let folder = tempfile::tempdir().unwrap();
        let mut options = LogNodesOptions::new(binary, folder.path());
        options.authority = Some(Arc::new(Authority::kept_in(folder.path()).unwrap()));
        // The log is broken elsewhere.
        (options.count, options.links) = (1, false);
        options.profile = shape.profile;
        let log = LogNodes::start(options).await.unwrap();
        let mut options = ControlNodeOptions::new(binary, folder.path(), &log);
        options.rescue_after_seconds = shape.rescue_after_seconds;
        options.replace_after_seconds = shape.replace_after_seconds;
        let mut control = ControlNode::prepare(options).await.unwrap();
        let id = control.id();
        control.restart(id).await.unwrap();
        let mut options = DataNodesOptions::new(binary, folder.path(), &log);
        options.count = shape.data_nodes;
        options.profile = shape.profile;
        options.control = Some(ControlledOptions {
            address: control.nodes_port(),
            ports_per_node: PORTS_PER_NODE,
        });
        let data = DataNodes::prepare(options).await.unwrap();
        let url = format!("https://{}", control.api());
        let shell = CommandLine::new(url, control.token().unwrap(), control.authority(), folder.path());
        shell.succeeds(&["tenant", "create", TENANT]);
        Self {
            data,
            control,
            log,
            shell,
            name,
            folder,
        }
    }

    /// Changes the configuration of a data node, which does not run. Gives what it was.
    pub(crate) fn edit_config(&self, node: NodeId, edit: impl FnOnce(&mut toml::Table)) -> toml::Table {
        let path = self.data.folder(node).unwrap().join("config.toml");
        let before: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut after = before.clone();
        edit(&mut after);
        fs::write(&path, after.to_string()).unwrap();
        before
    }

    /// What lies between each data node and the control plane from its next start on.
    pub(crate) async fn proxies(&self) -> BTreeMap<NodeId, Proxy> {
        let mut proxies = BTreeMap::new();
        for node in self.data.nodes() {
            let proxy = Proxy::start(self.control.nodes_port()).await.unwrap();
            self.edit_config(node, |config| {
                let addresses = vec![toml::Value::from(proxy.address().to_string())];
                let control = config["control"].as_table_mut().unwrap();
                control.insert("addresses".to_owned(), addresses.into());
            });
            proxies.insert(node, proxy);
        }
        proxies
    }

    /// `kill -9` of the control plane.
    pub(crate) async fn kill_control(&self) {
        self.control.kill(self.control.id()).await.unwrap();
    }

    /// Another process in its folder.
    pub(crate) async fn restart_control(&mut self) {
        let id = self.control.id();
        self.control.restart(id).await.unwrap();
    }

    /// Makes a cluster with one shard, which serves then.
    pub(crate) fn create(&self, name: &str, replicas: u8) -> Cluster {
        let replicas = replicas.to_string();
        self.shell.create(name, &["--replicas", &replicas])
    }

    /// A cluster as the command line shows it.
    pub(crate) fn show(&self, cluster: &str) -> ClusterChange {
        self.shell.json(&["cluster", "show", cluster])
    }

    /// A cluster of one shard: that.
    pub(crate) fn shard(&self, cluster: &str) -> Shard {
        let [shard] = self.show(cluster).shards.try_into().expect("one shard");
        shard
    }

    /// The node and the row of a shard's primary: the owner of its newest epoch, once that answers.
    pub(crate) async fn primary(&self, cluster: &str) -> (NodeId, Replica) {
        until("the owner of the shard answers", async || {
            let shard = self.shard(cluster);
            let owner = shard.owner?;
            let mut replicas = shard.replicas.into_iter();
            let primary = replicas.find(|replica| replica.node == owner && replica.role == ReplicaRole::Primary)?;
            Some((node_of(&owner), primary))
        })
        .await
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let list: List<Event> = self.shell.json(&["event", "list"]);
        list.items
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        let list: List<Node> = self.shell.json(&["node", "list"]);
        list.items
    }

    /// Whether the session of a node lives.
    pub(crate) fn hears(&self, node: NodeId) -> bool {
        let nodes = self.nodes();
        let node = nodes.iter().find(|shown| node_of(&shown.name) == node);
        node.unwrap().alive
    }

    /// Who owns the one shard of a cluster and in which epoch, and where its replicas are.
    pub(crate) fn placed(&self, cluster: &str) -> Placed {
        let shard = self.shard(cluster);
        let replicas = shard.replicas.into_iter();
        Placed {
            epoch: shard.epoch,
            owner: shard.owner,
            preferred: shard.preferred,
            replicas: replicas.map(|replica| (replica.node, replica.address)).collect(),
        }
    }

    /// Whether an event tells that something was placed anew, or that the control plane made somebody a primary.
    pub(crate) fn has_moved_something(&self) -> bool {
        let events = self.events();
        let mut moves = events
            .iter()
            .filter(|event| matches!(event.kind.as_str(), "replica-moved" | "failover"));
        moves.next().inspect(|event| println!("{event:?}")).is_some()
    }

    /// What the control plane has logged in all its runs.
    pub(crate) fn control_said(&self) -> String {
        fs::read_to_string(self.control.folder(self.control.id()).unwrap().join("output.log")).unwrap()
    }

    /// How a stream stands in the log; `None`: there is none.
    pub(crate) async fn stream(&self, stream: &str) -> Option<StreamStatus> {
        let stream: StreamId = stream.parse().unwrap();
        let log = self.log_client();
        until("the log answers", async || {
            let answer = log.describe(vec![stream]).next().await?;
            answer.outcome.ok()
        })
        .await
    }

    fn log_client(&self) -> QuorumLog {
        let patience = Patience {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(1),
        };
        let credentials = self.log.authority().data_node(NodeId::new(99)).unwrap();
        let transport = Transport::new(Arc::new(TcpDial), Some(credentials), patience);
        let nodes = self.log.addresses().into_iter().map(|(id, address)| NodeAddress {
            id,
            address: address.to_string(),
        });
        QuorumLog::new(transport, nodes.collect(), ClientOptions::default(), &Handle::current()).unwrap()
    }
}

impl Drop for Plane {
    /// What the processes said goes with their folder; of a failed test it is kept.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("control").join(self.name);
            println!("what the processes said is in {}", kept.display());
            let _ = fs::create_dir_all(&kept);
            for node in fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
                let file = format!("{}.log", node.file_name().display());
                let _ = fs::copy(node.path().join("output.log"), kept.join(file));
            }
        }
    }
}

/// Looks until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    let found = tokio::time::timeout(WITHIN, looking).await;
    found.unwrap_or_else(|_| unreachable!("never: {what}"))
}

/// Looks until it is so.
pub(crate) async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    until(what, async || is_so().await.then_some(())).await;
}

/// The node with this name.
pub(crate) fn node_of(name: &str) -> NodeId {
    NodeId::new(name.strip_prefix("data-").unwrap().parse().unwrap())
}
