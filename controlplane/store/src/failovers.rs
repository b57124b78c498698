//! Attempts at failovers.

use tenure_control_model::{FailoverAttempt, FailoverOutcome, FailoverReason};
use tenure_types::{Epoch, Owner, WallTime};

use crate::column::word_columns;
use crate::sql::{Row, SqlError, Transaction, put as put_one, read, values};
use crate::{FORGET_ROWS_MAX, Page, StoreError};

const PAGE: &str = "
SELECT
    id,
    shard,
    expect,
    to_node,
    to_incarnation,
    reason,
    outcome,
    outcome_epoch,
    begun_at,
    ended_at
FROM failovers
WHERE id < $1
ORDER BY id DESC
LIMIT $2";

const PUT: &str = "
INSERT INTO failovers (
    id,
    shard,
    expect,
    to_node,
    to_incarnation,
    reason,
    outcome,
    outcome_epoch,
    begun_at,
    ended_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE
SET
    outcome = excluded.outcome,
    outcome_epoch = excluded.outcome_epoch,
    ended_at = excluded.ended_at";

const FORGET: &str = "
DELETE FROM failovers
WHERE id IN (
    SELECT id
    FROM failovers
    WHERE begun_at < $1
    ORDER BY begun_at
    LIMIT $2
)";

/// The newest first.
pub(crate) async fn page(sql: &mut dyn Transaction, page: &Page) -> Result<Vec<FailoverAttempt>, StoreError> {
    read(&sql.rows(PAGE, values![page.before(), page.rows_max]).await?, attempt)
}

/// Of one that was begun only the outcome changes.
pub(crate) async fn put(sql: &mut dyn Transaction, attempt: &FailoverAttempt) -> Result<(), StoreError> {
    let (outcome, epoch) = match attempt.outcome {
        FailoverOutcome::Unknown => (OutcomeWord::Unknown, None),
        FailoverOutcome::Won(epoch) => (OutcomeWord::Won, Some(epoch)),
        FailoverOutcome::Lost(epoch) => (OutcomeWord::Lost, Some(epoch)),
    };
    let values = values![
        attempt.id,
        attempt.shard,
        attempt.expect,
        attempt.to.node,
        attempt.to.incarnation,
        attempt.reason,
        outcome,
        epoch,
        attempt.begun_at,
        attempt.ended_at,
    ];
    put_one(sql.change(PUT, values).await, || format!("failover {}", attempt.id))
}

pub(crate) async fn forget(sql: &mut dyn Transaction, before: WallTime) -> Result<(), StoreError> {
    sql.change(FORGET, values![before, FORGET_ROWS_MAX]).await?;
    Ok(())
}

word_columns! {
    FailoverReason {
        OwnerSilent => "owner-silent",
        GivenUp => "given-up",
    }

    OutcomeWord {
        Unknown => "unknown",
        Won => "won",
        Lost => "lost",
    }
}

/// A [`FailoverOutcome`] without its epoch.
enum OutcomeWord {
    Unknown,
    Won,
    Lost,
}

fn attempt(row: &Row) -> Result<FailoverAttempt, SqlError> {
    Ok(FailoverAttempt {
        id: row.get("id")?,
        shard: row.get("shard")?,
        expect: row.get("expect")?,
        to: Owner {
            node: row.get("to_node")?,
            incarnation: row.get("to_incarnation")?,
        },
        reason: row.get("reason")?,
        outcome: outcome(row)?,
        begun_at: row.get("begun_at")?,
        ended_at: row.get("ended_at")?,
    })
}

fn outcome(row: &Row) -> Result<FailoverOutcome, SqlError> {
    let epoch = || row.get::<Epoch>("outcome_epoch");
    Ok(match row.get("outcome")? {
        OutcomeWord::Unknown => FailoverOutcome::Unknown,
        OutcomeWord::Won => FailoverOutcome::Won(epoch()?),
        OutcomeWord::Lost => FailoverOutcome::Lost(epoch()?),
    })
}
