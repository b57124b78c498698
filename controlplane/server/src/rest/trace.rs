//! What surrounds every request: its id, its line in the log, and the body of its problem.
//! Promises: every answer carries `X-Request-Id`; every problem is `application/problem+json` and names the same id; a handler that panics
//! is answered with one too.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tenure_admin::PROBLEM_JSON;
use tracing::{error, info};

use super::Rest;
use super::problem::{Code, Fault};

/// The id of a request, a UUID.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much of a path is written down. What the API has is shorter.
const PATH_BYTES_MAX: usize = 256;

/// The outermost layer.
pub(super) async fn trace(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    let id = uuid::Uuid::from_u128(rest.shared.new_id()).to_string();
    let (method, path) = (request.method().clone(), cut(request.uri().path()).to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = rest.shared.clock.boot();
    // A handler holds no lock across a panic: what it shares with others is SQL.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| {
        error!(request = %id, "a handler panicked");
        Fault::internal().into_response()
    });
    let (response, code) = finish(response, &id, &method);
    let took = rest.shared.clock.boot().elapsed_since(begun);
    let route = route.as_ref().map(MatchedPath::as_str);
    rest.shared.metrics.answered(route, &method, response.status(), took);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (status, code) = (response.status().as_u16(), code.map_or("", Code::text));
    info!(request = %id, %method, path, status, code, millis, "request answered");
    response
}

/// As much of a path as is written down.
pub(super) fn cut(path: &str) -> &str {
    let ends = 0..=PATH_BYTES_MAX.min(path.len());
    // A path may hold letters of several bytes.
    let end = ends.rev().find(|end| path.is_char_boundary(*end));
    end.and_then(|end| path.get(..end)).unwrap_or_default()
}

/// The kind of the problem that an answer tells of, also if a library of ours made it.
pub(super) fn code_of(response: &Response) -> Option<Code> {
    let status = response.status();
    let ours = || response.extensions().get::<Fault>().map(|fault| fault.code);
    is_problem(status).then(|| ours().unwrap_or_else(|| foreign(status).code))
}

const fn is_problem(status: StatusCode) -> bool {
    status.as_u16() >= 400
}

fn finish(mut response: Response, id: &str, method: &Method) -> (Response, Option<Code>) {
    let code = code_of(&response);
    if let Some(code) = code {
        let ours = response.extensions_mut().remove::<Fault>();
        let fault = ours.unwrap_or_else(|| foreign(response.status()));
        *response.status_mut() = code.status();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        fault.write_headers(headers);
        let body = serde_json::to_vec(&fault.into_problem(id.to_owned())).unwrap_or_default();
        let is_head = method == Method::HEAD;
        *response.body_mut() = if is_head { Body::empty() } else { Body::from(body) };
    }
    mark(response.headers_mut(), id);
    (response, code)
}

fn mark(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    // Answers carry what others may not see.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// For what was refused before a handler of ours saw it.
fn foreign(status: StatusCode) -> Fault {
    let code = match status {
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        other if other.is_client_error() => Code::Malformed,
        _ => return Fault::internal(),
    };
    Fault::new(code, code.title())
}
