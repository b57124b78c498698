//! `tenure api-key list`

use clap::Args;
use tenure_admin::calls;

use super::{Scope, key_scope};
use crate::api_client::ApiArguments;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.scope.resolve(&client)?;
    let scope = key_scope(tenant.as_ref());
    let list = client.all(usize::MAX, |page| calls::list_api_keys(scope, page))?;
    client.output.show(&list, || super::table(&list.items))
}
