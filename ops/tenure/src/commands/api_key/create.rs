//! `tenure api-key create`

use clap::{Args, ValueEnum};
use tenure_admin::{CreateApiKey, NewApiKey, Role, calls};

use super::{Scope, key_scope};
use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::printable;

#[derive(Args)]
pub(crate) struct Arguments {
    /// What people call it: 1 to 63 small letters, digits and dashes; a letter first and no dash last.
    #[arg(value_name = "NAME")]
    name: String,
    /// What its holder may do, not more than the key that makes it.
    #[arg(long, value_name = "ROLE")]
    role: RoleName,
    /// Days until it opens nothing any more, 1 to 3650. Without it, it never ends.
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    api: ApiArguments,
}

/// The roles as the command line has them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
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

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Operator => Self::Operator,
            RoleName::Viewer => Self::Viewer,
            RoleName::Metrics => Self::Metrics,
        }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.scope.resolve(&client)?;
    let body = CreateApiKey {
        name: arguments.name,
        role: arguments.role.into(),
        expires_in_days: arguments.expires_in_days,
    };
    let made = client.send(calls::create_api_key(key_scope(tenant.as_ref()), &body))?;
    client.output.show(&made, || text(&made))
}

fn text(made: &NewApiKey) -> String {
    let key = super::table(std::slice::from_ref(&made.key));
    match &made.token {
        Some(token) => format!("{key}\ntoken, shown this once: {}\n", printable(token)),
        None => format!("{key}\nthe token was in an answer that was lost: revoke this key and make another\n"),
    }
}

#[cfg(test)]
mod tests {
    use tenure_admin::ApiKey;

    use super::*;

    #[test]
    fn the_token_is_shown_or_said_to_be_lost() {
        let mut made = NewApiKey {
            key: ApiKey {
                id: "key_1".to_owned(),
                tenant: Some("demo".to_owned()),
                name: "ci".to_owned(),
                role: Role::Viewer,
                created_at: "2026-11-28T21:00:00.000Z".to_owned(),
                expires_at: Some("2026-12-28T21:00:00.000Z".to_owned()),
                revoked_at: None,
            },
            token: Some("tnr_1_2".to_owned()),
        };
        assert_eq!(
            text(&made),
            "ID     NAME  ROLE    TENANT  CREATED                   EXPIRES                   REVOKED\n\
             key_1  ci    viewer  demo    2026-11-28T21:00:00.000Z  2026-12-28T21:00:00.000Z  -\n\
             \n\
             token, shown this once: tnr_1_2\n"
        );
        made.token = None;
        assert!(text(&made).ends_with("revoke this key and make another\n"));
    }
}
