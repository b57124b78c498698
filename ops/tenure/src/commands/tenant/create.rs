//! `tenure tenant create`

use clap::Args;
use tenure_admin::{CreateTenant, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// 1 to 63 small letters, digits and dashes; a letter first and no dash last. It cannot be changed later.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let body = CreateTenant { name: arguments.name };
    let tenant = client.send(calls::create_tenant(&body))?;
    client
        .output
        .show(&tenant, || super::table(std::slice::from_ref(&tenant)))
}
