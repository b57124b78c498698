//! `tenure log verify`

use clap::Args;
use tenure_admin::calls;

use crate::api_client::ApiArguments;
use crate::commands::operation::begun;
use crate::commands::operation::follow::Waiting;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let operation = client.send(calls::verify_log())?;
    begun(&client, operation, &arguments.waiting)
}
