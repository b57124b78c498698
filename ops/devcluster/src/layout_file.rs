//! The layout as the data nodes read it: TOML, for its owner's eyes only.
//! Promises: what is written says the same as the layout it was made of. Leaves to `ops/tenure`: the meaning of each key.
//!
//! ```text
//! <folder>/layout.toml
//! <folder>/cluster-demo/certificate.pem, key.pem
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use tenure_server::{ClusterLayout, Layout, ServerCertificate, ShardLayout, User};

use crate::new_file::{PRIVATE, PUBLIC, make_folder, replace};

/// Writes it, in the place of the one that may be there, and beside it the certificates of its clusters.
pub fn write_layout(layout: &Layout, path: &Path) -> Result<()> {
    let folder = path.parent().context("a layout file lies in a folder")?;
    let cluster = layout.clusters.iter().map(|cluster| ClusterText::new(cluster, folder));
    let cluster = cluster.collect::<Result<_>>()?;
    replace(path, &toml::to_string(&LayoutText { cluster })?, PRIVATE)
}

/// Where the certificate of a cluster is.
pub(crate) fn certificate_folder(folder: &Path, cluster: &str) -> PathBuf {
    folder.join(format!("cluster-{cluster}"))
}

#[derive(Serialize)]
struct LayoutText {
    cluster: Vec<ClusterText>,
}

#[derive(Serialize)]
struct ClusterText {
    name: String,
    tenant: u64,
    seed: String,
    memory_bytes: usize,
    policy: &'static str,
    connections_max: usize,
    request_bytes_max: usize,
    output_bytes_max: usize,
    clients_memory_bytes_max: usize,
    plaintext: bool,
    users: Vec<UserText>,
    tls: Option<ServerCertificateText>,
    shards: Vec<ShardText>,
}

#[derive(Serialize)]
struct UserText {
    name: String,
    password_sha256: String,
}

#[derive(Serialize)]
struct ServerCertificateText {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Serialize)]
struct ShardText {
    name: String,
    stream: String,
    slots: Vec<String>,
    primary: u64,
    replicas: Vec<ReplicaText>,
}

#[derive(Serialize)]
struct ReplicaText {
    node: u64,
    address: SocketAddr,
}

impl ClusterText {
    fn new(cluster: &ClusterLayout, folder: &Path) -> Result<Self> {
        let limits = cluster.limits;
        let folder = certificate_folder(folder, &cluster.name);
        let tls = cluster
            .tls
            .as_ref()
            .map(|shown| ServerCertificateText::keep(shown, &folder));
        Ok(Self {
            name: cluster.name.clone(),
            tenant: cluster.tenant.get(),
            seed: format!("{:016x}", cluster.seed),
            memory_bytes: limits.memory_bytes_max,
            policy: limits.policy.name(),
            connections_max: limits.connections_max,
            request_bytes_max: limits.request_bytes_max,
            output_bytes_max: limits.output_bytes_max,
            clients_memory_bytes_max: limits.clients_memory_bytes_max,
            plaintext: cluster.tls.is_none(),
            users: cluster.users.iter().map(UserText::new).collect(),
            tls: tls.transpose()?,
            shards: cluster.shards.iter().map(ShardText::new).collect(),
        })
    }
}

impl UserText {
    fn new(user: &User) -> Self {
        let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            name: user.name.clone(),
            password_sha256: user.password_sha256.map_or_else(|| "none".to_owned(), hex),
        }
    }
}

impl ServerCertificateText {
    /// Writes the files.
    fn keep(shown: &ServerCertificate, folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        replace(&key, &shown.key_pem, PRIVATE)?;
        replace(&certificate, &shown.certificate_pem, PUBLIC)?;
        Ok(Self { certificate, key })
    }
}

impl ShardText {
    fn new(shard: &ShardLayout) -> Self {
        let slots = shard
            .slots
            .iter()
            .map(|range| format!("{}-{}", range.first, range.last));
        let replicas = shard.replicas.iter().map(|replica| ReplicaText {
            node: replica.node.get(),
            address: replica.address,
        });
        Self {
            name: shard.name.clone(),
            stream: shard.stream.to_string(),
            slots: slots.collect(),
            primary: shard.primary.get(),
            replicas: replicas.collect(),
        }
    }
}
