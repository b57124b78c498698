//! `DELETE /v1/api-keys/{id}`, `DELETE /v1/tenants/{tenant}/api-keys/{id}`

use axum::Extension;
use axum::extract::State;
use tenure_control_model::{ApiKey, ApiKeyId, Change, TenantKey, Write};
use tenure_control_store::StoreError;

use crate::rest::Rest;
use crate::rest::access::permit_key_of;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::problem::{Code, Fault};

/// Revokes an API key of the platform. It stays in the list, and opens nothing from then on.
#[utoipa::path(
    delete,
    path = "/v1/api-keys/{id}",
    tag = "api-keys",
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "It is revoked."))
)]
pub(in crate::rest) async fn revoke_platform_api_key(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    revoke(&rest, &call, None).await
}

/// Revokes an API key of a tenant. It stays in the list, and opens nothing from then on.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/api-keys/{id}",
    tag = "api-keys",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("id" = String, Path, description = "`key_…`"),
    ),
    responses((status = 204, description = "It is revoked."))
)]
pub(in crate::rest) async fn revoke_api_key(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    revoke(&rest, &call, Some(call.tenant()?.id)).await
}

async fn revoke(rest: &Rest, call: &Call, tenant: Option<TenantKey>) -> Result<Answer, Fault> {
    let key = find(rest, call.param("id")?, tenant).await?;
    permit_key_of(&call.key, key.role)?;
    if key.id == call.key.id {
        let detail = "make another API key first, and revoke this one with it";
        return Err(Fault::new(Code::OwnKey, detail));
    }
    let decision = Decision {
        change: Change::default().with(Write::RevokeApiKey(key.id, rest.shared.now())),
        answer: Answer::no_content(),
    };
    match rest.write(call, decision).await {
        // Also if two owners revoke each other at once: the database lets one of them.
        Err(StoreError::InUse { .. }) => {
            let detail = "it is the last owner's key of the platform that never expires: make another one, without \
                          expires_in_days, and revoke this one with it";
            Err(Fault::new(Code::LastOwner, detail))
        }
        written => Ok(written?),
    }
}

async fn find(rest: &Rest, text: &str, tenant: Option<TenantKey>) -> Result<ApiKey, Fault> {
    let missing = || Fault::not_found("API key", text);
    let id: ApiKeyId = text.parse().map_err(|_| missing())?;
    let key = rest.shared.store.api_key(id).await?;
    key.filter(|key| key.tenant == tenant).ok_or_else(missing)
}
