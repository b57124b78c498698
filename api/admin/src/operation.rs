//! `/v1/operations`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that takes a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// `op_…`
    pub id: String,
    /// In kebab-case: `create-cluster`, `delete-cluster`, `failover`, `verify-log`.
    pub kind: String,
    /// How it stands.
    pub state: OperationState,
    /// The tenant it belongs to. Absent: the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The id of the cluster that it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What it is about, for people: `demo/shop`, `demo/shop/0001 to data-2`.
    pub target: String,
    /// Its parts in order.
    pub steps: Vec<Step>,
    /// Share of the steps that are done, in percent.
    pub progress_percent: u8,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperationError>,
    /// When it was asked for.
    pub created_at: String,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationState {
    /// Nobody has begun.
    Pending,
    /// It is under way.
    Running,
    /// It is done.
    Succeeded,
    /// It is over, and not done.
    Failed,
}

/// A part of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Such as `place shards`.
    pub name: String,
    /// How it stands.
    pub state: StepState,
    /// What it waits for, or what came of it. May be empty.
    pub detail: String,
}

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// To come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Not done, and not to be.
    Failed,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationError {
    /// Kebab-case, for programs.
    pub code: String,
    /// A sentence, and what to do.
    pub detail: String,
}
