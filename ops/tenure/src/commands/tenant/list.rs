//! `tenure tenant list`

use clap::Args;
use tenure_admin::calls;

use crate::api_client::ApiArguments;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let list = client.all(usize::MAX, calls::list_tenants)?;
    client.output.show(&list, || super::table(&list.items))
}
