//! `DELETE /v1/tenants/{tenant}`

use axum::Extension;
use axum::extract::State;
use tenure_control_model::{Change, Write};
use tenure_control_store::StoreError;

use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::etag::require_match;
use crate::rest::problem::{Code, Fault};

/// Ends a tenant that has no clusters. Its API keys open nothing from then on.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}",
    tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its etag still."),
    ),
    responses((status = 204, description = "It is gone."))
)]
pub(in crate::rest) async fn delete_tenant(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let tenant = call.tenant()?;
    require_match(call.if_match.as_deref(), tenant.revision)?;
    let decision = Decision {
        change: Change::default().with(Write::DeleteTenant(tenant.id, tenant.revision)),
        answer: Answer::no_content(),
    };
    match rest.write(&call, decision).await {
        Err(StoreError::InUse { .. }) => {
            let name = tenant.name.as_str();
            let detail = format!(
                "the tenant {name:?} still has clusters, or operations under way: delete its clusters and wait until they are gone"
            );
            Err(Fault::new(Code::InUse, detail))
        }
        answered => Ok(answered?),
    }
}
