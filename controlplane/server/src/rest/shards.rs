//! `/v1/tenants/{tenant}/clusters/{cluster}/shards`

pub(super) mod failover;
pub(super) mod list;
