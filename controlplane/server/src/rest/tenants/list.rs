//! `GET /v1/tenants`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::Name;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// Tenants in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    tag = "tenants",
    params(
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Tenant>))
)]
pub(in crate::rest) async fn list_tenants(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<Name>().is_ok())?;
    let tenants = rest.shared.store.tenants(&paging.page()).await?;
    let list = paging.list(
        tenants,
        |tenant| tenant.name.to_string(),
        |tenant| show::tenant(&tenant),
    );
    Answer::json(StatusCode::OK, &list)
}
