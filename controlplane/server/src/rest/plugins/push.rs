//! `POST /v1/tenants/{tenant}/plugins`
//! Promises: a module that is taken was compiled and started once, elsewhere; the same bytes are the same plugin, however often they
//! are pushed; a version never becomes other bytes. What a tenant may keep is bounded.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use sha2::{Digest, Sha256};
use tenure_control_model::{
    Change, Event, EventId, PLUGIN_BYTES_OF_TENANT_MAX, PLUGINS_OF_TENANT_MAX, Plugin, PluginId, Tenant, Write,
};
use tenure_control_store::{Limit, Page, StoreError};
use tenure_plugin_abi::{MODULE_BYTES_MAX, Manifest};
use tokio::time::timeout;
use tracing::{error, warn};

use super::{full, run_by};
use crate::plugin_check::PluginCheckError;
use crate::rest::answer::{Answer, to_json};
use crate::rest::call::Call;
use crate::rest::decide::Decision;
use crate::rest::problem::{Code, Fault};
use crate::rest::turns::turn;
use crate::rest::{Rest, location, show};

/// How long a check waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(2);
/// Longer than a check takes that ends by itself.
const CHECK_WITHIN: Duration = Duration::from_secs(20);
/// Seconds after which a check that nobody could make may be asked for again.
const RETRY_SECONDS: u32 = 5;

/// Pushes a module. It is compiled and started once, for a look; a module that is there already is answered as it is. With `dry_run`
/// it is only looked at.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/plugins",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("dry_run" = Option<bool>, Query, description = "Only look whether it would be taken."),
    ),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The module, at most 4 MiB."),
    responses(
        (status = 201, description = "It is kept.", body = tenure_admin::Plugin),
        (status = 200, description = "It was there already; or with `dry_run`, as it would be, under another id.", body = tenure_admin::Plugin),
    )
)]
pub(in crate::rest) async fn push_plugin(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let tenant = call.tenant()?;
    let is_dry = call.query.is_set("dry_run")?;
    if call.body.is_empty() {
        let detail = format!("send the bytes of a module, at most {MODULE_BYTES_MAX}");
        return Err(Fault::new(Code::Malformed, detail));
    }
    let sha256 = Sha256::digest(&call.body).into();
    if let Some(plugin) = rest.shared.store.plugin_of_module(tenant.id, sha256).await? {
        return answer(&rest, &call, tenant, &plugin, StatusCode::OK).await;
    }
    // Looked at again when it is written: this saves the work of a check, and tells a dry run.
    expect_room(&rest, tenant, call.body.len()).await?;
    let manifest = check(&rest, &call).await?;
    let plugin = new_plugin(&rest, &call, tenant, sha256, &manifest)?;
    if let Some(taken) = rest
        .shared
        .store
        .plugin(tenant.id, &plugin.name, plugin.version)
        .await?
    {
        return Err(other_bytes(&taken));
    }
    if is_dry {
        return answer(&rest, &call, tenant, &plugin, StatusCode::OK).await;
    }
    let event = event(&rest, tenant, &plugin, "plugin-pushed", "was pushed");
    let change = Change::default()
        .with(Write::AddPlugin(plugin.clone(), call.body.to_vec()))
        .with(Write::AddEvent(event));
    let answered = answer(&rest, &call, tenant, &plugin, StatusCode::CREATED).await?;
    let decision = Decision {
        change,
        answer: answered,
    };
    match rest.write(&call, decision).await {
        Err(StoreError::Conflict { .. }) => twin(&rest, &call, tenant, &plugin).await,
        written => Ok(written?),
    }
}

/// Somebody else pushed one like it since it was looked for.
async fn twin(rest: &Rest, call: &Call, tenant: &Tenant, plugin: &Plugin) -> Result<Answer, Fault> {
    let store = &rest.shared.store;
    if let Some(same) = store.plugin_of_module(tenant.id, plugin.sha256).await? {
        return answer(rest, call, tenant, &same, StatusCode::OK).await;
    }
    let taken = store.plugin(tenant.id, &plugin.name, plugin.version).await?;
    Err(taken.map_or_else(Fault::conflict, |taken| other_bytes(&taken)))
}

