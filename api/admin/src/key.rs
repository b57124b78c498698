//! `/v1/api-keys`, `/v1/tenants/{tenant}/api-keys`, `/v1/whoami`

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// `key_…`
    pub id: String,
    /// The tenant whose things it opens. Absent: the whole platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What people call it.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: String,
    /// From when on it opens nothing. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// What the holder of a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, keys of owners included.
    Owner,
    /// Everything but keys of owners.
    Admin,
    /// Works on clusters that exist.
    Operator,
    /// Reads.
    Viewer,
    /// Reads metrics only.
    Metrics,
}

/// Body of `POST …/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// 1 to 63 small letters, digits and dashes; a letter first and no dash last.
    #[schema(pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub name: String,
    /// Not above the caller's own.
    pub role: Role,
    /// Days until it opens nothing any more, 1 to 3650. Default: it never ends.
    #[schema(minimum = 1, maximum = 3650)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A key that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// What to send: `Authorization: Bearer <token>`. Shown this once. Absent in a repeated answer to one `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for NewApiKey {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Answer of `GET /v1/whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// The key of the request.
    pub key: ApiKey,
}
