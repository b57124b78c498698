//! `GET /v1/operations`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::OperationId;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// Operations, the newest first: of the caller's tenant, or for the platform all, those that are over included.
#[utoipa::path(
    get,
    path = "/v1/operations",
    tag = "operations",
    params(
        ("tenant" = Option<String>, Query, description = "Only of this tenant."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Operation>))
)]
pub(in crate::rest) async fn list_operations(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<OperationId>().is_ok())?;
    let tenant = rest.tenant_asked_for(&call).await?;
    let operations = rest.shared.store.operations(tenant, &paging.page()).await?;
    let world = rest.shared.store.world().await?;
    let observed = rest.observed();
    let view = rest.view(&world, &observed);
    let show = |operation| show::operation(&view, &operation);
    let list = paging.list(operations, |operation| operation.id.to_string(), show);
    Answer::json(StatusCode::OK, &list)
}
