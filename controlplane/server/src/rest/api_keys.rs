//! `/v1/api-keys`, of the platform, and `/v1/tenants/{tenant}/api-keys`

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;
