//! The REST API.
//! Promises: what is answered was permitted, written down before it was begun, and done once. Leaves to reconcilers: everything that takes a while;
//! here it is only decided and put into SQL.
//!
//! ```text
//!   socket ─▶ serve ─▶ trace (id, log line, problems) ─▶ gate (key, rate, role, audit, once) ─▶ a handler, one file each
//!                                                                                                │            │
//!                                                          show: model to body ◀── World ◀── decide ──▶ Store │
//! ```

mod access;
mod admin;
mod answer;
mod api_keys;
mod audit;
mod audit_log;
mod auth;
mod body;
mod call;
mod clusters;
mod connection;
mod decide;
mod etag;
mod events;
mod gate;
mod health;
mod idempotency;
mod location;
mod names;
mod openapi;
mod operation;
mod operations;
mod paging;
mod plugins;
mod problem;
mod query;
mod rate;
mod rules;
mod serve;
mod shards;
mod show;
mod tenants;
#[cfg(test)]
mod tests;
mod token;
mod trace;
mod turns;
mod whoami;

use std::ops::Deref;
use std::sync::Arc;

use axum::http::header;
use axum::{Router, middleware, routing};
use tenure_control_model::{TenantKey, World};
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use connection::Bounds;
pub use serve::{RestError, serve_rest};
pub use token::{ParseTokenError, Token};

use self::call::Call;
use self::problem::{Code, Fault};
use self::show::View;
use crate::{Observed, Shared};

/// Requests that may wait for the end of an operation at a time: each looks into the database five times a second.
const WAITING_MAX: usize = 256;

/// Changes that are made at a time. Others wait for their turn.
const CHANGES_MAX: usize = 32;

/// Modules that are looked at at a time: each takes a processor and some memory.
const CHECKS_MAX: usize = 2;

/// Modules that are received and held at a time: a few times 4 MiB of memory each.
const MODULES_MAX: usize = 8;

/// The REST API. `serve_rest` puts it on a socket; without one, callers have no address.
pub fn router(shared: Shared) -> Router {
    router_of(rest(shared))
}

fn router_of(rest: Rest) -> Router {
    let (router, document) = endpoints(&rest);
    // A document that is no JSON would be a mistake of ours, which the test of the committed one shows.
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let json = [(header::CONTENT_TYPE, "application/json")];
    let openapi = routing::get(move || async move { (json, document.to_string()) });
    router
        .route("/openapi.json", openapi)
        .method_not_allowed_fallback(|| async {
            Fault::new(
                Code::MethodNotAllowed,
                "the path does not take this method: the header Allow names those that it takes",
            )
        })
        .fallback(|| async { Fault::new(Code::NotFound, "there is no such path: /openapi.json has them all") })
        .layer(middleware::from_fn_with_state(rest.clone(), trace::trace))
        .with_state(rest)
}

fn rest(shared: Shared) -> Rest {
    let limits = rate::Limits::new(&shared.clock, shared.options.requests_per_second);
    Rest(Arc::new(State {
        limits,
        names: names::Names::default(),
        waiting: Semaphore::new(WAITING_MAX),
        waiters: turns::Waiters::default(),
        changes: Semaphore::new(CHANGES_MAX),
        deciding: Semaphore::new(1),
        checks: Semaphore::new(CHECKS_MAX),
        modules: Semaphore::new(MODULES_MAX),
        pushers: turns::Waiters::default(),
        shared,
    }))
}

/// Everything that the document tells of.
fn endpoints(rest: &Rest) -> (Router<Rest>, OpenApi) {
    let open = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz));
    let gated = OpenApiRouter::default()
        .routes(routes!(tenants::create::create_tenant, tenants::list::list_tenants))
        .routes(routes!(tenants::get::get_tenant, tenants::delete::delete_tenant))
        .routes(routes!(clusters::create::create_cluster, clusters::list::list_clusters))
        .routes(routes!(clusters::get::get_cluster, clusters::delete::delete_cluster))
        .routes(routes!(
            clusters::plugins::attach::attach_plugin,
            clusters::plugins::detach::detach_plugin
        ))
        .routes(routes!(plugins::push::push_plugin, plugins::list::list_plugins))
        .routes(routes!(plugins::get::get_plugin, plugins::delete::delete_plugin))
        .routes(routes!(shards::list::list_shards))
        .routes(routes!(shards::failover::fail_over))
        .routes(routes!(api_keys::create::create_api_key, api_keys::list::list_api_keys))
        .routes(routes!(api_keys::revoke::revoke_api_key))
        .routes(routes!(
            api_keys::create::create_platform_api_key,
            api_keys::list::list_platform_api_keys
        ))
        .routes(routes!(api_keys::revoke::revoke_platform_api_key))
        .routes(routes!(whoami::whoami))
        .routes(routes!(operations::list::list_operations))
        .routes(routes!(operations::get::get_operation))
        .routes(routes!(events::list_events))
        .routes(routes!(audit_log::list_audit_log))
        .routes(routes!(admin::nodes::list_nodes))
        .routes(routes!(admin::get_node::get_node))
        .routes(routes!(admin::log_groups::get_log_groups))
        .routes(routes!(admin::verify::verify_log))
        .routes(routes!(admin::leases::list_leases))
        .route_layer(middleware::from_fn_with_state(rest.clone(), gate::gate));
    let (router, document) = open.merge(gated).split_for_parts();
    (router, openapi::finish(document))
}

/// What every handler works with.
#[derive(Debug, Clone)]
struct Rest(Arc<State>);

#[derive(Debug)]
struct State {
    shared: Shared,
    limits: rate::Limits,
    names: names::Names,
    /// Places for requests that wait.
    waiting: Semaphore,
    /// How many of them each caller has.
    waiters: turns::Waiters,
    /// Turns of changes.
    changes: Semaphore,
    /// Who decides by the world. One after the other: together all but one would decide in vain.
    deciding: Semaphore,
    /// Turns of checks of modules.
    checks: Semaphore,
    /// Places for modules in memory.
    modules: Semaphore,
    /// How many of them each caller has.
    pushers: turns::Waiters,
}

impl Deref for Rest {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Rest {
    /// What the log told last.
    fn observed(&self) -> Arc<Observed> {
        self.shared.observed.borrow().clone()
    }

    /// The world as bodies are made of it.
    fn view<'a>(&'a self, world: &'a World, observed: &'a Observed) -> View<'a> {
        let Shared {
            options, authority_pem, ..
        } = &self.shared;
        View::new(world, observed, self.shared.now(), options.node_lease, authority_pem)
    }

    /// Whose rows a list shows: the caller's own, those of the tenant in the query, or for the platform all.
    async fn tenant_asked_for(&self, call: &Call) -> Result<Option<TenantKey>, Fault> {
        match call.query.get("tenant") {
            Some(name) => Ok(Some(gate::visible_tenant(self, &call.key, name).await?.id)),
            None => Ok(call.key.tenant),
        }
    }
}
