//! The contract as OpenAPI: `GET /openapi.json`, and `api/admin/openapi.json` in the tree.
//! Promises: what holds for every endpoint (keys, problems, `Idempotency-Key`) is written once here, and stands at each of them.

use axum::http::StatusCode;
use tenure_admin::{PROBLEM_JSON, Problem};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

const SCHEME: &str = "apiKey";
const READS: [u16; 6] = [400, 401, 403, 404, 429, 503];
const CHANGES: [u16; 10] = [400, 401, 403, 404, 408, 409, 413, 415, 429, 503];

/// The document without its paths.
pub(super) fn head() -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let description = "Provisions clusters of Tenure. A problem is told as RFC 9457 has it; its `code` never changes its meaning. Within /v1 \
                       only optional fields, parameters and paths are added.";
    let info = InfoBuilder::new()
        .title("Tenure")
        .version("v1")
        .description(Some(description))
        .license(Some(license.build()));
    OpenApi::new(info.build(), utoipa::openapi::Paths::new())
}

/// The document with what holds for every endpoint.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of an API key: `tnr_…`."));
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer.build()));
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for (path, item) in &mut document.paths.paths {
        let is_open = !path.starts_with("/v1/");
        for (method, operation) in operations_of(item) {
            if is_open {
                add_problems(operation, &[500, 503]);
            } else {
                finish_operation(method, path, operation);
            }
        }
    }
    document
}

/// The operations of a path that we use, with their methods.
pub(super) fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("DELETE", &mut item.delete),
    ];
    operations
        .into_iter()
        .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn finish_operation(method: &str, path: &str, operation: &mut Operation) {
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    match method {
        "GET" => add_problems(operation, &READS),
        _ => add_problems(operation, &CHANGES),
    }
    if matches!(method, "POST" | "PUT") {
        add_problems(operation, &[422]);
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "1 to 255 visible ASCII characters. The same request with the same key is done once, and answered alike for 24 hours.",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()));
        operation
            .parameters
            .get_or_insert_default()
            .push(RefOr::T(parameter.build()));
    }
    if path == "/v1/tenants/{tenant}/clusters" && method == "POST" {
        add_problems(operation, &[507]);
    }
    if matches!(method, "DELETE" | "PUT") {
        add_problems(operation, &[412]);
    }
    add_problems(operation, &[500]);
}

fn add_problems(operation: &mut Operation, statuses: &[u16]) {
    for status in statuses {
        let words = StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
        let mut response = ResponseBuilder::new()
            .description(words.unwrap_or("Problem"))
            .content(PROBLEM_JSON, content.build());
        if matches!(*status, 429 | 503) {
            let seconds = HeaderBuilder::new()
                .description(Some("Seconds to wait."))
                .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()));
            response = response.header("Retry-After", seconds.build());
        }
        let responses = &mut operation.responses.responses;
        responses.insert(status.to_string(), RefOr::T(response.build()));
    }
}
