//! `/v1/admin`: for operators of the platform.

pub(super) mod get_node;
pub(super) mod leases;
pub(super) mod log_groups;
pub(super) mod nodes;
pub(super) mod verify;
