//! `tenure tenant delete`

use clap::Args;
use tenure_admin::calls;

use crate::api_client::ApiArguments;
use crate::commands::confirm::Confirm;
use crate::failure::Failure;
use crate::output::say;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The tenant's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let name = &arguments.name;
    arguments
        .confirm
        .ask(&format!("delete tenant {name} and its API keys"), name)?;
    client.send(calls::delete_tenant(name))?;
    say(&format!("tenant {name} is deleted"));
    Ok(())
}
