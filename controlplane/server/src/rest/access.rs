//! Who may do what: one row for each endpoint.
//! Promises: an endpoint without a row answers nobody. A test holds the table against the OpenAPI, and every role against the table.

use axum::http::Method;
use tenure_control_model::{ApiKey, Role};

use super::problem::{Code, Fault};

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// `GET` stands for `HEAD` too.
    pub(super) method: &'static Method,
    /// As the router has it.
    pub(super) path: &'static str,
    /// The least role.
    pub(super) least: Role,
    /// Whose keys.
    pub(super) scope: Scope,
    /// The query parameters that it takes.
    pub(super) query: &'static [&'static str],
    /// What its body is, if it has one.
    pub(super) body: BodyKind,
}

/// Whose keys an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of the platform.
    Platform,
    /// Those of the tenant in the path, and of the platform.
    Tenant,
    /// All; what it shows or does is the caller's own, or anything for the platform.
    Caller,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// JSON, of at most 64 KiB.
    Json,
    /// The module of a plugin, of at most 4 MiB.
    Module,
}

const PAGED: &[&str] = &["page_size", "page_token"];
const PAGED_BY_TENANT: &[&str] = &["page_size", "page_token", "tenant"];
const PAGED_BY_CLUSTER: &[&str] = &["page_size", "page_token", "tenant", "cluster"];
const PAGED_BY_NAME: &[&str] = &["page_size", "page_token", "name"];
const NONE: &[&str] = &[];
const GET: &Method = &Method::GET;
const POST: &Method = &Method::POST;
const PUT: &Method = &Method::PUT;
const DELETE: &Method = &Method::DELETE;

/// The table.
#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule(POST,   "/v1/tenants",                                                    Role::Admin,    Scope::Platform, NONE),
    rule(GET,    "/v1/tenants",                                                    Role::Viewer,   Scope::Platform, PAGED),
    rule(GET,    "/v1/tenants/{tenant}",                                           Role::Viewer,   Scope::Tenant,   NONE),
    rule(DELETE, "/v1/tenants/{tenant}",                                           Role::Admin,    Scope::Platform, NONE),
    rule(POST,   "/v1/tenants/{tenant}/clusters",                                  Role::Admin,    Scope::Tenant,   &["dry_run"]),
    rule(GET,    "/v1/tenants/{tenant}/clusters",                                  Role::Viewer,   Scope::Tenant,   PAGED),
    rule(GET,    "/v1/tenants/{tenant}/clusters/{cluster}",                        Role::Viewer,   Scope::Tenant,   NONE),
    rule(DELETE, "/v1/tenants/{tenant}/clusters/{cluster}",                        Role::Admin,    Scope::Tenant,   NONE),
    rule(GET,    "/v1/tenants/{tenant}/clusters/{cluster}/shards",                 Role::Viewer,   Scope::Tenant,   PAGED),
    rule(POST,   "/v1/tenants/{tenant}/clusters/{cluster}/shards/{shard}/failover", Role::Operator, Scope::Tenant,  NONE),
    rule(PUT,    "/v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}",         Role::Admin,    Scope::Tenant,   NONE),
    rule(DELETE, "/v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}",         Role::Admin,    Scope::Tenant,   NONE),
    rule(POST,   "/v1/tenants/{tenant}/plugins",                                   Role::Admin,    Scope::Tenant,   &["dry_run"]).of_module(),
    rule(GET,    "/v1/tenants/{tenant}/plugins",                                   Role::Viewer,   Scope::Tenant,   PAGED_BY_NAME),
    rule(GET,    "/v1/tenants/{tenant}/plugins/{name}/versions/{version}",         Role::Viewer,   Scope::Tenant,   NONE),
    rule(DELETE, "/v1/tenants/{tenant}/plugins/{name}/versions/{version}",         Role::Admin,    Scope::Tenant,   NONE),
    rule(POST,   "/v1/tenants/{tenant}/api-keys",                                  Role::Admin,    Scope::Tenant,   NONE),
    rule(GET,    "/v1/tenants/{tenant}/api-keys",                                  Role::Admin,    Scope::Tenant,   PAGED),
    rule(DELETE, "/v1/tenants/{tenant}/api-keys/{id}",                             Role::Admin,    Scope::Tenant,   NONE),
    rule(POST,   "/v1/api-keys",                                                   Role::Admin,    Scope::Platform, NONE),
    rule(GET,    "/v1/api-keys",                                                   Role::Admin,    Scope::Platform, PAGED),
    rule(DELETE, "/v1/api-keys/{id}",                                              Role::Admin,    Scope::Platform, NONE),
    rule(GET,    "/v1/whoami",                                                     Role::Metrics,  Scope::Caller,   NONE),
    rule(GET,    "/v1/operations",                                                 Role::Viewer,   Scope::Caller,   PAGED_BY_TENANT),
    rule(GET,    "/v1/operations/{id}",                                            Role::Viewer,   Scope::Caller,   &["wait"]),
    rule(GET,    "/v1/events",                                                     Role::Viewer,   Scope::Caller,   PAGED_BY_CLUSTER),
    rule(GET,    "/v1/audit-log",                                                  Role::Admin,    Scope::Caller,   PAGED_BY_TENANT),
    rule(GET,    "/v1/admin/nodes",                                                Role::Viewer,   Scope::Platform, PAGED),
    rule(GET,    "/v1/admin/nodes/{name}",                                         Role::Viewer,   Scope::Platform, NONE),
    rule(GET,    "/v1/admin/log-groups",                                           Role::Viewer,   Scope::Platform, NONE),
    rule(POST,   "/v1/admin/log-groups/verify",                                    Role::Operator, Scope::Platform, NONE),
    rule(GET,    "/v1/admin/leases",                                               Role::Viewer,   Scope::Platform, PAGED),
];

/// The row of an endpoint.
pub(super) fn rule_of(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    RULES.iter().find(|rule| rule.method == method && rule.path == path)
}

impl Rule {
    /// The same with a module for a body.
    const fn of_module(self) -> Self {
        Self {
            body: BodyKind::Module,
            ..self
        }
    }

    /// Whether the key may do it at all. Whether it may know of the tenant in the path was asked before.
    pub(super) fn permit(&self, key: &ApiKey) -> Result<(), Fault> {
        if self.scope == Scope::Platform && key.tenant.is_some() {
            return Err(Fault::new(
                Code::Forbidden,
                "this takes a key of the platform, not of a tenant",
            ));
        }
        // The more a role may do, the smaller it is.
        if key.role > self.least {
            let (needed, has) = (name_of(self.least), name_of(key.role));
            let detail = format!("this takes the role {needed} or a higher one; the API key has {has}");
            return Err(Fault::new(Code::Forbidden, detail));
        }
        Ok(())
    }
}

/// Whether the holder of a key may make or revoke one of this role.
pub(super) fn permit_key_of(caller: &ApiKey, role: Role) -> Result<(), Fault> {
    if caller.role <= role {
        return Ok(());
    }
    let (asked, has) = (name_of(role), name_of(caller.role));
    let detail = format!("a key of the role {has} may not make or revoke one of the higher role {asked}");
    Err(Fault::new(Code::Forbidden, detail))
}

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Operator => "operator",
        Role::Viewer => "viewer",
        Role::Metrics => "metrics",
    }
}

const fn rule(
    method: &'static Method,
    path: &'static str,
    least: Role,
    scope: Scope,
    query: &'static [&'static str],
) -> Rule {
    Rule {
        method,
        path,
        least,
        scope,
        query,
        body: BodyKind::Json,
    }
}
