//! `GET /v1/admin/log-groups`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::LogGroups;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::problem::{Code, Fault};
use crate::rest::{Rest, show};

/// Seconds after which the log may have been heard of again.
const RETRY_SECONDS: u32 = 1;

/// The groups of the log, as they were seen last.
#[utoipa::path(
    get,
    path = "/v1/admin/log-groups",
    tag = "admin",
    responses((status = 200, description = "All groups.", body = LogGroups))
)]
pub(in crate::rest) async fn get_log_groups(
    State(rest): State<Rest>,
    Extension(_): Extension<Call>,
) -> Result<Answer, Fault> {
    let observed = rest.observed();
    let unheard = || Fault {
        retry_after: Some(RETRY_SECONDS),
        ..Fault::new(
            Code::LogUnavailable,
            "the log does not answer the control plane: look whether log nodes run",
        )
    };
    let log = observed.log.as_ref().ok_or_else(unheard)?;
    Answer::json(StatusCode::OK, &show::log_groups(log))
}