async fn expect_room(rest: &Rest, tenant: &Tenant, bytes: usize) -> Result<(), Fault> {
    let all = Page {
        after: None,
        rows_max: u32::try_from(PLUGINS_OF_TENANT_MAX).unwrap_or(u32::MAX),
    };
    let plugins = rest.shared.store.plugins(tenant.id, None, &all).await?;
    let kept: u64 = plugins.iter().map(|plugin| plugin.bytes).sum();
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if u64::try_from(plugins.len()).unwrap_or(u64::MAX) >= PLUGINS_OF_TENANT_MAX {
        return Err(full(Limit::PluginsOfTenant));
    }
    if kept.saturating_add(bytes) > PLUGIN_BYTES_OF_TENANT_MAX {
        return Err(full(Limit::PluginBytesOfTenant));
    }
    Ok(())
}

async fn check(rest: &Rest, call: &Call) -> Result<Manifest, Fault> {
    let _turn = turn(&rest.checks, TURN_WITHIN).await?;
    let unavailable = || Fault {
        retry_after: Some(RETRY_SECONDS),
        ..Fault::new(
            Code::CheckUnavailable,
            "the module could not be looked at, which says nothing about it: push it again",
        )
    };
    let checked = timeout(CHECK_WITHIN, rest.shared.plugin_check.check(&call.body)).await;
    let checked = checked.map_err(|_| {
        warn!("a check of a module did not end");
        unavailable()
    })?;
    checked.map_err(|failed| match failed {
        PluginCheckError::Unfit { reason } => Fault::new(Code::Unfit, reason),
        PluginCheckError::Unavailable { .. } => {
            error!(error = crate::error_chain(&failed), "a module could not be looked at");
            unavailable()
        }
    })
}

fn new_plugin(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    sha256: [u8; 32],
    manifest: &Manifest,
) -> Result<Plugin, Fault> {
    let internal = |error: &dyn std::error::Error| {
        error!(%error, "the manifest of a module that was checked cannot be used");
        Fault::internal()
    };
    Ok(Plugin {
        id: PluginId::new(rest.shared.new_id()),
        tenant: tenant.id,
        name: manifest.name.clone(),
        // The rules of a manifest are stricter.
        version: manifest.version.parse().map_err(|error| internal(&error))?,
        sha256,
        bytes: u64::try_from(call.body.len()).unwrap_or(u64::MAX),
        manifest: serde_json::to_string(manifest).map_err(|error| internal(&error))?,
        created_at: rest.shared.now(),
    })
}

async fn answer(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    plugin: &Plugin,
    status: StatusCode,
) -> Result<Answer, Fault> {
    let clusters = run_by(&rest.shared.store.world().await?, plugin);
    let mut body = show::plugin(plugin, tenant.name.as_str(), clusters)?;
    let mut answer = Answer::json(status, &body)?;
    // A manifest may be large, and the plugin keeps it: an answer that is given again leads to it.
    body.manifest = None;
    answer.remembered = Some(to_json(&body)?);
    let is_new = status == StatusCode::CREATED;
    let location = is_new.then(|| location::of(&call.path, &answer.body)).flatten();
    Ok(answer.at(location))
}

fn other_bytes(taken: &Plugin) -> Fault {
    let detail = format!(
        "the tenant has other bytes as {}@{} already: a version never becomes another; give this one the next version",
        taken.name, taken.version
    );
    Fault::new(Code::AlreadyExists, detail)
}

/// What is told of it.
pub(super) fn event(rest: &Rest, tenant: &Tenant, plugin: &Plugin, kind: &str, message: &str) -> Event {
    Event {
        id: EventId::new(rest.shared.new_id()),
        at: rest.shared.now(),
        kind: kind.to_owned(),
        message: format!("plugin {}/{}@{} {message}", tenant.name, plugin.name, plugin.version),
        tenant: Some(tenant.id),
        cluster: None,
        shard: None,
        node: None,
    }
}
