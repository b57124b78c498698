//! `/v1/operations`

pub(super) mod get;
pub(super) mod list;
