//! How far an operation is: steps that are done one after the other.

use tenure_control_model::{Change, Expect, Operation, OperationError, OperationState, StepState, Write};
use tenure_types::WallTime;

/// Where an operation stands, as its reconciler finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many steps are done; the next waits for this.
    At(usize, String),
    /// All are.
    Done(String),
    /// It will not be done.
    Failed(OperationError),
}

/// Puts that into the operation. `None`: it stands there already.
pub(super) fn advance(operation: &Operation, progress: &Progress, now: WallTime) -> Option<Operation> {
    let mut next = operation.clone();
    let last = operation.steps.len().saturating_sub(1);
    for (number, step) in next.steps.iter_mut().enumerate() {
        let (state, detail) = match progress {
            Progress::At(done, _) if number < *done => (StepState::Done, None),
            Progress::At(done, detail) if number == *done => (StepState::Running, Some(detail)),
            Progress::At(..) => (StepState::Pending, None),
            Progress::Done(detail) => (StepState::Done, Some(detail).filter(|_| number == last)),
            Progress::Failed(error) if step.state != StepState::Done => (StepState::Failed, Some(&error.detail)),
            Progress::Failed(_) => (StepState::Done, None),
        };
        if state == StepState::Done && step.state != StepState::Done && detail.is_none() {
            // What it waited for came.
            step.detail = String::new();
        }
        step.state = state;
        if let Some(detail) = detail {
            step.detail.clone_from(detail);
        }
    }
    next.state = match progress {
        Progress::At(..) => OperationState::Running,
        Progress::Done(_) => OperationState::Succeeded,
        Progress::Failed(error) => {
            next.error = Some(error.clone());
            OperationState::Failed
        }
    };
    if next.state.is_over() {
        next.finished_at = Some(now);
    }
    (next != *operation).then_some(next)
}

/// The same as a change; nothing if there is none.
pub(super) fn advanced(operation: &Operation, progress: &Progress, now: WallTime) -> Change {
    let writes = advance(operation, progress, now).map(|next| Write::PutOperation(next, expect(operation)));
    Change {
        writes: writes.into_iter().collect(),
    }
}

/// As it was read.
pub(super) fn expect(operation: &Operation) -> Expect {
    Expect::Revision(operation.revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, before};
    use tenure_control_model::{OperationId, OperationKind, Revision, Step};

    fn operation() -> Operation {
        let step = |name: &str| Step {
            name: name.to_owned(),
            state: StepState::Pending,
            detail: String::new(),
        };
        Operation {
            id: OperationId::new(1),
            tenant: None,
            cluster: None,
            kind: OperationKind::VerifyLog,
            state: OperationState::Pending,
            steps: ["one", "two"].map(step).into(),
            error: None,
            created_at: before(10),
            finished_at: None,
            revision: Revision::FIRST,
        }
    }

    fn shown(operation: &Operation) -> Vec<(StepState, &str)> {
        operation
            .steps
            .iter()
            .map(|step| (step.state, step.detail.as_str()))
            .collect()
    }

    #[test]
    fn steps_are_done_one_after_the_other() {
        use StepState::{Done, Pending, Running};
        let first = advance(&operation(), &Progress::At(0, "waits".to_owned()), NOW).unwrap();
        assert_eq!(shown(&first), [(Running, "waits"), (Pending, "")]);
        assert_eq!(first.state, OperationState::Running);
        assert_eq!(
            advance(&first, &Progress::At(0, "waits".to_owned()), NOW),
            None,
            "nothing new"
        );
        let second = advance(&first, &Progress::At(1, "waits too".to_owned()), NOW).unwrap();
        assert_eq!(shown(&second), [(Done, ""), (Running, "waits too")]);
        let done = advance(&second, &Progress::Done("it is".to_owned()), NOW).unwrap();
        assert_eq!(shown(&done), [(Done, ""), (Done, "it is")]);
        assert_eq!((done.state, done.finished_at), (OperationState::Succeeded, Some(NOW)));
    }

    #[test]
    fn what_fails_says_why_and_leaves_what_was_done() {
        let second = advance(&operation(), &Progress::At(1, "waits".to_owned()), NOW).unwrap();
        let error = OperationError {
            code: "gone".to_owned(),
            detail: "it is gone".to_owned(),
        };
        let failed = advance(&second, &Progress::Failed(error.clone()), NOW).unwrap();
        assert_eq!(
            shown(&failed),
            [(StepState::Done, ""), (StepState::Failed, "it is gone")]
        );
        assert_eq!((failed.state, failed.error), (OperationState::Failed, Some(error)));
    }
}
