//! `DELETE /v1/tenants/{tenant}/plugins/{name}/versions/{version}`
//! Promises: a version that a cluster is to run stays: a node that starts anew asks for its module.

use axum::Extension;
use axum::extract::State;
use tenure_control_model::{Change, Plugin, Write};
use tenure_control_store::StoreError;

use super::push::event;
use super::{find, run_by};
use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::problem::{Code, Fault};

/// Deletes a version of a plugin that no cluster runs.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/plugins/{name}/versions/{version}",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("name" = String, Path, description = "The plugin's name."),
        ("version" = String, Path, description = "Such as `1.0.2`."),
    ),
    responses((status = 204, description = "It is gone."))
)]
pub(in crate::rest) async fn delete_plugin(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let plugin = find(&rest, &call).await?;
    let event = event(&rest, call.tenant()?, &plugin, "plugin-deleted", "was deleted");
    let decision = Decision {
        change: Change::default()
            .with(Write::DeletePlugin(plugin.id))
            .with(Write::AddEvent(event)),
        answer: Answer::no_content(),
    };
    match rest.write(&call, decision).await {
        Err(StoreError::InUse { .. }) => Err(in_use(&rest, &plugin).await?),
        answered => Ok(answered?),
    }
}

async fn in_use(rest: &Rest, plugin: &Plugin) -> Result<Fault, Fault> {
    let clusters = run_by(&rest.shared.store.world().await?, plugin);
    let (name, version) = (&plugin.name, plugin.version);
    let detail = format!(
        "clusters run {name}@{version}: {}; detach it there first, or attach another version",
        clusters.join(", ")
    );
    Ok(Fault::new(Code::InUse, detail))
}
