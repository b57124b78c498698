//! `GET /v1/tenants/{tenant}/clusters/{cluster}/shards`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::{List, Shard};

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, clusters, show};

/// Shards of a cluster in the order of their names, with their replicas.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/clusters/{cluster}/shards",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<Shard>))
)]
pub(in crate::rest) async fn list_shards(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, is_shard_name)?;
    let world = rest.shared.store.world().await?;
    let cluster = clusters::find(&world, call.tenant()?, call.param("cluster")?)?;
    let observed = rest.observed();
    let shards = show::shards(&rest.view(&world, &observed), cluster).into_iter();
    let rest_of_them = shards.filter(|shard| paging.after().is_none_or(|after| shard.name.as_str() > after));
    let list = paging.list(
        rest_of_them.collect(),
        |shard: &Shard| shard.name.clone(),
        |shard| shard,
    );
    Answer::json(StatusCode::OK, &list)
}

fn is_shard_name(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}
