//! `tenure cluster delete`

use clap::Args;
use tenure_admin::calls;

use crate::api_client::{ApiArguments, TenantArgument};
use crate::commands::confirm::Confirm;
use crate::commands::operation::follow::{self, Waiting};
use crate::commands::operation::say_how_to_wait;
use crate::failure::Failure;
use crate::output::{printable, word};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    confirm: Confirm,
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
    let name = &arguments.name;
    let target = printable(&format!("{tenant}/{name}"));
    arguments
        .confirm
        .ask(&format!("delete cluster {target} and all data in it"), name)?;
    let mut change = client.send(calls::delete_cluster(&tenant, name))?;
    let Some(operation) = change.operation.take() else {
        return client.output.show(&change, || format!("cluster {target} is deleted\n"));
    };
    if !arguments.waiting.wait {
        say_how_to_wait(&operation);
        let state = word(&change.cluster.state);
        change.operation = Some(operation);
        return client.output.show(&change, || format!("cluster {target} is {state}\n"));
    }
    let operation = follow::to_its_end(&client, operation, arguments.waiting.timeout.timeout)?;
    let outcome = follow::outcome(&operation);
    let verb = if outcome.is_ok() { "is" } else { "could not be" };
    change.operation = Some(operation);
    let shown = client
        .output
        .show(&change, || format!("cluster {target} {verb} deleted\n"));
    outcome.and(shown)
}
