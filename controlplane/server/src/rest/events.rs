//! `GET /v1/events`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::{ClusterId, EventId, Name, TenantKey};

use super::answer::Answer;
use super::call::Call;
use super::paging::Paging;
use super::problem::Fault;
use super::{Rest, show};

/// What happened, the newest first: to the caller's tenant, or for the platform to all.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "records",
    params(
        ("tenant" = Option<String>, Query, description = "Only of this tenant."),
        ("cluster" = Option<String>, Query, description = "Only of the tenant's cluster of this name."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Event>))
)]
pub(super) async fn list_events(State(rest): State<Rest>, Extension(call): Extension<Call>) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<EventId>().is_ok())?;
    let tenant = rest.tenant_asked_for(&call).await?;
    let cluster = match call.query.get("cluster") {
        Some(name) => Some(cluster_of(&rest, tenant, name).await?),
        None => None,
    };
    let events = rest.shared.store.events(tenant, cluster, &paging.page()).await?;
    let list = paging.list(events, |event| event.id.to_string(), |event| show::event(&event));
    Answer::json(StatusCode::OK, &list)
}

async fn cluster_of(rest: &Rest, tenant: Option<TenantKey>, name: &str) -> Result<ClusterId, Fault> {
    let tenant = tenant.ok_or_else(|| Fault::invalid_field("cluster", "its tenant has to be named too: tenant=…"))?;
    let missing = || Fault::not_found("cluster", name);
    let parsed: Name = name.parse().map_err(|_| missing())?;
    let cluster = rest.shared.store.cluster(tenant, &parsed).await?;
    cluster.map(|cluster| cluster.id).ok_or_else(missing)
}
