//! Tenants.

use tenure_admin as api;
use tenure_control_model::Tenant;

use super::time;

/// As it is.
pub(in crate::rest) fn tenant(tenant: &Tenant) -> api::Tenant {
    api::Tenant {
        id: tenant.id.to_string(),
        name: tenant.name.to_string(),
        created_at: time(tenant.created_at),
    }
}
