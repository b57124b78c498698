//! `tenure plugin detach`

use clap::Args;
use tenure_admin::calls;

use super::finish;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::commands::operation::follow::Waiting;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    /// The plugin, such as ratelimit.
    #[arg(value_name = "NAME")]
    plugin: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let call = calls::detach_plugin(&tenant, &arguments.cluster, &arguments.plugin);
    let change = client.send(call)?;
    finish(&client, change, &arguments.waiting)
}
