//! `GET /v1/admin/nodes`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// Data nodes in the order of their numbers.
#[utoipa::path(
    get,
    path = "/v1/admin/nodes",
    tag = "admin",
    params(
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Node>))
)]
pub(in crate::rest) async fn list_nodes(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| show::data_node_of(key).is_some())?;
    let after = paging.after().and_then(show::data_node_of);
    let world = rest.shared.store.world().await?;
    let observed = rest.observed();
    let view = rest.view(&world, &observed);
    // By id in the world already.
    let nodes = world
        .nodes
        .iter()
        .filter(|node| after.is_none_or(|after| node.id > after));
    let list = paging.list(
        nodes.collect(),
        |node| show::data_node(node.id),
        |node| show::node(&view, node),
    );
    Answer::json(StatusCode::OK, &list)
}
