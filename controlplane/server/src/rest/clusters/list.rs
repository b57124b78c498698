//! `GET /v1/tenants/{tenant}/clusters`

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

/// Clusters of a tenant in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/clusters",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Cluster>))
)]
pub(in crate::rest) async fn list_clusters(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<Name>().is_ok())?;
    let tenant = call.tenant()?;
    let clusters = rest.shared.store.clusters(tenant.id, &paging.page()).await?;
    // Read after the rows: one that was made in between is on a later page, or behind the list.
    let world = rest.shared.store.world().await?;
    let observed = rest.observed();
    let view = rest.view(&world, &observed);
    let show = |cluster| show::cluster(&view, &cluster);
    let list = paging.list(clusters, |cluster| cluster.name.to_string(), show);
    Answer::json(StatusCode::OK, &list)
}
