//! What a folder's cluster is, in `dev.toml`: drawn and written once, and read by every later start.
//! Promises: a flag that contradicts the folder is refused, and one that is left out takes what the folder has. The
//! password is random and for its owner's eyes only.

use std::fmt::Display;
use std::num::NonZeroU64;
use std::path::Path;

use anyhow::{anyhow, ensure};
use clap::Args;
use rand::RngExt;
use serde::Deserialize;
use tenure_devcluster::{PRIVATE, Placement, replace};

use super::folder::Folder;
use super::memory_size;
use crate::failure::{Failure, OrHint};
use crate::settings;

/// 1 was without a control plane, 2 without plugins and metrics.
const FORMAT: u32 = 3;
/// Ports of each data node beyond those that the first cluster needs.
const SPARE_PORTS: u16 = 16;
const FILE: &str = "dev.toml";
/// Offsets from the base port, at which the control plane is.
const LOG_PORTS: u16 = 11;
const DATA_PORTS: u16 = 101;
/// Those of metrics: one of the control plane, one of each log node, one of each data node.
const CONTROL_METRICS_PORT: u16 = 2;
const LOG_METRICS_PORTS: u16 = 21;
const DATA_METRICS_PORTS: u16 = 31;
/// As many as have ports of metrics before those of clients.
const DATA_NODES_MAX: u16 = DATA_PORTS - DATA_METRICS_PORTS;
/// As many as have ports before those of the data nodes, and more than any quorum needs.
const LOG_NODES_MAX: u16 = 9;
const DEFAULTS: Shape = Shape {
    base_port: 7400,
    log_nodes: 3,
    data_nodes: 3,
    shards: 1,
    replicas: 1,
    memory_bytes: NonZeroU64::new(256 << 20).unwrap(),
    tls: true,
};

/// What can be chosen for a new folder. An old one must be given the same, or nothing.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Flags {
    /// The ports begin here: log nodes from 11 on, metrics below 101, data nodes from there on. Default 7400.
    #[arg(long, value_name = "PORT")]
    base_port: Option<u16>,
    /// Log nodes. Default 3.
    #[arg(long, value_name = "NUMBER")]
    log_nodes: Option<u16>,
    /// Data nodes. Default 3.
    #[arg(long, value_name = "NUMBER")]
    data_nodes: Option<u16>,
    /// Shards of the cluster. Default 1.
    #[arg(long, value_name = "NUMBER")]
    shards: Option<u16>,
    /// Replicas of each shard, beside its primary. Default 1.
    #[arg(long, value_name = "NUMBER")]
    replicas: Option<u16>,
    /// Memory of the cluster's keys, such as 512mb: its shards share it evenly. Default 256mb.
    #[arg(long, value_name = "SIZE", value_parser = memory_size::parse)]
    memory: Option<NonZeroU64>,
    /// Serve clients without TLS. For development only.
    #[arg(long)]
    no_tls: bool,
}

/// The cluster of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) shape: Shape,
    /// Of the user `default`.
    pub(super) password: String,
}

/// The part that flags choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) base_port: u16,
    pub(super) log_nodes: u16,
    pub(super) data_nodes: u16,
    pub(super) shards: u16,
    pub(super) replicas: u16,
    pub(super) memory_bytes: NonZeroU64,
    pub(super) tls: bool,
}

impl Kept {
    /// What the folder has, if it was used before. Flags must agree with it.
    pub(super) fn find(folder: &Folder, flags: &Flags) -> Result<Option<Self>, Failure> {
        let path = folder.path().join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let kept = Self::read(&path)?;
        let agreed = flags.agree_with(&kept.shape);
        agreed
            .map_err(|error| error.context(format!("{} has another cluster", folder.path().display())))
            .or_hint("leave the flag out, or name another folder: --data-dir FOLDER")?;
        Ok(Some(kept))
    }

    /// A new cluster, which is nowhere yet.
    pub(super) fn new(flags: &Flags) -> Result<Self, Failure> {
        let shape = flags.over(&DEFAULTS);
        let checked = shape.check();
        checked.map_err(|error| Failure::usage(error, "see --help of this command"))?;
        Ok(Self::draw(shape, &mut rand::rng()))
    }

    /// Makes it the folder's.
    pub(super) fn write(&self, folder: &Folder) -> Result<(), Failure> {
        let written = replace(&folder.path().join(FILE), &self.text(), PRIVATE);
        written.or_hint("name a folder that this user may write: --data-dir FOLDER")
    }

