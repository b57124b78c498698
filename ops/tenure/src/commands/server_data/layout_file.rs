//! The file that says which clusters there are and where their shards lie, shared by all data nodes. The comments here
//! are the manual. Until the control plane is there to send it, operators and `tenure dev` write it.
//! Promises: nothing is open to everybody unless it says so: a user without a password and a cluster without TLS are
//! spelled out. What no data node could host is an error. Leaves to `Layout::check`: the slots.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tenure_engine::eviction::Policy;
use tenure_server::{ClusterLayout, ClusterLimits, Layout, ReplicaLayout, ServerCertificate, ShardLayout, User};
use tenure_types::{NodeId, TenantId};

use self::words::{Password, Seed, Slots, Stream};
use super::config::WHERE_TO_LOOK;
use crate::failure::{Failure, OrHint};
use crate::settings;

mod words;

pub(super) const EXAMPLE: &str = r#"A layout (for its owner's eyes only: it has secrets; relative paths start at its own folder):

  [[cluster]]
  name = "demo"
  tenant = 1
  seed = "9ae16a3b2f90404f"           # random, the same on all nodes, told to nobody: 64 bits of hexadecimal
  users = [                           # "none" instead of a hash: whoever comes is this user
      { name = "default", password_sha256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8" },
  ]
  memory_bytes = 268435456            # of one shard's keys
  policy = "noeviction"               # what happens when it is full
  connections_max = 10000             # to one replica
  request_bytes_max = 8388608
  output_bytes_max = 67108864         # replies that one connection leaves unread
  clients_memory_bytes_max = 268435456  # of all connections to one replica, for requests, transactions and replies

  [cluster.tls]                       # or plaintext = true above, for development
  certificate = "demo.pem"
  key = "demo.key"

  [[cluster.shards]]
  name = "0001"
  stream = "stream-0-1"               # group and number in the log; never used by another shard, also not later
  slots = ["0-8191"]
  primary = 1
  replicas = [                        # all nodes that host it, with the port that it has there
      { node = 1, address = "127.0.0.1:7501" },
      { node = 2, address = "127.0.0.1:7502" },
  ]

  [[cluster.shards]]
  name = "0002"
  stream = "stream-0-2"
  slots = ["8192-16383"]
  primary = 2
  replicas = [{ node = 2, address = "127.0.0.1:7503" }, { node = 3, address = "127.0.0.1:7504" }]
"#;

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Layout, Failure> {
    let text: LayoutText = settings::read(path, WHERE_TO_LOOK)?;
    into_layout(text.cluster, path)
}

/// The layout of clusters that stood in the file `path`.
pub(super) fn into_layout(clusters: Vec<ClusterText>, path: &Path) -> Result<Layout, Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let layout = Layout {
        clusters: clusters
            .into_iter()
            .map(|cluster| cluster.into_layout(folder))
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} cannot be used", path.display()))
            .or_hint(WHERE_TO_LOOK)?,
    };
    check(&layout)
        .and_then(|()| Ok(layout.check()?))
        .with_context(|| format!("{} cannot be used", path.display()))
        .or_hint("give every cluster, shard, stream and port a name of its own, and every slot to one shard")?;
    Ok(layout)
}

