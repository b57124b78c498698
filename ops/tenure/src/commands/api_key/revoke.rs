//! `tenure api-key revoke`

use clap::Args;
use tenure_admin::calls;

use super::{Scope, key_scope};
use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::say;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The key, such as key_…
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.scope.resolve(&client)?;
    client.send(calls::revoke_api_key(key_scope(tenant.as_ref()), &arguments.id))?;
    say(&format!("key {} is revoked", arguments.id));
    Ok(())
}
