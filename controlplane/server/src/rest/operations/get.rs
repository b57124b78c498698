//! `GET /v1/operations/{id}`

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_control_model::{Operation, OperationId};

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::problem::Fault;
use crate::rest::rate::{Caller, too_many};
use crate::rest::turns::WAITING_OF_ONE_MAX;
use crate::rest::{Rest, show};

/// Nobody waits for longer, whatever was asked for.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often somebody who waits is told of what is new.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An operation. With `wait` it is answered once it is over, or when the time has passed.
#[utoipa::path(
    get,
    path = "/v1/operations/{id}",
    tag = "operations",
    params(
        ("id" = String, Path, description = "`op_…`"),
        ("wait" = Option<String>, Query, description = "How long to wait for its end, such as `30s`. Longer than 60s is not waited."),
    ),
    responses((status = 200, description = "As it stands.", body = tenure_admin::Operation))
)]
pub(in crate::rest) async fn get_operation(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let wait = call.query.get("wait").map_or(Ok(Duration::ZERO), wait_of)?;
    let mut operation = find(&rest, &call).await?;
    if !operation.state.is_over() && !wait.is_zero() {
        let caller = Caller::of(&call.key);
        let _own = rest
            .waiters
            .place(caller, WAITING_OF_ONE_MAX)
            .ok_or_else(too_many_wait)?;
        // Who finds all places taken is answered at once, and asks again.
        if let Ok(_place) = rest.waiting.try_acquire() {
            // Not on `shared.wake`: it wakes one, and that is to be a reconciler.
            let _ = tokio::time::timeout(wait, until_over(&rest, operation.id)).await;
            operation = find(&rest, &call).await?;
        }
    }
    let world = rest.shared.store.world().await?;
    let observed = rest.observed();
    Answer::json(
        StatusCode::OK,
        &show::operation(&rest.view(&world, &observed), &operation),
    )
}

fn too_many_wait() -> Fault {
    let who = format!("{WAITING_OF_ONE_MAX} requests of this caller wait for operations already");
    too_many(Duration::ZERO, &who)
}

async fn find(rest: &Rest, call: &Call) -> Result<Operation, Fault> {
    let text = call.param("id")?;
    let missing = || Fault::not_found("operation", text);
    let id: OperationId = text.parse().map_err(|_| missing())?;
    let operation = rest.shared.store.operation(id).await?;
    let is_visible = |operation: &Operation| call.key.tenant.is_none() || call.key.tenant == operation.tenant;
    operation.filter(is_visible).ok_or_else(missing)
}

/// Ends too if the database does not answer: the next look tells of it.
async fn until_over(rest: &Rest, id: OperationId) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match rest.shared.store.operation(id).await {
            Ok(Some(operation)) if !operation.state.is_over() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn wait_of(text: &str) -> Result<Duration, Fault> {
    let digits = text.strip_suffix('s').filter(|digits| !digits.is_empty());
    let seconds = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds: Option<u64> = seconds.map(|digits| digits.parse().unwrap_or(u64::MAX));
    seconds
        .map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX))
        .ok_or_else(|| {
            Fault::invalid_field(
                "wait",
                "a whole number of seconds, such as 30s; longer than 60s is not waited",
            )
        })
}
