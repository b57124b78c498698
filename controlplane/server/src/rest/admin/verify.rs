//! `POST /v1/admin/log-groups/verify`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_control_model::{Change, Expect, OperationKind, OperationState, StepState, World, Write};

use crate::rest::answer::Answer;
use crate::rest::body::read_nothing;
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::operation::{in_the_way, new_operation, step};
use crate::rest::problem::Fault;
use crate::rest::{Rest, location, show};

/// Has all streams of the log read, and their checksums checked.
#[utoipa::path(
    post,
    path = "/v1/admin/log-groups/verify",
    tag = "admin",
    responses((status = 202, description = "It goes on.", body = tenure_admin::Operation))
)]
pub(in crate::rest) async fn verify_log(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    read_nothing(&call.body)?;
    rest.decide(&call, |world| plan(&rest, &call, &world)).await
}

fn plan(rest: &Rest, call: &Call, world: &World) -> Result<Decision, Fault> {
    let under_way = world
        .operations
        .iter()
        .find(|operation| operation.kind == OperationKind::VerifyLog);
    if let Some(operation) = under_way {
        return Err(in_the_way(operation));
    }
    let mut operation = new_operation(rest, OperationKind::VerifyLog, OperationState::Pending);
    operation.steps = vec![step("read streams", StepState::Pending, "")];
    let observed = rest.observed();
    let answer = Answer::json(
        StatusCode::ACCEPTED,
        &show::operation(&rest.view(world, &observed), &operation),
    )?;
    let location = location::of(&call.path, &answer.body);
    Ok(Decision {
        change: Change::default().with(Write::PutOperation(operation, Expect::Absent)),
        answer: answer.at(location),
    })
}
