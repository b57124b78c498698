//! `GET /healthz`, `GET /readyz`: for who starts and stops this process, and sends requests to it. No key is asked for.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tenure_control_model::ApiKeyId;
use utoipa::ToSchema;

use super::Rest;
use super::answer::Answer;
use super::problem::Fault;

/// A database that takes longer is as good as none.
const READY_TIME_MAX: Duration = Duration::from_secs(2);

/// Answer of `GET /healthz` and `GET /readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`
    pub(super) status: &'static str,
}

/// Answers as long as the process does.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses((status = 200, description = "The process answers.", body = Health))
)]
pub(super) async fn healthz() -> Result<Answer, Fault> {
    Answer::json(StatusCode::OK, &Health { status: "ok" })
}

/// Answers as long as the database does.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses((status = 200, description = "The database answers.", body = Health))
)]
pub(super) async fn readyz(State(rest): State<Rest>) -> Result<Answer, Fault> {
    let read = rest.shared.store.api_key(ApiKeyId::new(0));
    let answered = tokio::time::timeout(READY_TIME_MAX, read).await;
    answered.map_err(|_| Fault::database_unavailable())??;
    Answer::json(StatusCode::OK, &Health { status: "ok" })
}
