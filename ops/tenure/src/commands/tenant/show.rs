//! `tenure tenant show`

use clap::Args;
use tenure_admin::calls;

use crate::api_client::ApiArguments;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The tenant's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = client.send(calls::get_tenant(&arguments.name))?;
    client
        .output
        .show(&tenant, || super::table(std::slice::from_ref(&tenant)))
}