/// What two shards or users can only have once.
fn check(layout: &Layout) -> anyhow::Result<()> {
    let (mut names, mut streams, mut addresses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for cluster in &layout.clusters {
        let ClusterLayout { name, tenant, .. } = cluster;
        ensure!(names.insert((*tenant, name)), "{tenant} has two clusters named {name}");
        let mut users = BTreeSet::new();
        for User { name: user, .. } in &cluster.users {
            ensure!(users.insert(user), "cluster {name}: user {user} is named twice");
        }
        let mut shards = BTreeSet::new();
        for shard in &cluster.shards {
            let ShardLayout { name: own, stream, .. } = shard;
            ensure!(shards.insert(own), "cluster {name}: shard {own} is named twice");
            ensure!(
                streams.insert(*stream),
                "cluster {name}, shard {own}: another shard has {stream}"
            );
            let mut nodes = BTreeSet::new();
            for ReplicaLayout { node, address } in &shard.replicas {
                ensure!(
                    nodes.insert(*node),
                    "cluster {name}, shard {own}: {node} is named twice"
                );
                ensure!(
                    addresses.insert(*address),
                    "cluster {name}, shard {own}: {address} is taken by another"
                );
            }
        }
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutText {
    #[serde(default)]
    cluster: Vec<ClusterText>,
}

/// One tenant's cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterText {
    /// Its name, unique within the tenant. Since 0.1.
    name: String,
    /// The number of the tenant that owns it. Since 0.1.
    tenant: u64,
    /// Seed of its keys' hashes: 16 hexadecimal digits. A client that knew it could make keys that are slow. Since 0.1.
    seed: Seed,
    /// Who may use it. Default nobody. Since 0.1.
    #[serde(default)]
    users: Vec<UserText>,
    /// Memory of one shard's keys. Default 256 MiB. Since 0.1.
    memory_bytes: Option<NonZeroUsize>,
    /// What happens when it is full. Default noeviction. Since 0.1.
    policy: Option<PolicyText>,
    /// Connections to one replica. Default 10,000. Since 0.1.
    connections_max: Option<NonZeroUsize>,
    /// Bytes of one request. Default 8 MiB. Since 0.1.
    request_bytes_max: Option<NonZeroUsize>,
    /// Bytes of replies that one connection leaves unread before it is closed. Default 64 MiB. Since 0.1.
    output_bytes_max: Option<NonZeroUsize>,
    /// Memory of all connections to one replica together; past it the one that keeps most is closed. Default 256 MiB.
    /// Since 0.1.
    clients_memory_bytes_max: Option<NonZeroUsize>,
    /// What its ports show to clients. No default. Since 0.1.
    tls: Option<ServerCertificateText>,
    /// Instead of `tls`: clients speak without it. For development only. Since 0.1.
    #[serde(default)]
    plaintext: bool,
    /// Its shards. Together they have every slot once. Since 0.1.
    shards: Vec<ShardText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserText {
    /// As in `AUTH name password`; `default` is who `AUTH password` means. Since 0.1.
    name: String,
    /// SHA-256 of the password in hexadecimal, or `none`: no password is asked for. Since 0.1.
    password_sha256: Password,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerCertificateText {
    /// The certificate, with those between it and the authority. PEM. Since 0.1.
    certificate: PathBuf,
    /// The key to it. PEM. Since 0.1.
    key: PathBuf,
}

/// What happens when a shard's memory is full.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PolicyText {
    /// Writes that need memory are refused.
    #[serde(rename = "noeviction")]
    NoEviction,
    /// The key goes that was not used for longest.
    AllkeysLru,
    /// The same, among keys with an expiry.
    VolatileLru,
    /// The key goes that is used least.
    AllkeysLfu,
    /// The same, among keys with an expiry.
    VolatileLfu,
    /// Any key goes.
    AllkeysRandom,
    /// Any key with an expiry goes.
    VolatileRandom,
    /// The key goes whose time comes next.
    VolatileTtl,
}

impl PolicyText {
    fn policy(self) -> Policy {
        match self {
            Self::NoEviction => Policy::NoEviction,
            Self::AllkeysLru => Policy::AllKeysLru,
            Self::VolatileLru => Policy::VolatileLru,
            Self::AllkeysLfu => Policy::AllKeysLfu,
            Self::VolatileLfu => Policy::VolatileLfu,
            Self::AllkeysRandom => Policy::AllKeysRandom,
            Self::VolatileRandom => Policy::VolatileRandom,
            Self::VolatileTtl => Policy::VolatileTtl,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardText {
    /// Such as `0001`. Since 0.1.
    name: String,
    /// Its stream in the log. Since 0.1.
    stream: Stream,
    /// Its slots: `0-8191`, or one alone. Since 0.1.
    slots: Vec<Slots>,
    /// The number of the data node that is its primary. Since 0.1.
    primary: NonZeroU64,
    /// All data nodes that host it, the primary's included. Since 0.1.
    replicas: Vec<ReplicaText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplicaText {
    /// The number of the data node. Since 0.1.
    node: NonZeroU64,
    /// Where it listens for this shard, and where clients reach it. Since 0.1.
    address: SocketAddr,
}

impl ClusterText {
    fn into_layout(self, folder: &Path) -> anyhow::Result<ClusterLayout> {
        let limits = self.limits();
        let Self {
            name, tls, plaintext, ..
        } = self;
        ensure!(!name.is_empty(), "a cluster has a name");
        ensure!(
            tls.is_some() != plaintext,
            "cluster {name}: add [cluster.tls], or plaintext = true to serve clients without TLS"
        );
        Ok(ClusterLayout {
            name,
            tenant: TenantId::new(self.tenant),
            seed: self.seed.0,
            users: self.users.into_iter().map(UserText::into_user).collect(),
            limits,
            tls: tls.map(|tls| tls.read(folder)).transpose()?,
            shards: self.shards.into_iter().map(ShardText::into_layout).collect(),
            plugins: Vec::new(),
        })
    }

    fn limits(&self) -> ClusterLimits {
        let default = ClusterLimits::default();
        let or = |set: Option<NonZeroUsize>, default| set.map_or(default, NonZeroUsize::get);
        ClusterLimits {
            memory_bytes_max: or(self.memory_bytes, default.memory_bytes_max),
            policy: self.policy.map_or(default.policy, PolicyText::policy),
            connections_max: or(self.connections_max, default.connections_max),
            request_bytes_max: or(self.request_bytes_max, default.request_bytes_max),
            output_bytes_max: or(self.output_bytes_max, default.output_bytes_max),
            clients_memory_bytes_max: or(self.clients_memory_bytes_max, default.clients_memory_bytes_max),
        }
    }
}

impl ServerCertificateText {
    fn read(&self, folder: &Path) -> anyhow::Result<ServerCertificate> {
        let (certificate, key) = (folder.join(&self.certificate), folder.join(&self.key));
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        let shown = ServerCertificate {
            certificate_pem: read(&certificate)?,
            key_pem: read(&key)?,
        };
        let unusable = || {
            let (certificate, key) = (certificate.display(), key.display());
            format!("cannot use the certificate {certificate} with the key {key}")
        };
        shown.check().with_context(unusable)?;
        Ok(shown)
    }
}

impl UserText {
    fn into_user(self) -> User {
        User {
            name: self.name,
            password_sha256: self.password_sha256.0,
        }
    }
}

impl ShardText {
    fn into_layout(self) -> ShardLayout {
        let replica = |replica: ReplicaText| ReplicaLayout {
            node: NodeId::new(replica.node.get()),
            address: replica.address,
        };
        ShardLayout {
            name: self.name,
            stream: self.stream.0,
            slots: self.slots.into_iter().map(|slots| slots.0).collect(),
            primary: NodeId::new(self.primary.get()),
            replicas: self.replicas.into_iter().map(replica).collect(),
            give_up: None,
        }
    }
}

#[cfg(test)]
mod tests;
