//! `tenure operation show`

use clap::Args;
use tenure_admin::{Operation, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::{Table, word};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The operation, such as op_…
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let operation = client.send(calls::get_operation(&arguments.id, None))?;
    client.output.show(&operation, || text(&operation))
}

/// The operation and its steps.
pub(crate) fn text(operation: &Operation) -> String {
    let mut head = Table::bare();
    head.push(&["operation", &operation.id]);
    head.push(&["kind", &operation.kind]);
    head.push(&["target", &operation.target]);
    head.push(&["state", &word(&operation.state)]);
    head.push(&["created", &operation.created_at]);
    if let Some(finished) = &operation.finished_at {
        head.push(&["finished", finished]);
    }
    if let Some(error) = &operation.error {
        head.push(&["error", &format!("{} ({})", error.detail, error.code)]);
    }
    let mut steps = Table::new(&["STEP", "STATE", "DETAIL"]);
    for step in &operation.steps {
        steps.push(&[&step.name, &word(&step.state), &step.detail]);
    }
    format!("{head}\n{steps}")
}

#[cfg(test)]
mod tests {
    use tenure_admin::{OperationError, OperationState, Step, StepState};

    use super::*;

    #[test]
    fn it_shows_the_error_and_each_step() {
        let step = |name: &str, state, detail: &str| Step {
            name: name.to_owned(),
            state,
            detail: detail.to_owned(),
        };
        let operation = Operation {
            id: "op_1".to_owned(),
            kind: "create-cluster".to_owned(),
            state: OperationState::Failed,
            tenant: Some("demo".to_owned()),
            cluster: Some("clu_1".to_owned()),
            target: "demo/shop".to_owned(),
            steps: vec![
                step("place shards", StepState::Done, ""),
                step("start replicas", StepState::Failed, "data-2 does not answer"),
            ],
            progress_percent: 50,
            error: Some(OperationError {
                code: "superseded".to_owned(),
                detail: "the cluster was deleted".to_owned(),
            }),
            created_at: "2026-11-28T21:00:00.000Z".to_owned(),
            finished_at: Some("2026-11-28T21:00:09.000Z".to_owned()),
        };
        assert_eq!(
            text(&operation),
            "operation  op_1\n\
             kind       create-cluster\n\
             target     demo/shop\n\
             state      FAILED\n\
             created    2026-11-28T21:00:00.000Z\n\
             finished   2026-11-28T21:00:09.000Z\n\
             error      the cluster was deleted (superseded)\n\
             \n\
             STEP            STATE   DETAIL\n\
             place shards    DONE\n\
             start replicas  FAILED  data-2 does not answer\n"
        );
    }
}
