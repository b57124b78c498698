//! `tenure api-key`: who may call the control plane.

mod create;
mod list;
mod revoke;

use clap::{Args, Subcommand};
use tenure_admin::ApiKey as Body;
use tenure_admin::calls::KeyScope;

use crate::api_client::{ApiClient, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, or_dash, word};

#[derive(Subcommand)]
pub(crate) enum ApiKey {
    /// Make a key. Its token is shown this once.
    Create(create::Arguments),
    /// List keys, without their tokens.
    List(list::Arguments),
    /// Revoke a key: from then on it opens nothing.
    Revoke(revoke::Arguments),
}

impl ApiKey {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(arguments) => create::run(arguments),
            Self::List(arguments) => list::run(&arguments),
            Self::Revoke(arguments) => revoke::run(&arguments),
        }
    }
}

/// Whose keys.
#[derive(Args)]
pub(crate) struct Scope {
    /// Keys that open the whole platform, instead of a tenant's.
    #[arg(long, conflicts_with = "tenant")]
    platform: bool,
    #[command(flatten)]
    tenant: TenantArgument,
}

impl Scope {
    /// The tenant, or none for the platform.
    fn resolve(&self, client: &ApiClient) -> Result<Option<String>, Failure> {
        if self.platform {
            return Ok(None);
        }
        self.tenant.resolve(client).map(Some)
    }
}

fn key_scope(tenant: Option<&String>) -> KeyScope<'_> {
    tenant.map_or(KeyScope::Platform, |tenant| KeyScope::Tenant(tenant))
}

fn table(keys: &[Body]) -> String {
    let mut table = Table::new(&["ID", "NAME", "ROLE", "TENANT", "CREATED", "EXPIRES", "REVOKED"]);
    for key in keys {
        table.push(&[
            key.id.as_str(),
            &key.name,
            &word(&key.role),
            or_dash(key.tenant.as_deref()),
            &key.created_at,
            or_dash(key.expires_at.as_deref()),
            or_dash(key.revoked_at.as_deref()),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use tenure_admin::Role;

    use super::*;

    #[test]
    fn a_key_is_a_row() {
        let key = Body {
            id: "key_1".to_owned(),
            tenant: None,
            name: "ann".to_owned(),
            role: Role::Owner,
            created_at: "2026-11-28T21:00:00.000Z".to_owned(),
            expires_at: None,
            revoked_at: None,
        };
        assert_eq!(
            table(&[key]),
            "ID     NAME  ROLE   TENANT  CREATED                   EXPIRES  REVOKED\n\
             key_1  ann   owner  -       2026-11-28T21:00:00.000Z  -        -\n"
        );
    }
}
