//! Names of tenants by their ids.
//! Promises: a tenant is called the same for life, so a name that was read once is right for ever.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tenure_control_model::TenantKey;

use super::Rest;
use super::problem::Fault;

/// Those that were asked for. As many as there are tenants, at most.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<TenantKey, String>>);

impl Rest {
    /// The tenant's name, or its id if it is gone.
    pub(super) async fn tenant_name(&self, id: TenantKey) -> Result<String, Fault> {
        if let Some(name) = self.names.get(id) {
            return Ok(name);
        }
        let world = self.shared.store.world().await?;
        for tenant in &world.tenants {
            self.names.put(tenant.id, tenant.name.as_str());
        }
        Ok(self.names.get(id).unwrap_or_else(|| id.to_string()))
    }
}

impl Names {
    fn get(&self, id: TenantKey) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, id: TenantKey, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(id, name.to_owned());
    }
}
