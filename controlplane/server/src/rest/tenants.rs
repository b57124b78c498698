//! `/v1/tenants`

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
