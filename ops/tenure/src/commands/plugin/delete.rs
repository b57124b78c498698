//! `tenure plugin delete`. It asks nothing: no cluster runs what can be deleted, and it can be pushed again.

use clap::Args;
use tenure_admin::calls;

use super::version::Named;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::say;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The plugin and its version, such as ratelimit@1.0.2.
    #[arg(value_name = "NAME@VERSION")]
    plugin: Named,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let Named { name, version } = &arguments.plugin;
    client.send(calls::delete_plugin(&tenant, name, &version.to_string()))?;
    say(&format!("plugin {tenant}/{name}@{version} is deleted"));
    Ok(())
}
