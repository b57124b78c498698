//! The client without sockets: what to send, and what an answer means.
//! Promises: whatever comes back becomes a value, a [`Problem`], or a sentence that shows the status and the first bytes;
//! names and values are percent-encoded, so none reaches another path. Leaves to its user: the connection, the token, waiting
//! and trying again.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::{Problem, WASM};

pub mod calls;
mod target;
#[cfg(test)]
mod tests;

/// Names a request across repeats: the server does it once and answers each of them alike.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Bytes of an unreadable answer that an error shows.
const SHOWN_BYTES_MAX: usize = 120;

/// A request, and how its answer is read. Made by [`calls`].
pub struct Call<T> {
    /// How.
    pub method: Method,
    /// Path and query, percent-encoded, from `/v1` on.
    pub target: String,
    /// JSON, or a module. Absent: no body is sent.
    pub body: Option<Vec<u8>>,
    /// Beside `Authorization`, which is its sender's: names and values.
    pub headers: Vec<(&'static str, String)>,
    answer: PhantomData<fn() -> T>,
}

/// The methods that the contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; may be repeated.
    Get,
    /// Changes something; may be repeated under one `Idempotency-Key`.
    Post,
    /// Makes something what is sent; may be repeated under one `Idempotency-Key`.
    Put,
    /// Takes something away.
    Delete,
}

/// Why an answer is no value.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The server says so.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Something else answered, or another version of the server.
    #[error("the answer, status {status}, is none of a control plane: {shown}")]
    Foreign {
        /// Of the answer.
        status: u16,
        /// Its first bytes, printable.
        shown: String,
    },
}

/// An answer of which only the status matters. Reads any JSON, and none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nothing;

impl Method {
    /// As HTTP spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl<T> Call<T> {
    fn new(method: Method, target: String) -> Self {
        Self {
            method,
            target,
            body: None,
            headers: vec![("Accept", "application/json".to_owned())],
            answer: PhantomData,
        }
    }

    fn with_body(mut self, body: &impl Serialize) -> Self {
        // Our bodies are structs of text and numbers, which always have a JSON. If one had not, the server would refuse the
        // empty body by name.
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        self.headers.push(("Content-Type", "application/json".to_owned()));
        self
    }

    fn with_module(mut self, module: Vec<u8>) -> Self {
        self.body = Some(module);
        self.headers.push(("Content-Type", WASM.to_owned()));
        self
    }

    /// The same, to be done once however often it is sent. `key` is 1 to 255 visible ASCII characters and belongs to this
    /// request alone.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.headers.retain(|(name, _)| *name != IDEMPOTENCY_KEY);
        self.headers.push((IDEMPOTENCY_KEY, key.into()));
        self
    }

    /// The same, if the resource is still the one of this [`crate::Cluster::etag`]: else a problem with status 412.
    #[must_use]
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.headers.push(("If-Match", etag.into()));
        self
    }

    /// What the call is named by, if it is.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        let named = self.headers.iter().find(|(name, _)| *name == IDEMPOTENCY_KEY);
        named.map(|(_, key)| key.as_str())
    }

    /// Whether sending it twice does what sending it once does.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        self.method == Method::Get || self.idempotency_key().is_some()
    }
}

impl<T: DeserializeOwned> Call<T> {
    /// What the answer means.
    ///
    /// # Errors
    /// [`ClientError::Problem`] if the server refused or failed, [`ClientError::Foreign`] if it is no answer of the contract.
    pub fn decode(&self, status: u16, body: &[u8]) -> Result<T, ClientError> {
        let foreign = || ClientError::Foreign {
            status,
            shown: first_bytes(body),
        };
        match status {
            200..=299 => {
                let body = if body.is_empty() { b"null" } else { body };
                serde_json::from_slice(body).map_err(|_| foreign())
            }
            400..=599 => {
                let problem: Problem = serde_json::from_slice(body).map_err(|_| foreign())?;
                Err(ClientError::Problem(Box::new(problem)))
            }
            _ => Err(foreign()),
        }
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            method: self.method,
            target: self.target.clone(),
            body: self.body.clone(),
            headers: self.headers.clone(),
            answer: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    /// Without the body, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.target)
    }
}

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// The beginning of an answer, as a line of a terminal takes it.
fn first_bytes(body: &[u8]) -> String {
    if body.is_empty() {
        return "(empty)".to_owned();
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]);
    let printable = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let cut = if body.len() > SHOWN_BYTES_MAX { "…" } else { "" };
    printable.collect::<String>() + cut
}
