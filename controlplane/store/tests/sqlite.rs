//! SQLite keeps the contract, in a real file; and what it adds: a file for its owner only that outlives the process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tenure_control_model::{Change, Expect, Revision, Tenant, TenantKey, Write};
use tenure_control_store::contract::UnderTest;
use tenure_control_store::{Counter, OpenError, SqliteStore, Store};
use tenure_types::{TenantId, WallTime};

tenure_control_store::store_contract!(run, SqliteFile::new().await);

/// A store in a folder that vanishes with it.
struct SqliteFile {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
}

impl SqliteFile {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("control.db")).await.unwrap();
        Self {
            folder,
            store: Arc::new(store),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("control.db")
    }
}

impl UnderTest for SqliteFile {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    async fn restart(&mut self) {
        self.store.close().await;
        self.store = Arc::new(SqliteStore::open(&self.path()).await.unwrap());
    }
}

#[test]
fn a_database_is_for_its_owner_only() {
    run(async {
        let under_test = SqliteFile::new().await;
        under_test.store.allocate(Counter::Stream, 1).await.unwrap();
        let mode = |name: &str| {
            let file = under_test.folder.path().join(name).metadata();
            file.unwrap().permissions().mode() & 0o777
        };
        for name in ["control.db", "control.db-wal", "control.db-shm"] {
            assert_eq!(mode(name), 0o600, "{name}");
        }
    });
}

#[test]
fn a_database_that_others_may_read_is_closed_to_them() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.db");
        std::fs::write(&path, b"").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        SqliteStore::open(&path).await.unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    });
}

#[test]
fn what_cannot_be_opened_is_refused_with_the_reason() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("none").join("control.db");
        let error = SqliteStore::open(&nowhere).await.unwrap_err();
        assert!(matches!(error, OpenError::File { .. }), "{error:?}");
        assert!(
            error.to_string().contains("none/control.db cannot be created"),
            "{error}"
        );
        let nonsense = folder.path().join("nonsense.db");
        std::fs::write(&nonsense, "this is no database".repeat(100)).unwrap();
        let error = SqliteStore::open(&nonsense).await.unwrap_err();
        assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
        assert_eq!(
            std::fs::read_to_string(&nonsense).unwrap(),
            "this is no database".repeat(100)
        );
    });
}

#[test]
fn a_database_of_a_newer_program_is_left_as_it_is() {
    run(async {
        let under_test = SqliteFile::new().await;
        under_test.store.close().await;
        let options = SqliteConnectOptions::new().filename(under_test.path());
        let mut connection = options.connect().await.unwrap();
        let migration = "
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
VALUES (999, 'of tomorrow', TRUE, x'00', 0)";
        sqlx::query(migration).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let error = SqliteStore::open(&under_test.path()).await.unwrap_err();
        let sentence = "control.db has schema 999, and this program knows only up to 1: start a newer one";
        assert!(error.to_string().ends_with(sentence), "{error}");
    });
}

#[test]
fn a_database_of_an_unreleased_build_is_refused_and_left_as_it_is() {
    run(async {
        let under_test = SqliteFile::new().await;
        under_test.store.close().await;
        let options = SqliteConnectOptions::new().filename(under_test.path());
        let mut connection = options.connect().await.unwrap();
        let edited = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1";
        sqlx::query(edited).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let error = SqliteStore::open(&under_test.path()).await.unwrap_err();
        let sentence = "was made by an earlier, unreleased build, with another schema 1: make a new database";
        assert!(error.to_string().ends_with(sentence), "{error}");
    });
}

/// Another process may have the file open, such as a backup or a person with a shell.
#[test]
fn reads_go_on_while_somebody_writes_and_a_write_waits_for_its_turn() {
    run(async {
        let under_test = SqliteFile::new().await;
        let store = &under_test.store;
        let options = SqliteConnectOptions::new().filename(under_test.path());
        let mut other = options.connect().await.unwrap();
        let writing = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let reads = futures::future::join_all((0..16).map(|_| store.world()));
        let mut write = Box::pin(store.allocate(Counter::Stream, 1));
        let first = futures::future::select(&mut write, Box::pin(reads)).await;
        let futures::future::Either::Right((worlds, _)) = first else {
            panic!("two write at once");
        };
        assert!(worlds.iter().all(Result::is_ok));
        writing.commit().await.unwrap();
        assert_eq!(write.await.unwrap(), 1);
    });
}

/// What a process leaves that is killed: the files as they are at that moment.
fn crash_copy(of: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let with_suffix = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::copy(with_suffix(of), with_suffix(to)).unwrap();
    }
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    run(async {
        let under_test = SqliteFile::new().await;
        for number in 1..20 {
            assert_eq!(under_test.store.allocate(Counter::Tenant, 1).await.unwrap(), number);
            let copy = under_test.folder.path().join(format!("copy-{number}.db"));
            crash_copy(&under_test.path(), &copy);
            let after = SqliteStore::open(&copy).await.unwrap();
            assert_eq!(after.allocate(Counter::Tenant, 1).await.unwrap(), number + 1);
            after.close().await;
        }
    });
}

#[test]
fn a_kill_in_the_middle_of_a_change_leaves_all_of_it_or_nothing() {
    run(async {
        let under_test = SqliteFile::new().await;
        let store = &under_test.store;
        let (mut none, mut some) = (0, 0);
        for number in 1..60_u32 {
            let row = |half: u32| Tenant {
                id: TenantKey::new(u128::from(number * 2 + half)),
                number: TenantId::new(u64::from(number * 2 + half)),
                name: format!("tenant-{number}-{half}").parse().unwrap(),
                created_at: WallTime::from_unix_millis(0),
                revision: Revision::FIRST,
            };
            let change = Change::default()
                .with(Write::PutTenant(row(0), Expect::Absent))
                .with(Write::PutTenant(row(1), Expect::Absent));
            let copy = under_test.folder.path().join(format!("copy-{number}.db"));
            let kill = async {
                for _ in 0..number * number / 4 {
                    tokio::task::yield_now().await;
                }
                crash_copy(&under_test.path(), &copy);
            };
            let (applied, ()) = tokio::join!(store.apply(change), kill);
            applied.unwrap();
            let after = SqliteStore::open(&copy).await.unwrap();
            let found = |half| {
                let (after, row) = (&after, row(half));
                async move { after.tenant(&row.name).await.unwrap().is_some() }
            };
            let halves = (found(0).await, found(1).await);
            assert_eq!(halves.0, halves.1, "half of change {number}");
            if halves.0 {
                some += 1
            } else {
                none += 1
            }
            after.close().await;
        }
        eprintln!("{none} killed before, {some} after");
    });
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
