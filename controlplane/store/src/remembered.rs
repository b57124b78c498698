//! Answers to requests that came with an `Idempotency-Key`.

use tenure_control_model::{ApiKeyId, Remembered};
use tenure_types::WallTime;

use crate::sql::{Row, SqlError, Transaction, put as put_one, read_one, values};
use crate::{FORGET_ROWS_MAX, StoreError};

const BY_KEY: &str = "
SELECT
    api_key,
    idempotency_key,
    request_sha256,
    status,
    body,
    expires_at
FROM remembered
WHERE api_key = $1 AND idempotency_key = $2";

const INSERT: &str = "
INSERT INTO remembered (
    api_key,
    idempotency_key,
    request_sha256,
    status,
    body,
    expires_at
)
VALUES ($1, $2, $3, $4, $5, $6)";

const FORGET: &str = "
DELETE FROM remembered
WHERE (api_key, idempotency_key) IN (
    SELECT
        api_key,
        idempotency_key
    FROM remembered
    WHERE expires_at <= $1
    ORDER BY expires_at
    LIMIT $2
)";

pub(crate) async fn by_key(
    sql: &mut dyn Transaction,
    by: ApiKeyId,
    key: &str,
) -> Result<Option<Remembered>, StoreError> {
    read_one(&sql.rows(BY_KEY, values![by, key]).await?, remembered)
}

pub(crate) async fn add(sql: &mut dyn Transaction, answer: &Remembered) -> Result<(), StoreError> {
    let values = values![
        answer.by,
        answer.key.as_str(),
        answer.request_sha256,
        answer.status,
        answer.body.as_str(),
        answer.expires_at,
    ];
    put_one(sql.change(INSERT, values).await, || {
        format!("the answer to {} of {}", answer.key, answer.by)
    })
}

/// Those that expired.
pub(crate) async fn forget(sql: &mut dyn Transaction, now: WallTime) -> Result<(), StoreError> {
    sql.change(FORGET, values![now, FORGET_ROWS_MAX]).await?;
    Ok(())
}

fn remembered(row: &Row) -> Result<Remembered, SqlError> {
    Ok(Remembered {
        by: row.get("api_key")?,
        key: row.get("idempotency_key")?,
        request_sha256: row.get("request_sha256")?,
        status: row.get("status")?,
        body: row.get("body")?,
        expires_at: row.get("expires_at")?,
    })
}
