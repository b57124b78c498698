//! `GET /v1/tenants/{tenant}`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::etag::etag;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// A tenant.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}",
    tag = "tenants",
    params(("tenant" = String, Path, description = "The tenant's name.")),
    responses((status = 200, description = "As it is.", body = tenure_admin::Tenant))
)]
pub(in crate::rest) async fn get_tenant(
    State(_): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let tenant = call.tenant()?;
    let answer = Answer::json(StatusCode::OK, &show::tenant(tenant))?;
    Ok(answer.with_etag(&etag(tenant.revision)))
}
