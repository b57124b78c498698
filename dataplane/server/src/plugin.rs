//! Plugins in the data plane: their commands, found, called and taken back like nothing happened if they fail.
//! Promises: a call changes only keys that its request declares, by effects of native commands, all or nothing: whatever
//! becomes of the guest, what a failed call wrote is in no image, in no record and in nobody's watch. Effects are logged, so a
//! plugin never runs where records are replayed. What a plugin runs, and for how long it is remembered, is bounded.
//! Leaves to [`tenure_plugin_abi::Module`]: WebAssembly and its limits. Leaves to the turn: leases, holds, credit.
//!
//! ```text
//!   ClusterLayout.plugins ──▶ Attached (one for the node: health, tally)
//!                                ▼
//!   name ──▶ Plugins (one for each worker) ──▶ PluginCommand ──▶ Turn::run_plugin ──▶ Instance::call(CallHost)
//!                                                                   ▲ image, output ──┘ native commands, reply
//! ```

mod attached;
mod call_host;
mod command;
mod health;
mod lines;
mod natives;
mod running;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use tenure_plugin_abi::Fault;

pub(crate) use attached::Attached;
pub(crate) use call_host::{CallHost, EFFECTS_BYTES_MAX, Terms};
pub(crate) use command::PluginCommand;
pub(crate) use natives::Natives;
pub(crate) use running::{FoundPlugin, Plugins, Running};
pub use tally::PluginStats;

/// Why a plugin's command changed nothing. What begins with PLUGIN is no answer of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PluginError {
    /// The guest refused: the client reads what it said.
    #[error("{message}")]
    Refused { message: String },
    /// The guest broke.
    #[error("PLUGIN plugin {name} {version} failed: {fault}; nothing was changed")]
    Failed {
        name: String,
        version: String,
        fault: Fault,
    },
    /// It broke too often.
    #[error("PLUGIN plugin {name} is quarantined on this node for another {seconds} s: {fault}")]
    Quarantined { name: String, seconds: u64, fault: Fault },
    /// It is to be here, and is not.
    #[error("PLUGIN plugin {name} is not ready on this node")]
    NotReady { name: String },
    /// It was here when the command was queued.
    #[error("PLUGIN plugin {name} does not have this command any more")]
    Gone { name: String },
    /// A call writes so much that a record could not hold it.
    #[error("ERR plugin {name}: one call may write {bytes_max} bytes, nothing was changed")]
    WritesTooMuch { name: String, bytes_max: usize },
    /// What would take the call back is too large.
    #[error("ERR plugin {name}: one call may overwrite {bytes_max} bytes of small values, nothing was changed")]
    OverwritesTooMuch { name: String, bytes_max: usize },
    /// A native command answered more than a guest has memory for.
    #[error("ERR plugin {name}: a native command may answer {bytes_max} bytes to a plugin, nothing was changed")]
    AnswersTooMuch { name: String, bytes_max: usize },
}

impl PluginError {
    /// The same as a fault of the plugin, if it is one that the guest did not see.
    pub(crate) fn as_excess(&self) -> Option<Fault> {
        let (what, max) = match self {
            Self::WritesTooMuch { bytes_max, .. } => ("bytes to write", *bytes_max),
            Self::OverwritesTooMuch { bytes_max, .. } => ("bytes to overwrite", *bytes_max),
            Self::AnswersTooMuch { bytes_max, .. } => ("bytes of an answer", *bytes_max),
            Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Quarantined { .. }
            | Self::NotReady { .. }
            | Self::Gone { .. } => return None,
        };
        Some(Fault::TooMuch { what, max })
    }
}
