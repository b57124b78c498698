//! Who owns clusters and keys.

use tenure_types::{TenantId, WallTime};

use crate::{Name, Revision, TenantKey};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantKey,
    /// Its number in the log and on the nodes. Never used again.
    pub number: TenantId,
    /// Unique, and for life.
    pub name: Name,
    /// When it was made.
    pub created_at: WallTime,
    /// How often it was changed.
    pub revision: Revision,
}