    fn draw(shape: Shape, rng: &mut impl RngExt) -> Self {
        Self {
            shape,
            password: format!("{:032x}", rng.random::<u128>()),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let hint = "it is written by tenure dev and not for editing; name another folder: --data-dir FOLDER";
        let text: Text = settings::read(path, hint)?;
        let format = text.format;
        let wrong = |what: String| Failure::new(anyhow!("{}: {what}", path.display()), hint);
        if format != FORMAT {
            return Err(wrong(format!(
                "it has format {format}, and this release knows format {FORMAT}"
            )));
        }
        let kept = Self {
            shape: Shape {
                base_port: text.base_port,
                log_nodes: text.log_nodes,
                data_nodes: text.data_nodes,
                shards: text.shards,
                replicas: text.replicas,
                memory_bytes: text.memory_bytes,
                tls: text.tls,
            },
            password: text.password,
        };
        kept.shape.check().map_err(|error| wrong(error.to_string()))?;
        Ok(kept)
    }

    /// Written by hand for the comment. The password is hexadecimal and needs no quoting.
    fn text(&self) -> String {
        let Self { shape, password } = self;
        let Shape {
            base_port,
            log_nodes,
            data_nodes,
            shards,
            replicas,
            memory_bytes,
            tls,
        } = shape;
        format!(
            "# The cluster of this folder, as tenure dev drew it. Do not edit it: the log in this folder names the same\n\
             # nodes and ports.\n\
             format = {FORMAT}\n\
             base_port = {base_port}\n\
             log_nodes = {log_nodes}\n\
             data_nodes = {data_nodes}\n\
             shards = {shards}\n\
             replicas = {replicas}\n\
             memory_bytes = {memory_bytes}\n\
             tls = {tls}\n\
             password = \"{password}\"\n"
        )
    }
}

impl Shape {
    /// The first port of the log nodes.
    pub(super) fn log_port(&self) -> u16 {
        self.base_port.saturating_add(LOG_PORTS)
    }

    /// The first port of the data nodes.
    pub(super) fn data_port(&self) -> u16 {
        self.base_port.saturating_add(DATA_PORTS)
    }

    /// The first ports of metrics: of the control plane, the log nodes and the data nodes.
    pub(super) fn metrics_ports(&self) -> [u16; 3] {
        [CONTROL_METRICS_PORT, LOG_METRICS_PORTS, DATA_METRICS_PORTS].map(|port| self.base_port.saturating_add(port))
    }

    /// How many ports each data node offers.
    pub(super) fn ports_per_node(&self) -> u16 {
        let replicas = self.shards.saturating_mul(self.replicas.saturating_add(1));
        replicas.div_ceil(self.data_nodes.max(1)).saturating_add(SPARE_PORTS)
    }

    /// Memory of the keys of one shard.
    pub(super) fn shard_memory_bytes(&self) -> usize {
        let bytes = self.memory_bytes.get() / u64::from(self.shards.max(1));
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Where the shards lie.
    pub(super) fn placement(&self) -> Placement {
        Placement {
            shards: self.shards,
            replicas: self.replicas,
            data_nodes: self.data_nodes,
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let (log_nodes, base_port) = (self.log_nodes, self.base_port);
        ensure!(
            (1..=LOG_NODES_MAX).contains(&log_nodes),
            "a log quorum here has 1 to {LOG_NODES_MAX} nodes, not {log_nodes}"
        );
        let data_nodes = self.data_nodes;
        ensure!(
            data_nodes <= DATA_NODES_MAX,
            "there are ports for {DATA_NODES_MAX} data nodes here, not for {data_nodes}"
        );
        self.placement().check()?;
        let data_ports = usize::from(self.shards) * (usize::from(self.replicas) + 1);
        let last = usize::from(base_port) + usize::from(DATA_PORTS) + data_ports - 1;
        ensure!(
            base_port > 0 && last <= usize::from(u16::MAX),
            "the ports from {base_port} on do not suffice: the last would be {last}"
        );
        ensure!(self.shard_memory_bytes() > 0, "each shard needs memory");
        Ok(())
    }
}

impl Flags {
    fn over(&self, shape: &Shape) -> Shape {
        Shape {
            base_port: self.base_port.unwrap_or(shape.base_port),
            log_nodes: self.log_nodes.unwrap_or(shape.log_nodes),
            data_nodes: self.data_nodes.unwrap_or(shape.data_nodes),
            shards: self.shards.unwrap_or(shape.shards),
            replicas: self.replicas.unwrap_or(shape.replicas),
            memory_bytes: self.memory.unwrap_or(shape.memory_bytes),
            tls: shape.tls && !self.no_tls,
        }
    }

    fn agree_with(&self, kept: &Shape) -> anyhow::Result<()> {
        fn agree<T: Display>(flag: &str, asked: Option<T>, kept: T) -> anyhow::Result<()> {
            let (asked, kept) = (asked.map(|asked| asked.to_string()), kept.to_string());
            match asked.filter(|asked| *asked != kept) {
                Some(asked) => Err(anyhow!("it was made with {flag} {kept}, not {asked}")),
                None => Ok(()),
            }
        }
        agree("--base-port", self.base_port, kept.base_port)?;
        agree("--log-nodes", self.log_nodes, kept.log_nodes)?;
        agree("--data-nodes", self.data_nodes, kept.data_nodes)?;
        agree("--shards", self.shards, kept.shards)?;
        agree("--replicas", self.replicas, kept.replicas)?;
        let size = |bytes: NonZeroU64| memory_size::text(bytes.get());
        agree("--memory", self.memory.map(size), size(kept.memory_bytes))?;
        ensure!(!(self.no_tls && kept.tls), "it was made with TLS, not --no-tls");
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    base_port: u16,
    log_nodes: u16,
    data_nodes: u16,
    shards: u16,
    replicas: u16,
    memory_bytes: NonZeroU64,
    tls: bool,
    password: String,
}

#[cfg(test)]
mod tests;
