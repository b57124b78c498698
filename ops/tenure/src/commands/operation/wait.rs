//! `tenure operation wait`

use clap::Args;
use tenure_admin::calls;

use super::{follow, show};
use crate::api_client::ApiArguments;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The operation, such as op_…
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    timeout: follow::Timeout,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let first = client.send(calls::get_operation(&arguments.id, None))?;
    let operation = follow::to_its_end(&client, first, arguments.timeout.timeout)?;
    let shown = client.output.show(&operation, || show::text(&operation));
    follow::outcome(&operation).and(shown)
}
