//! What a handler is given: a request that was permitted.

use std::fmt;

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use tenure_control_model::{ApiKey, Tenant};

use super::body::{self, Field};
use super::idempotency::Once;
use super::problem::Fault;
use super::query::Query;

/// A request that its caller may make.
#[derive(Clone)]
pub(super) struct Call {
    /// Whose it is.
    pub(super) key: ApiKey,
    /// The tenant in the path. The caller may know of it.
    pub(super) tenant: Option<Tenant>,
    /// Only parameters that the endpoint takes.
    pub(super) query: Query,
    /// The body of a change.
    pub(super) body: Bytes,
    /// The change is to be done once.
    pub(super) once: Option<Once>,
    /// What the row has to be.
    pub(super) if_match: Option<String>,
    /// Without the query.
    pub(super) path: String,
    /// The variable parts of the path, by name.
    pub(super) params: Vec<(String, String)>,
}

impl Call {
    /// The tenant in the path.
    pub(super) fn tenant(&self) -> Result<&Tenant, Fault> {
        self.tenant.as_ref().ok_or_else(Fault::internal)
    }

    /// A variable part of the path.
    pub(super) fn param(&self, name: &str) -> Result<&str, Fault> {
        let found = self.params.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(Fault::internal)
    }

    /// The body.
    pub(super) fn read<T: DeserializeOwned>(&self, fields: &[Field]) -> Result<T, Fault> {
        body::read(&self.body, fields)
    }
}

impl fmt::Debug for Call {
    /// Without the body: there may be a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("key", &self.key)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
