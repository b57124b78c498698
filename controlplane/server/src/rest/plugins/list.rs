//! `GET /v1/tenants/{tenant}/plugins`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::PluginId;

use super::run_by;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::paging::Paging;
use crate::rest::problem::Fault;
use crate::rest::{Rest, show};

/// Versions of plugins of a tenant, the oldest first, without their manifests.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/plugins",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("name" = Option<String>, Query, description = "Only versions of this plugin."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::Plugin>))
)]
pub(in crate::rest) async fn list_plugins(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<PluginId>().is_ok())?;
    let tenant = call.tenant()?;
    let store = &rest.shared.store;
    let plugins = store.plugins(tenant.id, call.query.get("name"), &paging.page()).await?;
    let world = store.world().await?;
    let bodies: Result<Vec<_>, Fault> = plugins
        .iter()
        .map(|plugin| show::plugin(plugin, tenant.name.as_str(), run_by(&world, plugin)))
        .collect();
    let without_manifest = |body| tenure_admin::Plugin { manifest: None, ..body };
    let list = paging.list(bodies?, |body| body.id.clone(), without_manifest);
    Answer::json(StatusCode::OK, &list)
}
