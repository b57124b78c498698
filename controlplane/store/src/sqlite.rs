//! SQLite: one file on this machine, for a control plane that runs alone.
//! Promises: what was committed survives a crash and the loss of power; a file that a newer program wrote is left as it is.
//! Leaves to `sql` and the files of the tables: what is stored.
//!
//! One connection writes, in transactions that begin by taking the write lock (BEGIN IMMEDIATE): one that read first and
//! took the lock later would fail at once when another wrote in between, without waiting. Others read, each transaction
//! the state of one moment, and hinder nobody (WAL).

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::ErrorKind;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row as _, SqlSafeStr};

use crate::sql::{Engine, Fields, Kind, Row, SqlError, Transaction, Value};
use crate::store::SqlStore;

/// What the control plane keeps, in one file of this machine.
pub type SqliteStore = SqlStore<SqliteEngine>;

/// The connections to one file.
#[derive(Debug)]
pub struct SqliteEngine {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// How many transactions may read at once. A fifth waits.
const READERS_MAX: u32 = 4;

/// How long a transaction waits for its turn, and for other processes that have the file open.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The steps from an empty database to the schema of this program, in order. From the first release on their texts never change; until
/// then they may, and a database of an earlier build is refused.
const MIGRATIONS: [(i64, &str, &str); 1] = [(1, "init", include_str!("../migrations/sqlite/0001_init.sql"))];

/// A database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made, or not be made readable for its owner only.
    #[error("the database {} cannot be created or protected", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A newer program has written it.
    #[error(
        "the database {} has schema {found}, and this program knows only up to {known}: start a newer one",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A build of before the first release has written it: its schema is another one of the same number.
    #[error(
        "the database {} was made by an earlier, unreleased build, with another schema {found}: make a new database",
        path.display()
    )]
    Unreleased {
        /// Which file.
        path: PathBuf,
        /// The number of the schema that changed since.
        found: i64,
    },
    /// It is no database, is damaged, is locked by another process, or its disk fails.
    #[error("the database {} cannot be opened", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SqliteStore {
    /// Opens the database in this file, or makes one. Brings an older schema up to this program's. The file is made readable
    /// for its owner only: it holds keys.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        protect(path).map_err(|source| OpenError::File {
            path: path.to_owned(),
            source,
        })?;
        let unusable = |source| OpenError::Unusable {
            path: path.to_owned(),
            source,
        };
        let options = options(path);
        let writer = pool(1, options.clone());
        let writer = writer.await.map_err(|error| unusable(error.into()))?;
        migrate(&writer).await.map_err(|error| {
            if let MigrateError::VersionMissing(found) = error {
                newer(path, found)
            } else if let MigrateError::VersionMismatch(found) = error {
                let path = path.to_owned();
                OpenError::Unreleased { path, found }
            } else {
                unusable(error.into())
            }
        })?;
        let readers = pool(READERS_MAX, options.pragma("query_only", "ON"));
        let readers = readers.await.map_err(|error| unusable(error.into()))?;
        let engine = SqliteEngine { writer, readers };
        Ok(Self { engine })
    }

    /// Waits for what is under way, and closes the file.
    pub async fn close(&self) {
        self.engine.readers.close().await;
        self.engine.writer.close().await;
    }
}

#[async_trait]
impl Engine for SqliteEngine {
    async fn reading(&self) -> Result<Box<dyn Transaction>, SqlError> {
        let begun = self.readers.begin_with("BEGIN").await.map_err(of_sqlx)?;
        Ok(Box::new(SqliteTransaction(begun)))
    }

    async fn writing(&self) -> Result<Box<dyn Transaction>, SqlError> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(of_sqlx)?;
        Ok(Box::new(SqliteTransaction(begun)))
    }
}

struct SqliteTransaction(sqlx::Transaction<'static, Sqlite>);

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn change(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, SqlError> {
        let done = bound(sql, values).execute(&mut *self.0).await.map_err(of_sqlx)?;
        Ok(done.rows_affected())
    }

    async fn rows(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        let rows = bound(sql, values).fetch_all(&mut *self.0).await.map_err(of_sqlx)?;
        Ok(rows.into_iter().map(Row::new).collect())
    }

    async fn commit(self: Box<Self>) -> Result<(), SqlError> {
        self.0.commit().await.map_err(of_sqlx)
    }
}

impl Fields for SqliteRow {
    fn field(&self, column: &str, kind: Kind) -> Result<Value, SqlError> {
        let value = match kind {
            Kind::Text => self.try_get(column).map(Value::Text),
            Kind::Number => self.try_get(column).map(Value::Number),
            Kind::Flag => self.try_get(column).map(Value::Flag),
            Kind::Bytes => self.try_get(column).map(Value::Bytes),
        };
        value.map_err(of_sqlx)
    }
}

fn bound(sql: &'static str, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn of_sqlx(error: sqlx::Error) -> SqlError {
    let kind = error.as_database_error().map(sqlx::error::DatabaseError::kind);
    let error = Box::new(error);
    match kind {
        Some(ErrorKind::UniqueViolation) => SqlError::Taken(error),
        Some(ErrorKind::ForeignKeyViolation) => SqlError::Referenced(error),
        _ => SqlError::Failed(error),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL would lose the newest commits with the power.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(WAIT_MAX)
}

async fn pool(connections_max: u32, options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(WAIT_MAX)
        // A connection to a file does not age.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

async fn migrate(writer: &SqlitePool) -> Result<(), MigrateError> {
    let migration = |(version, description, text): (i64, &'static str, &'static str)| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    };
    let migrations = MIGRATIONS.map(migration);
    Migrator::with_migrations(migrations.into()).run(writer).await
}

fn newer(path: &Path, found: i64) -> OpenError {
    OpenError::Newer {
        path: path.to_owned(),
        found,
        known: MIGRATIONS.map(|(version, ..)| version).into_iter().max().unwrap_or(0),
    }
}

/// Makes the file if there is none, for its owner only. SQLite gives the files beside it the same mode.
fn protect(path: &Path) -> io::Result<()> {
    let mut create = OpenOptions::new();
    create.create(true).truncate(false).write(true).mode(0o600);
    let file = create.open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}
