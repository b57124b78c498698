//! API keys, without their secrets.

use tenure_admin as api;
use tenure_control_model::{ApiKey, Role};

use super::time;

/// As it is. `tenant`: its tenant's name.
pub(in crate::rest) fn api_key(key: &ApiKey, tenant: Option<String>) -> api::ApiKey {
    api::ApiKey {
        id: key.id.to_string(),
        tenant,
        name: key.name.clone(),
        role: match key.role {
            Role::Owner => api::Role::Owner,
            Role::Admin => api::Role::Admin,
            Role::Operator => api::Role::Operator,
            Role::Viewer => api::Role::Viewer,
            Role::Metrics => api::Role::Metrics,
        },
        created_at: time(key.created_at),
        expires_at: key.expires_at.map(time),
        revoked_at: key.revoked_at.map(time),
    }
}

/// The role that is asked for.
pub(in crate::rest) fn role(role: api::Role) -> Role {
    match role {
        api::Role::Owner => Role::Owner,
        api::Role::Admin => Role::Admin,
        api::Role::Operator => Role::Operator,
        api::Role::Viewer => Role::Viewer,
        api::Role::Metrics => Role::Metrics,
    }
}
