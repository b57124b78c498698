//! API keys, and what their holders may do.

use std::fmt;

use tenure_types::WallTime;

use crate::{ApiKeyId, TenantKey};

/// An API key. The secret itself is kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The part that is no secret.
    pub id: ApiKeyId,
    /// Whose things it opens; `None`: the whole platform.
    pub tenant: Option<TenantKey>,
    /// What people call it.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// When it was made.
    pub created_at: WallTime,
    /// From when on it opens nothing.
    pub expires_at: Option<WallTime>,
    /// When it was revoked.
    pub revoked_at: Option<WallTime>,
}

impl fmt::Debug for ApiKey {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {:?})", self.id, self.name, self.role)
    }
}

/// What the holder of a key may do, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything, keys of owners included.
    Owner,
    /// Everything but keys of owners.
    Admin,
    /// Works on clusters that exist: failovers, not creating and deleting.
    Operator,
    /// Reads.
    Viewer,
    /// Reads metrics only.
    Metrics,
}
