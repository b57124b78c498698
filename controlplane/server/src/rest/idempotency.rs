//! `Idempotency-Key`: a request that is sent twice is done once.
//! Promises: the answer is remembered in the transaction of the change that it tells of, so both are there or neither. Only what changed something
//! is remembered; a request that was refused may be sent again, corrected or not.

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use sha2::{Digest, Sha256};
use tenure_control_model::{ApiKeyId, Remembered, Write};
use tenure_types::WallTime;

use super::answer::Answer;
use super::problem::{Code, Fault};
use super::{Rest, location};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LENGTH_MAX: usize = 255;

/// A request that is to be done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Once {
    by: ApiKeyId,
    key: String,
    request_sha256: [u8; 32],
}

impl Once {
    /// The request's own, if it names one.
    pub(super) fn of(
        by: ApiKeyId,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Self>, Fault> {
        // Other methods may be repeated as they are.
        if method != Method::POST && method != Method::PUT {
            return Ok(None);
        }
        let Some(key) = key_of(headers)? else {
            return Ok(None);
        };
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        let head = format!("{method} {target}\n");
        let request_sha256 = Sha256::new().chain_update(head).chain_update(body).finalize().into();
        Ok(Some(Self {
            by,
            key,
            request_sha256,
        }))
    }

    /// The answer that was given before.
    pub(super) async fn earlier(&self, rest: &Rest, path: &str) -> Result<Option<Answer>, Fault> {
        let store = &rest.shared.store;
        let Some(earlier) = store.remembered(self.by, &self.key).await? else {
            return Ok(None);
        };
        let now = rest.shared.now();
        if earlier.expires_at <= now {
            // It would be in the way of the new one. Reconcilers come by too, but not at once.
            store.forget(now, WallTime::from_unix_millis(0)).await?;
            return Ok(None);
        }
        if earlier.request_sha256 != self.request_sha256 {
            let detail =
                "this Idempotency-Key came with another request before: send each request with a key of its own";
            return Err(Fault::new(Code::IdempotencyKeyReused, detail));
        }
        let status = StatusCode::from_u16(earlier.status).map_err(|_| Fault::internal())?;
        let location = location::of(path, &earlier.body);
        Ok(Some(Answer::replay(status, earlier.body).at(location)))
    }

    /// The row that remembers an answer.
    pub(super) fn remember(&self, rest: &Rest, answer: &Answer) -> Write {
        let for_millis = u64::try_from(rest.shared.options.remember_for.as_millis()).unwrap_or(u64::MAX);
        let until_millis = rest.shared.now().as_unix_millis().saturating_add(for_millis);
        Write::Remember(Remembered {
            by: self.by,
            key: self.key.clone(),
            request_sha256: self.request_sha256,
            status: answer.status.as_u16(),
            body: answer.remembered.clone().unwrap_or_else(|| answer.body.clone()),
            expires_at: WallTime::from_unix_millis(until_millis),
        })
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let is_key = |bytes: &[u8]| (1..=LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let key = value.to_str().ok().filter(|key| is_key(key.as_bytes()));
    let key = key.filter(|_| values.next().is_none());
    key.map(|key| Some(key.to_owned()))
        .ok_or_else(|| Fault::invalid_field("Idempotency-Key", "once, 1 to 255 visible ASCII characters"))
}
