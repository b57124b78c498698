//! `GET /v1/tenants/{tenant}/clusters/{cluster}`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::find;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// A cluster.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/clusters/{cluster}",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
    ),
    responses((status = 200, description = "As it is.", body = tenure_admin::Cluster))
)]
pub(in crate::rest) async fn get_cluster(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let world = rest.shared.store.world().await?;
    let cluster = find(&world, call.tenant()?, call.param("cluster")?)?;
    let observed = rest.observed();
    let body = show::cluster(&rest.view(&world, &observed), cluster);
    Ok(Answer::json(StatusCode::OK, &body)?.with_etag(&body.etag))
}
