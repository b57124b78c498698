//! `GET /v1/tenants/{tenant}/plugins/{name}/versions/{version}`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::{find, run_by};
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// A version of a plugin, with its manifest.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/plugins/{name}/versions/{version}",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("name" = String, Path, description = "The plugin's name."),
        ("version" = String, Path, description = "Such as `1.0.2`."),
    ),
    responses((status = 200, description = "As it is.", body = tenure_admin::Plugin))
)]
pub(in crate::rest) async fn get_plugin(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let plugin = find(&rest, &call).await?;
    let clusters = run_by(&rest.shared.store.world().await?, &plugin);
    let body = show::plugin(&plugin, call.tenant()?.name.as_str(), clusters)?;
    Answer::json(StatusCode::OK, &body)
}
