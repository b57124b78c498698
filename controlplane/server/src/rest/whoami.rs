//! `GET /v1/whoami`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::WhoAmI;

use super::answer::Answer;
use super::call::Call;
use super::problem::Fault;
use super::{Rest, show};

/// The API key of the request.
#[utoipa::path(
    get,
    path = "/v1/whoami",
    tag = "api-keys",
    responses((status = 200, description = "The caller's key.", body = WhoAmI))
)]
pub(super) async fn whoami(State(rest): State<Rest>, Extension(call): Extension<Call>) -> Result<Answer, Fault> {
    let tenant = match call.key.tenant {
        Some(id) => Some(rest.tenant_name(id).await?),
        None => None,
    };
    let key = show::api_key(&call.key, tenant);
    Answer::json(StatusCode::OK, &WhoAmI { key })
}
