//! A control plane as a real process on loopback: `tenure server control`, in a folder of its own.
//! Promises: it keeps its folder and its ports over restarts, and in a folder that is used again. Leaves to `fleet`: the process.
//! Leaves to the caller: the log, the authority's files, and whoever calls it.
//!
//! ```text
//! <folder>/ca.pem, ca.key                                                   the authority, which is the caller's
//! <folder>/control-1/config.toml, output.log, data/tenure.sqlite, data/operator.token
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use tenure_types::NodeId;

use crate::fleet::{MetricsSection, config_file};
use crate::new_file::{PRIVATE, make_folder, replace};
use crate::{Authority, Fleet, LogNodes, Port, Ports};

/// The one there is.
const NODE: NodeId = NodeId::new(1);

/// What a control plane is started with.
#[derive(Debug, Clone)]
pub struct ControlNodeOptions {
    /// The binary `tenure`; in tests of it `env!("CARGO_BIN_EXE_tenure")`.
    pub binary: PathBuf,
    /// A folder for everything. The authority must be kept in it: [`Authority::kept_in`].
    pub folder: PathBuf,
    /// Where it listens: two ports, that of the API and that which nodes call. Default any that are free.
    pub ports: Ports,
    /// Where it tells how it is: `/metrics`. Default nowhere.
    pub metrics: Option<Ports>,
    /// The log nodes, as it dials them.
    pub log: BTreeMap<NodeId, SocketAddr>,
    /// How long shards without a replica that lives wait until they are placed anew, in seconds. Default: what the control plane takes.
    pub rescue_after_seconds: Option<u64>,
    /// The same for a replica of a shard that has others which live.
    pub replace_after_seconds: Option<u64>,
    /// What it logs, in the language of `TENURE_LOG`. Default: what is set for this process.
    pub log_filter: Option<String>,
}

impl ControlNodeOptions {
    /// The defaults, on this log.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>, log: &LogNodes) -> Self {
        Self {
            binary: binary.into(),
            folder: folder.into(),
            ports: Ports::default(),
            metrics: None,
            log: log.addresses(),
            rescue_after_seconds: None,
            replace_after_seconds: None,
            log_filter: None,
        }
    }
}

/// A control plane that runs, or does not. What can be done to its process is [`Fleet`]'s, with [`ControlNode::id`].
#[derive(Debug)]
pub struct ControlNode {
    fleet: Fleet,
    api: Port,
    nodes: Port,
    metrics: BTreeMap<NodeId, Port>,
    authority: PathBuf,
    folder: PathBuf,
}

impl Deref for ControlNode {
    type Target = Fleet;

    fn deref(&self) -> &Fleet {
        &self.fleet
    }
}

impl DerefMut for ControlNode {
    fn deref_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }
}

impl ControlNode {
    /// Writes all that it needs, and does not start it.
    pub async fn prepare(mut options: ControlNodeOptions) -> Result<Self> {
        // A relative path in a configuration would start at the configuration.
        options.folder = std::path::absolute(&options.folder)?;
        let fleet = Fleet::new(
            options.binary.clone(),
            "control",
            options.log_filter.clone(),
            &options.folder,
            1,
        );
        let names = ["control-1 (API)", "control-1 (nodes)"].map(str::to_owned);
        let [api, nodes]: [Port; 2] = options
            .ports
            .claim(names)
            .await?
            .try_into()
            .map_err(|_| anyhow::anyhow!("a control plane has two ports"))?;
        let metrics = Ports::claim_for_metrics(options.metrics, &fleet).await?;
        let folder = fleet.folder(NODE)?;
        make_folder(folder)?;
        let authority = Authority::certificate_in(&options.folder);
        let folder = folder.to_owned();
        let config = Config {
            data_dir: &folder.join("data"),
            listen_api: api.address(),
            listen_nodes: nodes.address(),
            authority: AuthorityFiles {
                certificate: &authority,
                key: &options.folder.join("ca.key"),
            },
            log: options
                .log
                .iter()
                .map(|(node, address)| (node.get().to_string(), *address))
                .collect(),
            metrics: MetricsSection::of(metrics.get(&NODE)),
            limits: Limits {
                rescue_after_seconds: options.rescue_after_seconds,
                replace_after_seconds: options.replace_after_seconds,
            },
        };
        replace(&config_file(&folder), &toml::to_string(&config)?, PRIVATE)?;
        Ok(Self {
            fleet,
            api,
            nodes,
            metrics,
            authority,
            folder,
        })
    }

    /// How [`Fleet`] calls it.
    pub fn id(&self) -> NodeId {
        NODE
    }

    /// Where the API is.
    pub fn api(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where data nodes call.
    pub fn nodes_port(&self) -> SocketAddr {
        self.nodes.address()
    }

    /// Where it tells how it is, if it does.
    pub fn metrics(&self) -> Vec<SocketAddr> {
        self.metrics.values().map(Port::address).collect()
    }

    /// The certificate by which callers of the API know it.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Where the operator's token is, once it has been started.
    pub fn token_file(&self) -> PathBuf {
        self.folder.join("data").join("operator.token")
    }

    /// The operator's token, which its first start makes.
    pub fn token(&self) -> Result<String> {
        let path = self.token_file();
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        Ok(text.trim_end().to_owned())
    }
}

/// The configuration of `tenure server control`, as far as it is set here. `ops/tenure` owns the meaning.
#[derive(Serialize)]
struct Config<'a> {
    data_dir: &'a Path,
    listen_api: SocketAddr,
    listen_nodes: SocketAddr,
    authority: AuthorityFiles<'a>,
    log: BTreeMap<String, SocketAddr>,
    metrics: Option<MetricsSection>,
    limits: Limits,
}

#[derive(Serialize)]
struct AuthorityFiles<'a> {
    certificate: &'a Path,
    key: &'a Path,
}

#[derive(Serialize)]
struct Limits {
    rescue_after_seconds: Option<u64>,
    replace_after_seconds: Option<u64>,
}
