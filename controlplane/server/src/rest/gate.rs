//! What every request under `/v1` passes before its handler, in this order.
//!
//! ```text
//!   key ─▶ rate ─▶ tenant of the path ─▶ role ─▶ body ─▶ turn ─▶ audit row ─▶ remembered? ─▶ query ─▶ handler ─▶ audit row's end
//!                                                └───────────── changes only ─────────────┘
//! ```
//!
//! Promises: what a handler is given was permitted. A change goes on when its caller hangs up, so it is never left half done, and its audit row gets its end.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tenure_admin::WASM;
use tenure_control_model::{ApiKey, Name, Tenant};
use tenure_plugin_abi::MODULE_BYTES_MAX;
use tokio::sync::SemaphorePermit;
use tracing::error;

use super::access::{self, BodyKind, Rule};
use super::audit::Audit;
use super::call::Call;
use super::idempotency::Once;
use super::problem::{Code, Fault};
use super::query::Query;
use super::rate::{Caller, too_many};
use super::trace::code_of;
use super::turns::{MODULES_OF_ONE_MAX, Place, turn};
use super::{Rest, auth, etag};

/// The largest body of JSON.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

const JSON: &str = "application/json";

/// In which a body has to come.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a change waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(2);

/// The layer around every handler under `/v1`.
pub(super) async fn gate(State(rest): State<Rest>, params: RawPathParams, request: Request, next: Next) -> Response {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let params = params.iter().map(owned).collect();
    match Visit::begin(rest, params, request).await {
        Ok(visit) if visit.parts.method.is_safe() => visit.read(next).await.unwrap_or_else(Fault::into_response),
        Ok(visit) => {
            let change = tokio::spawn(visit.change(next));
            change.await.unwrap_or_else(|fault| {
                error!(error = %fault, "a change ended in a panic");
                Fault::internal().into_response()
            })
        }
        Err(fault) => fault.into_response(),
    }
}

/// A request of somebody who is known.
struct Visit {
    rest: Rest,
    rule: &'static Rule,
    key: ApiKey,
    /// The tenant in the path, if there is one there; an error if the caller may not know of it.
    tenant: Result<Option<Tenant>, Fault>,
    from: Option<IpAddr>,
    params: Vec<(String, String)>,
    parts: Parts,
    body: Body,
}

impl Visit {
    async fn begin(rest: Rest, params: Vec<(String, String)>, request: Request) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let rule = rule_of(&parts)?;
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let from = from.map(|ConnectInfo(address)| address.ip());
        let key = auth::authenticate(&rest, &parts.headers, from).await?;
        rest.limits.request(&key)?;
        let tenant = match params.iter().find(|(name, _)| name == "tenant") {
            Some((_, name)) => visible_tenant(&rest, &key, name).await.map(Some),
            None => Ok(None),
        };
        Ok(Self {
            rest,
            rule,
            key,
            tenant,
            from,
            params,
            parts,
            body,
        })
    }

    async fn read(mut self, next: Next) -> Result<Response, Fault> {
        let tenant = self.permitted()?;
        let call = self.call(tenant, Bytes::new(), None)?;
        Ok(self.hand_over(call, Body::empty(), next).await)
    }

    async fn change(mut self, next: Next) -> Response {
        let about = self.tenant.as_ref().ok().and_then(Option::as_ref);
        let about = about.map(|tenant| tenant.id).or(self.key.tenant);
        let rest = self.rest.clone();
        // The body is read before the turn: who sends slowly is in nobody's way. The places of a module are held to the end.
        let caller = Caller::of(&self.key);
        let is_large = self.rule.body == BodyKind::Module && self.rule.permit(&self.key).is_ok();
        let (_own, _place) = match places(&rest, is_large, caller).await {
            Ok(places) => places,
            Err(fault) => return fault.into_response(),
        };
        let ready = self.ready().await;
        let _turn = match turn(&rest.changes, TURN_WITHIN).await {
            Ok(turn) => turn,
            Err(fault) => return fault.into_response(),
        };
        let (method, path) = (&self.parts.method, self.parts.uri.path());
        let audit = Audit::of(&rest, &self.key, about, method, path, self.from);
        let (tenant, body) = match ready {
            Ok(ready) => ready,
            Err(fault) => {
                let written = audit.refuse(&rest, fault.code).await;
                return written
                    .map_or_else(|_| Fault::database_unavailable(), |()| fault)
                    .into_response();
            }
        };
        // 1. The row. 2. The change. 3. The row's end.
        // A crash after 1 leaves a row without an end; what was done shows in the resource.
        if audit.begin(&rest).await.is_err() {
            return Fault::database_unavailable().into_response();
        }
        let done = self.change_once(tenant, body, next).await;
        let response = done.unwrap_or_else(Fault::into_response);
        let (status, code) = (response.status().as_u16(), code_of(&response));
        audit.complete(&rest, status, code).await;
        response
    }

    /// The tenant and the body, if the caller may do this at all.
    async fn ready(&mut self) -> Result<(Option<Tenant>, Bytes), Fault> {
        let tenant = self.permitted()?;
        let body = std::mem::take(&mut self.body);
        let body = read_body(&self.parts.headers, self.rule.body, body, BODY_TIME_MAX).await?;
        Ok((tenant, body))
    }

    async fn change_once(&mut self, tenant: Option<Tenant>, body: Bytes, next: Next) -> Result<Response, Fault> {
        let (method, uri) = (&self.parts.method, &self.parts.uri);
        let once = Once::of(self.key.id, method, uri, &self.parts.headers, &body)?;
        let path = uri.path().to_owned();
        if let Some(once) = &once
            && let Some(earlier) = once.earlier(&self.rest, &path).await?
        {
            return Ok(earlier.into_response());
        }
        let call = self.call(tenant, body, once.clone())?;
        let response = self.hand_over(call, Body::empty(), next).await;
        match once {
            // The same request may have come twice at once. The one that lost is answered as the one that won.
            Some(once) if response.status() == StatusCode::CONFLICT => {
                let earlier = once.earlier(&self.rest, &path).await?;
                Ok(earlier.map_or(response, IntoResponse::into_response))
            }
            _ => Ok(response),
        }
    }

    /// Takes the tenant out, if the caller may do this at all.
    fn permitted(&mut self) -> Result<Option<Tenant>, Fault> {
        // First whether the tenant is there, for a caller who may not know of it: no role shall tell the difference.
        let tenant = std::mem::replace(&mut self.tenant, Ok(None))?;
        self.rule.permit(&self.key)?;
        Ok(tenant)
    }

    fn call(&self, tenant: Option<Tenant>, body: Bytes, once: Option<Once>) -> Result<Call, Fault> {
        Ok(Call {
            query: Query::read(&self.parts.uri, self.rule.query)?,
            if_match: etag::if_match_of(&self.parts.headers)?,
            key: self.key.clone(),
            params: self.params.clone(),
            path: self.parts.uri.path().to_owned(),
            tenant,
            body,
            once,
        })
    }

    async fn hand_over(&mut self, call: Call, body: Body, next: Next) -> Response {
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.extensions_mut() = std::mem::take(&mut self.parts.extensions);
        request.extensions_mut().insert(call);
        next.run(request).await
    }
}

