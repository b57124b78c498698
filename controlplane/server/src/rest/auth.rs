//! Whose request it is.
//! Promises: secrets are compared in constant time, and for an unknown key as much is hashed and compared as for a wrong secret. Leaves to `access`: what the key may do.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;
use tenure_control_model::ApiKey;
use tenure_types::WallTime;

use super::problem::{Code, Fault};
use super::{Rest, Token};

/// The key that the request comes with, if it opens something at all.
pub(super) async fn authenticate(rest: &Rest, headers: &HeaderMap, from: Option<IpAddr>) -> Result<ApiKey, Fault> {
    let Some(token) = token_of(headers) else {
        return Err(refuse(rest, from));
    };
    let key = rest.shared.store.api_key(token.id()).await?;
    if !knows_secret(key.as_ref(), &token) {
        return Err(refuse(rest, from));
    }
    key.filter(|key| is_live(key, rest.shared.now()))
        .ok_or_else(|| refuse(rest, from))
}

/// Whether a key opens anything at this moment.
pub(super) fn is_live(key: &ApiKey, now: WallTime) -> bool {
    let is_over = |end: Option<WallTime>| end.is_some_and(|end| end <= now);
    key.revoked_at.is_none() && !is_over(key.expires_at)
}

/// Hashes and compares also for a key that is not there, with what no secret is known to give.
fn knows_secret(key: Option<&ApiKey>, token: &Token) -> bool {
    let expected = key.map_or([0; 32], |key| key.secret_sha256);
    let is_it: bool = expected.ct_eq(&token.secret_sha256()).into();
    is_it && key.is_some()
}

fn token_of(headers: &HeaderMap) -> Option<Token> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    token
        .parse()
        .ok()
        .filter(|_: &Token| scheme.eq_ignore_ascii_case("bearer"))
}

/// One sentence for all: who guesses learns nothing from it.
fn refuse(rest: &Rest, from: Option<IpAddr>) -> Fault {
    match rest.limits.failed_login(from) {
        Ok(()) => {
            let detail =
                "send `Authorization: Bearer <token>` with the token of an API key that is neither revoked nor expired";
            Fault::new(Code::Unauthenticated, detail)
        }
        Err(too_many) => too_many,
    }
}
