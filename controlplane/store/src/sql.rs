//! Statements, the values they take and the rows they give, without saying of which database.
//! Promises: a file per table holds its SQL once, in the text that SQLite and PostgreSQL both take. Leaves to an engine
//! (`sqlite`): connections, binding values, telling one error from another, and how a transaction begins.
//!
//! Discarded: functions generic over `sqlx::Executor`, whose bounds are longer than the functions, and a macro that
//! expands each file once per engine, whose errors nobody can read. Another engine is one more file like `sqlite.rs`.
//!
//! The texts keep to what both take: `$1`, ON CONFLICT, RETURNING, row values; ids TEXT, numbers BIGINT, BOOLEAN, bytes; JSON as
//! TEXT that SQL never looks into. Lists are sorted by TEXT byte by byte, which PostgreSQL does under COLLATE "C" only.

use std::error::Error;

use async_trait::async_trait;

use crate::StoreError;
use crate::column::Column;

/// A database that can begin transactions.
#[async_trait]
pub trait Engine: Send + Sync {
    /// One that only reads. All that it reads is of one moment.
    async fn reading(&self) -> Result<Box<dyn Transaction>, SqlError>;

    /// One that writes. What it read is still so when it commits.
    async fn writing(&self) -> Result<Box<dyn Transaction>, SqlError>;
}

/// A transaction. Dropped without `commit`, it leaves nothing.
#[async_trait]
pub trait Transaction: Send {
    /// Runs a statement that changes rows; answers how many.
    async fn change(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, SqlError>;

    /// Runs a statement that answers rows.
    async fn rows(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, SqlError>;

    /// Makes its changes last.
    async fn commit(self: Box<Self>) -> Result<(), SqlError>;
}

/// What a statement takes for `$1`. `None` is NULL of that type: an engine may want to know the type of that too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Number(Option<i64>),
    /// BOOLEAN.
    Flag(Option<bool>),
    /// BLOB, or BYTEA.
    Bytes(Option<Vec<u8>>),
}

/// Which [`Value`] a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the variant of Value with its name")]
pub enum Kind {
    Text,
    Number,
    Flag,
    Bytes,
}

/// The fields of a row, as an engine gives them.
pub trait Fields: Send {
    /// The value of a column.
    fn field(&self, column: &str, kind: Kind) -> Result<Value, SqlError>;
}

/// A row that a statement gave.
pub struct Row(Box<dyn Fields>);

impl Row {
    /// The row with these fields.
    pub fn new(fields: impl Fields + 'static) -> Self {
        Self(Box::new(fields))
    }

    /// What a column holds.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T, SqlError> {
        let value = self.0.field(column, T::KIND)?;
        T::read(value).ok_or_else(|| SqlError::nonsense(column))
    }
}

/// A statement was not run.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// A row with this key, or with a value that is to be unique, is there already.
    #[error("a value that is to be unique is taken")]
    Taken(#[source] Box<dyn Error + Send + Sync>),
    /// A row refers to one that is not there, or others refer to one that was to go.
    #[error("a reference between rows would be broken")]
    Referenced(#[source] Box<dyn Error + Send + Sync>),
    /// A row holds what this program does not write. What it is is not shown: it may be a secret.
    #[error("column {column} of a row holds what this program does not write there")]
    Nonsense {
        /// The column.
        column: String,
    },
    /// Everything else.
    #[error("a statement failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl SqlError {
    pub(crate) fn nonsense(column: &str) -> Self {
        Self::Nonsense {
            column: column.to_owned(),
        }
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        Self::Unavailable {
            source: Box::new(error),
        }
    }
}

/// The values of a statement, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::column::Column::write($value)),*]
    };
}
pub(crate) use values;

/// A row was put: exactly one, or somebody else was faster.
pub(crate) fn put(written: Result<u64, SqlError>, row: impl FnOnce() -> String) -> Result<(), StoreError> {
    match written {
        Ok(0) | Err(SqlError::Taken(_)) => Err(StoreError::Conflict { row: row() }),
        // Only the parent can have gone: whoever puts a child has read the parent.
        Err(SqlError::Referenced(_)) => Err(StoreError::Conflict {
            row: format!("what {} belongs to", row()),
        }),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// A row was deleted: exactly one, unless it has children or somebody else was faster.
pub(crate) fn deleted(written: Result<u64, SqlError>, row: impl FnOnce() -> String) -> Result<(), StoreError> {
    match written {
        Err(SqlError::Referenced(_)) => Err(StoreError::InUse { row: row() }),
        other => put(other, row),
    }
}

/// Every row, read.
pub(crate) fn read<T>(rows: &[Row], one: impl Fn(&Row) -> Result<T, SqlError>) -> Result<Vec<T>, StoreError> {
    Ok(rows.iter().map(one).collect::<Result<_, _>>()?)
}

/// The only row, read. `None`: there is none.
pub(crate) fn read_one<T>(rows: &[Row], one: impl Fn(&Row) -> Result<T, SqlError>) -> Result<Option<T>, StoreError> {
    Ok(rows.first().map(one).transpose()?)
}