/// Where a large body is held.
type Places<'a> = (Option<Place<'a>>, Option<SemaphorePermit<'a>>);

/// Room for a body, if it is a large one. So however many push at once, and however slowly, memory is bounded, and nobody takes all
/// places.
async fn places(rest: &Rest, is_large: bool, caller: Caller) -> Result<Places<'_>, Fault> {
    if !is_large {
        return Ok((None, None));
    }
    let too_many = || too_many(Duration::ZERO, "a module of this caller is being looked at already");
    let own = rest.pushers.place(caller, MODULES_OF_ONE_MAX).ok_or_else(too_many)?;
    let place = turn(&rest.modules, TURN_WITHIN).await?;
    Ok((Some(own), Some(place)))
}

fn rule_of(parts: &Parts) -> Result<&'static Rule, Fault> {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    access::rule_of(&parts.method, path).ok_or_else(|| {
        error!(method = %parts.method, path, "an endpoint has no rule about access");
        Fault::internal()
    })
}

/// The tenant of this name, if the key may know of it. Another's answers as one that does not exist.
pub(super) async fn visible_tenant(rest: &Rest, key: &ApiKey, name: &str) -> Result<Tenant, Fault> {
    let hidden = || Fault::not_found("tenant", name);
    let parsed: Name = name.parse().map_err(|_| hidden())?;
    let tenant = rest.shared.store.tenant(&parsed).await?;
    tenant
        .filter(|tenant| key.tenant.is_none_or(|own| own == tenant.id))
        .ok_or_else(hidden)
}

/// The body, if it comes whole within `time_max`.
pub(super) async fn read_body(
    headers: &HeaderMap,
    kind: BodyKind,
    body: Body,
    time_max: Duration,
) -> Result<Bytes, Fault> {
    let (bytes_max, media_type) = match kind {
        BodyKind::Json => (BODY_BYTES_MAX, JSON),
        BodyKind::Module => (MODULE_BYTES_MAX, WASM),
    };
    let too_large = || Fault::new(Code::TooLarge, format!("a body has at most {bytes_max} bytes here"));
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let length: Option<usize> = length.and_then(|text| text.parse().ok());
    if length.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large());
    }
    let body = tokio::time::timeout(time_max, body::to_bytes(body, bytes_max)).await;
    let body = body.map_err(|_| Fault::new(Code::TooSlow, format!("the body did not come within {time_max:?}")))?;
    // The other reason to fail is that the caller is gone, and then nobody hears this.
    let body = body.map_err(|_| too_large())?;
    if !body.is_empty() && !is_of_type(headers, media_type) {
        let what = if kind == BodyKind::Json {
            "JSON"
        } else {
            "the bytes of a module"
        };
        let detail = format!("send the body as {what}, with `Content-Type: {media_type}`");
        return Err(Fault::new(Code::UnsupportedMediaType, detail));
    }
    Ok(body)
}

fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = value.and_then(|value| value.split(';').next());
    given.is_some_and(|text| text.trim().eq_ignore_ascii_case(media_type))
}
