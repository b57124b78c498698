//! `POST /v1/tenants`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tenure_admin::CreateTenant;
use tenure_control_model::{Change, Expect, Name, Revision, Tenant, TenantKey, Write};
use tenure_control_store::{Counter, StoreError};
use tenure_types::TenantId;

use crate::rest::answer::Answer;
use crate::rest::body::Field;
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::problem::{Code, Fault};
use crate::rest::{Rest, location, rules, show};

const FIELDS: &[Field] = &[Field {
    name: "name",
    optional: false,
    rule: rules::NAME,
    holds: rules::is_name,
}];

/// Makes a tenant.
#[utoipa::path(
    post,
    path = "/v1/tenants",
    tag = "tenants",
    request_body = CreateTenant,
    responses((status = 201, description = "It is made.", body = tenure_admin::Tenant))
)]
pub(in crate::rest) async fn create_tenant(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let asked: CreateTenant = call.read(FIELDS)?;
    let name = rules::name(&asked.name)?;
    if rest.shared.store.tenant(&name).await?.is_some() {
        return Err(taken(&name));
    }
    let number = rest.shared.store.allocate(Counter::Tenant, 1).await?;
    let tenant = Tenant {
        id: TenantKey::new(rest.shared.new_id()),
        number: TenantId::new(number),
        name: name.clone(),
        created_at: rest.shared.now(),
        revision: Revision::FIRST,
    };
    let answer = Answer::json(StatusCode::CREATED, &show::tenant(&tenant))?;
    let location = location::of(&call.path, &answer.body);
    let decision = Decision {
        change: Change::default().with(Write::PutTenant(tenant, Expect::Absent)),
        answer: answer.at(location),
    };
    match rest.write(&call, decision).await {
        Err(StoreError::Conflict { .. }) => Err(taken(&name)),
        answered => Ok(answered?),
    }
}

fn taken(name: &Name) -> Fault {
    Fault::new(
        Code::AlreadyExists,
        format!("there is a tenant {:?} already: choose another name", name.as_str()),
    )
}
