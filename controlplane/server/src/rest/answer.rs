//! Answers of handlers.
//! Promises: the body of an answer is text before the change is written, so the same text can be remembered with it.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Fault;

/// Tells that an answer was given before, to the same request.
pub(super) const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// What a handler answers if nothing is wrong.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// JSON; empty: none.
    pub(super) body: String,
    /// What is remembered of it for the same `Idempotency-Key`, if that is less than `body`.
    pub(super) remembered: Option<String>,
    /// What it is about: a path.
    location: Option<String>,
    /// The resource's revision.
    etag: Option<String>,
    /// Whether it was given before.
    replayed: bool,
}

impl Answer {
    /// An answer with this body.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Fault> {
        Ok(Self::text(status, to_json(body)?))
    }

    /// An answer without a body.
    pub(super) fn no_content() -> Self {
        Self::text(StatusCode::NO_CONTENT, String::new())
    }

    /// The answer that was given before.
    pub(super) fn replay(status: StatusCode, body: String) -> Self {
        Self {
            replayed: true,
            ..Self::text(status, body)
        }
    }

    /// Where to look for what becomes of it.
    #[must_use]
    pub(super) fn at(mut self, location: Option<String>) -> Self {
        self.location = location;
        self
    }

    /// What `If-Match` may name.
    #[must_use]
    pub(super) fn with_etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    fn text(status: StatusCode, body: String) -> Self {
        Self {
            status,
            body,
            remembered: None,
            location: None,
            etag: None,
            replayed: false,
        }
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        let texts = [(header::LOCATION, &self.location), (header::ETAG, &self.etag)];
        for (name, text) in texts {
            if let Some(value) = text.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert(name, value);
            }
        }
        if !self.body.is_empty() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        if self.replayed {
            headers.insert(REPLAY, HeaderValue::from_static("true"));
        }
    }
}

impl fmt::Debug for Answer {
    /// Without the body: there may be a token in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        self.write_headers(response.headers_mut());
        *response.body_mut() = Body::from(self.body);
        response
    }
}

/// A body as text.
pub(super) fn to_json(body: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Fault::internal()
    })
}
