//! `GET /v1/api-keys`, `GET /v1/tenants/{tenant}/api-keys`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::{ApiKey, ApiKeyId};

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// API keys of the platform, the oldest first, those that were revoked included.
#[utoipa::path(
    get,
    path = "/v1/api-keys",
    tag = "api-keys",
    params(
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::ApiKey>))
)]
pub(in crate::rest) async fn list_platform_api_keys(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = paging_of(&call)?;
    let keys = rest.shared.store.platform_api_keys(&paging.page()).await?;
    answer(&paging, keys, None)
}

/// API keys of a tenant, the oldest first, those that were revoked included.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/api-keys",
    tag = "api-keys",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::ApiKey>))
)]
pub(in crate::rest) async fn list_api_keys(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = paging_of(&call)?;
    let tenant = call.tenant()?;
    let keys = rest.shared.store.api_keys(Some(tenant.id), &paging.page()).await?;
    answer(&paging, keys, Some(tenant.name.as_str()))
}

fn paging_of(call: &Call) -> Result<Paging, Fault> {
    Paging::read(&call.query, |key| key.parse::<ApiKeyId>().is_ok())
}

fn answer(paging: &Paging, keys: Vec<ApiKey>, tenant: Option<&str>) -> Result<Answer, Fault> {
    let show = |key| show::api_key(&key, tenant.map(str::to_owned));
    Answer::json(StatusCode::OK, &paging.list(keys, |key| key.id.to_string(), show))
}
