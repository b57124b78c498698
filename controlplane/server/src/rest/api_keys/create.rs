//! `POST /v1/api-keys`, `POST /v1/tenants/{tenant}/api-keys`
//! Promises: the token is in the answer of the request that made the key, and nowhere else.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use tenure_admin::{CreateApiKey, NewApiKey};
use tenure_control_model::{ApiKey, ApiKeyId, Change, Expect, Tenant, Write};
use tenure_types::WallTime;

use crate::rest::access::permit_key_of;
use crate::rest::answer::{Answer, to_json};
use crate::rest::body::{Field, is_whole};
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::problem::{Code, Fault};
use crate::rest::{Rest, Token, location, rules, show};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Keys of one tenant that open something at the same time.
const LIVE_KEYS_MAX: u64 = 100;
const ROLES: [&str; 5] = ["owner", "admin", "operator", "viewer", "metrics"];

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        optional: false,
        rule: rules::NAME,
        holds: rules::is_name,
    },
    Field {
        name: "role",
        optional: false,
        rule: "owner, admin, operator, viewer or metrics, and not above the caller's own",
        holds: |value| value.as_str().is_some_and(|role| ROLES.contains(&role)),
    },
    Field {
        name: "expires_in_days",
        optional: true,
        rule: "a whole number from 1 to 3650; absent: it never ends",
        holds: is_some_days,
    },
];

/// Makes an API key of the platform. Its token is shown this once.
#[utoipa::path(
    post,
    path = "/v1/api-keys",
    tag = "api-keys",
    request_body = CreateApiKey,
    responses((status = 201, description = "It is made.", body = NewApiKey))
)]
pub(in crate::rest) async fn create_platform_api_key(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    create(&rest, &call, None).await
}

/// Makes an API key that opens what is the tenant's. Its token is shown this once.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/api-keys",
    tag = "api-keys",
    params(("tenant" = String, Path, description = "The tenant's name.")),
    request_body = CreateApiKey,
    responses((status = 201, description = "It is made.", body = NewApiKey))
)]
pub(in crate::rest) async fn create_api_key(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    create(&rest, &call, Some(call.tenant()?)).await
}

async fn create(rest: &Rest, call: &Call, tenant: Option<&Tenant>) -> Result<Answer, Fault> {
    let asked: CreateApiKey = call.read(FIELDS)?;
    let role = show::role(asked.role);
    permit_key_of(&call.key, role)?;
    if let Some(tenant) = tenant {
        expect_room(rest, tenant).await?;
    }
    let token = Token::mint(ApiKeyId::new(rest.shared.new_id()), rand::random());
    let now = rest.shared.now();
    let key = ApiKey {
        id: token.id(),
        tenant: tenant.map(|tenant| tenant.id),
        name: asked.name,
        role,
        secret_sha256: token.secret_sha256(),
        created_at: now,
        expires_at: asked.expires_in_days.map(|days| after(now, DAY * days)),
        revoked_at: None,
    };
    permit_life_of(&call.key, &key)?;
    let decision = Decision {
        answer: answer(call, &key, tenant, &token)?,
        change: Change::default().with(Write::PutApiKey(key, Expect::Absent)),
    };
    Ok(rest.write(call, decision).await?)
}

/// Of requests at once a few more may pass: the bound is against what grows without end.
async fn expect_room(rest: &Rest, tenant: &Tenant) -> Result<(), Fault> {
    if rest.shared.store.live_api_keys(tenant.id, rest.shared.now()).await? < LIVE_KEYS_MAX {
        return Ok(());
    }
    let detail = format!("the tenant has {LIVE_KEYS_MAX} keys that are neither revoked nor expired: revoke one first");
    Err(Fault::new(Code::TooManyKeys, detail))
}

/// Else a key that was given for a while would stay for ever.
fn permit_life_of(caller: &ApiKey, key: &ApiKey) -> Result<(), Fault> {
    let outlives = |end| key.expires_at.is_none_or(|of_key| of_key > end);
    if !caller.expires_at.is_some_and(outlives) {
        return Ok(());
    }
    let detail = "a key that expires may not make one that lives longer: set expires_in_days to less than it has left";
    Err(Fault::new(Code::Forbidden, detail))
}

fn answer(call: &Call, key: &ApiKey, tenant: Option<&Tenant>, token: &Token) -> Result<Answer, Fault> {
    let body = |token| NewApiKey {
        key: show::api_key(key, tenant.map(|tenant| tenant.name.to_string())),
        token,
    };
    let mut answer = Answer::json(StatusCode::CREATED, &body(Some(token.to_string())))?;
    // What is remembered lies in the database as it is.
    answer.remembered = Some(to_json(&body(None))?);
    let location = location::of(&call.path, &answer.body);
    Ok(answer.at(location))
}

fn after(now: WallTime, time: Duration) -> WallTime {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    WallTime::from_unix_millis(now.as_unix_millis().saturating_add(millis))
}

fn is_some_days(value: &Value) -> bool {
    is_whole(value, 1..=3650)
}
