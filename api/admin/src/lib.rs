//! The HTTP contract of the control plane: paths, bodies, errors, and a client that leaves the socket to its user.
//! Promises: server and clients are compiled from the same types; `/v1` only ever gains optional fields and paths. A field
//! that a client does not know it skips; one that the server does not know it refuses.
//!
//! | what | how |
//! |---|---|
//! | ids | text with a prefix: `clu_…`, sortable by age; names are unique in their tenant and stand in paths |
//! | times | RFC 3339 in UTC with milliseconds |
//! | sizes | bytes |
//! | lists | `{"items": […], "next_page_token": "…"}`; `page_size`, `page_token` in the query |
//! | mutations | 201 or 202 with the resource in a transient state and the operation that goes on |
//! | errors | `application/problem+json`, RFC 9457, [`Problem`] |

mod client;
mod cluster;
mod key;
mod log;
mod node;
mod operation;
mod page;
mod plugin;
mod problem;
mod record;
mod tenant;

pub use client::{Call, ClientError, IDEMPOTENCY_KEY, Method, Nothing, calls};
pub use cluster::{
    Cluster, ClusterChange, ClusterSpec, ClusterState, Condition, ConditionStatus, ConditionType, CreateCluster,
    Failover, Replica, ReplicaRole, Shard,
};
pub use key::{ApiKey, CreateApiKey, NewApiKey, Role, WhoAmI};
pub use log::{Lease, LogGroup, LogGroups};
pub use node::{Node, NodePolicy, NodeReplica};
pub use operation::{Operation, OperationError, OperationState, Step, StepState};
pub use page::List;
pub use plugin::{AttachPlugin, ClusterPlugin, Plugin, PluginProblem, PluginProblemKind, PluginState};
pub use problem::{FieldError, Problem};
pub use record::{AuditEntry, Event};
pub use tenant::{CreateTenant, Tenant};

/// Media type of a plugin's module.
pub const WASM: &str = "application/wasm";

/// Media type of errors.
pub const PROBLEM_JSON: &str = "application/problem+json";
