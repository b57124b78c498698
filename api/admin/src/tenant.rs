//! `/v1/tenants`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A customer: owns clusters and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    /// `ten_…`
    pub id: String,
    /// Unique, and for life.
    pub name: String,
    /// When it was made.
    pub created_at: String,
}

/// Body of `POST /v1/tenants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// 1 to 63 small letters, digits and dashes; a letter first and no dash last.
    #[schema(pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub name: String,
}
