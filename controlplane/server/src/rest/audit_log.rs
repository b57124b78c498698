//! `GET /v1/audit-log`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::List;
use tenure_control_model::AuditId;

use super::answer::Answer;
use super::call::Call;
use super::paging::Paging;
use super::problem::Fault;
use super::{Rest, show};

/// Requests that were to change something, the newest first: about the caller's tenant, or for the platform all.
#[utoipa::path(
    get,
    path = "/v1/audit-log",
    tag = "records",
    params(
        ("tenant" = Option<String>, Query, description = "Only about this tenant."),
        ("page_size" = Option<u32>, Query, description = "From 1. Default 100; more than 500 are not given at once."),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = List<tenure_admin::AuditEntry>))
)]
pub(super) async fn list_audit_log(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let paging = Paging::read(&call.query, |key| key.parse::<AuditId>().is_ok())?;
    let tenant = rest.tenant_asked_for(&call).await?;
    let rows = rest.shared.store.audit_log(tenant, &paging.page()).await?;
    let list = paging.list(rows, |row| row.id.to_string(), |row| show::audit_entry(&row));
    Answer::json(StatusCode::OK, &list)
}
