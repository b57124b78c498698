//! Numbers that only grow: the generation of desired states, and what is handed out.

use crate::sql::{Transaction, read_one, values};
use crate::{Counter, StoreError};

const GENERATION: &str = "generation";

const ADD: &str = "
UPDATE counters
SET value = value + $2
WHERE name = $1
RETURNING value";

const READ: &str = "
SELECT value
FROM counters
WHERE name = $1";

/// Which generation of desired states it is.
pub(crate) async fn generation(sql: &mut dyn Transaction) -> Result<u64, StoreError> {
    let rows = sql.rows(READ, values![GENERATION]).await?;
    Ok(read_one(&rows, |row| row.get("value"))?.unwrap_or_default())
}

/// Refuses another generation than this. Within a change it is the one before it: the next begins when all rows are written.
pub(crate) async fn expect_generation(sql: &mut dyn Transaction, expected: u64) -> Result<(), StoreError> {
    if generation(sql).await? == expected {
        return Ok(());
    }
    let row = format!("the desired state of generation {expected}");
    Err(StoreError::Conflict { row })
}

/// Begins the next generation, and answers it.
pub(crate) async fn next_generation(sql: &mut dyn Transaction) -> Result<u64, StoreError> {
    add(sql, GENERATION, 1).await
}

/// Hands out `count` numbers, and answers the first.
pub(crate) async fn allocate(sql: &mut dyn Transaction, counter: Counter, count: u32) -> Result<u64, StoreError> {
    let name = match counter {
        Counter::Tenant => "tenant",
        Counter::Stream => "stream",
    };
    let next = add(sql, name, u64::from(count)).await?;
    Ok(next.saturating_sub(u64::from(count)))
}

/// The migration made the row, so there is one.
async fn add(sql: &mut dyn Transaction, name: &str, count: u64) -> Result<u64, StoreError> {
    let rows = sql.rows(ADD, values![name, count]).await?;
    Ok(read_one(&rows, |row| row.get("value"))?.unwrap_or_default())
}
