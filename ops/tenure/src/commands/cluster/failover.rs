//! `tenure cluster failover`

use clap::Args;
use tenure_admin::{Failover, calls};

use super::picture;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::commands::operation::follow::{self, Waiting};
use crate::commands::operation::say_how_to_wait;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The shard, such as 0001.
    #[arg(long, value_name = "SHARD")]
    shard: String,
    /// The node whose replica is to be primary, such as data-2. Default the one that lacks least.
    #[arg(long, value_name = "NODE")]
    to: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let body = Failover { to: arguments.to };
    let change = client.send(calls::failover(&tenant, &arguments.name, &arguments.shard, &body))?;
    let first = change.operation.clone().filter(|_| arguments.waiting.wait);
    let Some(first) = first else {
        if let Some(operation) = &change.operation {
            say_how_to_wait(operation);
        }
        return client
            .output
            .show(&change, || picture::text(&change.cluster, &change.shards));
    };
    let operation = follow::to_its_end(&client, first, arguments.waiting.timeout.timeout)?;
    let outcome = follow::outcome(&operation);
    let after = picture::after(&client, change, operation);
    let shown = client.output.show(&after.change, || after.text());
    outcome.and(shown)
}
