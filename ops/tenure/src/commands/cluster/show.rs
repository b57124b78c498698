//! `tenure cluster show`

use clap::Args;

use super::picture;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let now = picture::read(&client, &tenant, &arguments.name, None)?;
    client.output.show(&now, || picture::text(&now.cluster, &now.shards))
}
