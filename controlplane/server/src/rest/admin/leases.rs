//! `GET /v1/admin/leases`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::{Lease, List};
use tenure_types::StreamId;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// How every shard is owned, as the log told last, in the order of the streams.
#[utoipa::path(
    get,
    path = "/v1/admin/leases",
    tag = "admin",
    params(
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<Lease>))
)]
pub(in crate::rest) async fn list_leases(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<StreamId>().is_ok())?;
    let after: Option<StreamId> = paging.after().and_then(|key| key.parse().ok());
    let world = rest.shared.store.world().await?;
    let observed = rest.observed();
    let view = rest.view(&world, &observed);
    let shards = view
        .all_shards()
        .filter(|shard| after.is_none_or(|after| shard.stream > after));
    let mut leases: Vec<(StreamId, Lease)> = shards
        .filter_map(|shard| Some((shard.stream, show::lease(&view, shard)?)))
        .collect();
    leases.sort_by_key(|(stream, _)| *stream);
    let list = paging.list(leases, |(stream, _)| stream.to_string(), |(_, lease)| lease);
    Answer::json(StatusCode::OK, &list)
}
