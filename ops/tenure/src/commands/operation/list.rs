//! `tenure operation list`

use std::num::NonZeroUsize;

use clap::Args;
use tenure_admin::{Operation, calls};

use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, word};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    tenant: TenantArgument,
    /// Operations at most, the newest first.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    limit: NonZeroUsize,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    // Without a name: all that the key may see.
    let tenant = arguments.tenant.named();
    let list = client.all(arguments.limit.get(), |page| {
        calls::list_operations(tenant.as_deref(), page)
    })?;
    client.output.show(&list, || table(&list.items))
}

fn table(operations: &[Operation]) -> String {
    let mut table = Table::new(&["ID", "KIND", "TARGET", "STATE", "DONE", "CREATED", "FINISHED"]);
    for operation in operations {
        table.push(&[
            &operation.id,
            &operation.kind,
            &operation.target,
            &word(&operation.state),
            &format!("{}%", operation.progress_percent),
            &operation.created_at,
            operation.finished_at.as_deref().unwrap_or("-"),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use tenure_admin::OperationState;

    use super::*;

    #[test]
    fn an_operation_is_a_row() {
        let operation = Operation {
            id: "op_1".to_owned(),
            kind: "failover".to_owned(),
            state: OperationState::Running,
            tenant: Some("demo".to_owned()),
            cluster: None,
            target: "demo/shop/0001 to data-2".to_owned(),
            steps: Vec::new(),
            progress_percent: 33,
            error: None,
            created_at: "2026-11-28T21:00:00.000Z".to_owned(),
            finished_at: None,
        };
        assert_eq!(
            table(&[operation]),
            "ID    KIND      TARGET                    STATE    DONE  CREATED                   FINISHED\n\
             op_1  failover  demo/shop/0001 to data-2  RUNNING  33%   2026-11-28T21:00:00.000Z  -\n"
        );
    }
}
