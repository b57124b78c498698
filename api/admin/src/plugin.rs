//! `/v1/tenants/{tenant}/plugins`, and what clusters run of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A version of a plugin: a WebAssembly module that a tenant pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugin {
    /// `plg_…`
    pub id: String,
    /// Its tenant's name.
    pub tenant: String,
    /// As its manifest has it.
    pub name: String,
    /// Such as `1.0.2`. With the name unique in its tenant, and never other bytes.
    pub version: String,
    /// Of the module, in hexadecimal digits.
    pub sha256: String,
    /// How long the module is.
    pub bytes: u64,
    /// What it says of itself.
    pub description: String,
    /// The commands that it adds.
    pub commands: Vec<String>,
    /// Names of the clusters that run this version.
    pub clusters: Vec<String>,
    /// When it was pushed.
    pub created_at: String,
    /// The whole manifest. Absent in lists, and in an answer that is given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<serde_json::Value>,
}

/// Body of `PUT /v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachPlugin {
    /// Such as `1.0.2`. It was pushed before.
    #[schema(pattern = r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$")]
    pub version: String,
}

/// A plugin that a cluster runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterPlugin {
    /// Its name.
    pub name: String,
    /// Which version the cluster is to run.
    pub version: String,
    /// Of that version's module, in hexadecimal digits.
    pub sha256: String,
    /// Whether its nodes do.
    pub state: PluginState,
    /// Nodes that do not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<PluginProblem>,
}

/// Whether the nodes of a cluster run a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginState {
    /// Some node has still to load it.
    Attaching,
    /// Every node runs it.
    Active,
    /// Some node could not load it, or has put it in quarantine, or is not heard of.
    Degraded,
}

/// A node on which a plugin does not run as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginProblem {
    /// Such as `data-1`.
    pub node: String,
    /// What is wrong there.
    pub kind: PluginProblemKind,
    /// Why, in a sentence.
    pub reason: String,
}

/// What may be wrong with a plugin on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginProblemKind {
    /// It failed too often: its commands answer an error for a while.
    Quarantined,
    /// The node could not load it, and tries again. It serves without it, or with the version of before.
    Refused,
    /// The node is not heard of.
    Lost,
}
