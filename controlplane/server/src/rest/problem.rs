//! Problems: what is told to a request that was refused or failed.
//! Promises: every answer of 400 or more carries one of the codes below, and `ops/docs/api-errors.md` explains each. Leaves to
//! `trace`: writing the body, since only it knows the request's id.

use std::error::Error;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tenure_admin::{FieldError, Problem};
use tenure_control_store::StoreError;
use tracing::error;

use super::plugins::full;

/// Seconds after which a database that does not answer may be asked again.
const DATABASE_RETRY_SECONDS: u32 = 1;

/// Broken rules that one answer tells of.
const ERRORS_MAX: usize = 20;

/// Defines the codes: variant, text, status, title.
macro_rules! codes {
    ($($name:ident = $text:literal, $status:ident, $title:literal;)*) => {
        /// The kind of a problem. Its text is for programs, and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Code { $($name),* }

        impl Code {
            /// All of them, in the order of their statuses.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// As it stands in `code`.
            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The answer's status.
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// The kind in words.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    Malformed = "malformed", BAD_REQUEST, "the request cannot be read";
    Invalid = "invalid", BAD_REQUEST, "a value breaks a rule";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "no valid API key";
    Forbidden = "forbidden", FORBIDDEN, "the API key may not do this";
    NotFound = "not-found", NOT_FOUND, "there is no such thing";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "the path does not take this method";
    TooSlow = "too-slow", REQUEST_TIMEOUT, "the request came too slowly";
    AlreadyExists = "already-exists", CONFLICT, "the name is taken";
    Conflict = "conflict", CONFLICT, "somebody else changed it meanwhile";
    OperationInProgress = "operation-in-progress", CONFLICT, "another operation is under way";
    InUse = "in-use", CONFLICT, "it still has something below it";
    NotActive = "not-active", CONFLICT, "the cluster is not active";
    NotAReplica = "not-a-replica", CONFLICT, "no live replica is there";
    AlreadyPrimary = "already-primary", CONFLICT, "it is the primary already";
    OwnKey = "own-key", CONFLICT, "a key does not revoke itself";
    LastOwner = "last-owner", CONFLICT, "nobody could open everything any more";
    TooManyKeys = "too-many-keys", CONFLICT, "the tenant has all API keys that it may have";
    TooManyPlugins = "too-many-plugins", CONFLICT, "there are all plugins that may be";
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, "it is not what If-Match names";
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "the body is too large";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "the body is of another type than is taken";
    Unfit = "unfit", UNPROCESSABLE_ENTITY, "the module cannot be a plugin";
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "the Idempotency-Key came with another request";
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, "too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "a fault of the server";
    DatabaseUnavailable = "database-unavailable", SERVICE_UNAVAILABLE, "the database cannot be used";
    LogUnavailable = "log-unavailable", SERVICE_UNAVAILABLE, "the log does not answer";
    CheckUnavailable = "check-unavailable", SERVICE_UNAVAILABLE, "modules cannot be looked at";
    Busy = "busy", SERVICE_UNAVAILABLE, "too many changes at once";
    NoCapacity = "no-capacity", INSUFFICIENT_STORAGE, "no room for it";
}

/// A problem on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Its kind.
    pub(super) code: Code,
    /// What was wrong with this request, and what to do.
    pub(super) detail: String,
    /// Each field that is wrong.
    pub(super) errors: Vec<FieldError>,
    /// Seconds after which the same request may succeed.
    pub(super) retry_after: Option<u32>,
    /// The operation that is in the way.
    pub(super) operation: Option<String>,
}

impl Fault {
    /// One of this kind.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            operation: None,
        }
    }

    /// There is nothing of this name, or nothing that the caller may know of: both are told alike.
    pub(super) fn not_found(what: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} {name:?}"))
    }

    /// Values that break rules. Of more than 20 the others are only counted.
    pub(super) fn invalid(mut errors: Vec<FieldError>) -> Self {
        let others = errors.len().saturating_sub(ERRORS_MAX);
        errors.truncate(ERRORS_MAX);
        let mut rules: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.rule))
            .collect();
        if others > 0 {
            rules.push(format!("and {others} others"));
        }
        Self {
            errors,
            ..Self::new(Code::Invalid, rules.join("; "))
        }
    }

    /// One value that breaks a rule.
    pub(super) fn invalid_field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError {
            field: field.into(),
            rule: rule.into(),
        }])
    }

    /// A fault of ours. What it is stands in the server's log, under the request's id.
    pub(super) fn internal() -> Self {
        let detail = "the server made a mistake: its log tells more under the id in `instance`";
        Self::new(Code::Internal, detail)
    }

    /// Somebody else was faster, also when it was tried again.
    pub(super) fn conflict() -> Self {
        let detail = "somebody else changed it meanwhile, again and again: send the request again";
        Self::new(Code::Conflict, detail)
    }

    /// The database does not do it.
    pub(super) fn database_unavailable() -> Self {
        let detail = "the database cannot be used at the moment, and whether something was changed is not known: send the request \
                      again, with the same Idempotency-Key if it had one";
        Self {
            retry_after: Some(DATABASE_RETRY_SECONDS),
            ..Self::new(Code::DatabaseUnavailable, detail)
        }
    }

    /// The body that tells of it.
    pub(super) fn into_problem(self, instance: String) -> Problem {
        Problem {
            kind: format!("urn:tenure:problem:{}", self.code.text()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail,
            instance,
            code: self.code.text().to_owned(),
            errors: self.errors,
            retry_after: self.retry_after,
            operation: self.operation,
        }
    }

    /// Headers that belong to it.
    pub(super) fn write_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            let scheme = HeaderValue::from_static("Bearer realm=\"tenure\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
    }
}

impl From<StoreError> for Fault {
    /// For what no handler expects. Logged here: the caller is told less than we know.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict { .. } => Self::conflict(),
            StoreError::InUse { row } => Self::new(Code::InUse, format!("{row} is still in use")),
            StoreError::Full { limit, .. } => full(*limit),
            StoreError::Unavailable { source } => {
                error!(error = %chain(source.as_ref()), "the database cannot be used");
                Self::database_unavailable()
            }
        }
    }
}

impl IntoResponse for Fault {
    /// Without a body: `trace` writes it.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
