//! `GET /v1/admin/nodes/{name}`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// A data node.
#[utoipa::path(
    get,
    path = "/v1/admin/nodes/{name}",
    tag = "admin",
    params(("name" = String, Path, description = "Such as `data-1`.")),
    responses((status = 200, description = "As it is.", body = tenure_admin::Node))
)]
pub(in crate::rest) async fn get_node(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let name = call.param("name")?;
    let world = rest.shared.store.world().await?;
    let id = show::data_node_of(name);
    let node = world.nodes.iter().find(|node| Some(node.id) == id);
    let node = node.ok_or_else(|| Fault::not_found("data node", name))?;
    let observed = rest.observed();
    Answer::json(StatusCode::OK, &show::node(&rest.view(&world, &observed), node))
}
