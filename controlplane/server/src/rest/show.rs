//! The model as the API shows it: plain functions from what is intended and what was heard to bodies.

mod cluster;
mod conditions;
mod key;
mod lease;
mod node;
mod operation;
mod plugin;
mod record;
mod shard;
mod tenant;
mod text;
mod view;

pub(super) use cluster::cluster;
pub(super) use key::{api_key, role};
pub(super) use lease::{lease, log_groups};
pub(super) use node::node;
pub(super) use operation::operation;
pub(super) use plugin::plugin;
pub(super) use record::{audit_entry, event};
pub(super) use shard::shards;
pub(super) use tenant::tenant;
pub(super) use text::{data_node, data_node_of, time};
pub(super) use view::View;
