//! openraft's own suite for storage, on the real journal: real files, real syncs, the real writer thread.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tenure_log::ManualClock;
use tenure_log_storage::{Scheduling, StdDisk, Wal, WalOptions, WalThread};
use tenure_types::{GroupId, LeaseLength};

use super::log_store::{ColdReads, Flushed, LogStore};
use super::state_machine::StateMachine;
use super::types::TypeConfig;
use crate::group::state::{GroupState, Shared};
use crate::room::Room;

struct Journals {
    /// Zero, so that every read goes to the disk.
    cache_bytes: usize,
}

/// The folder, and the thread that writes in it. Dropped in this order: closed, ended, removed.
struct Journal {
    wal: Wal,
    thread: Option<WalThread>,
    _folder: TempDir,
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.wal.close();
        if let Some(thread) = self.thread.take() {
            thread.join();
        }
    }
}

impl StoreBuilder<TypeConfig, LogStore, StateMachine, Journal> for Journals {
    async fn build(&self) -> Result<(Journal, LogStore, StateMachine), StorageError<TypeConfig>> {
        let folder = TempDir::new().unwrap();
        let disk = Arc::new(StdDisk::open(folder.path()).unwrap());
        let options = WalOptions {
            segment_bytes: 64 << 10,
            cache_bytes: self.cache_bytes,
            ..WalOptions::default()
        };
        let (wal, writer) = Wal::open(disk, 2, options).unwrap();
        let thread = writer.spawn(
            Box::new(|error| panic!("the journal failed: {error}")),
            Scheduling::Ordinary,
        );
        let store = LogStore::new(wal.clone(), Flushed::default(), GroupId::new(1), ColdReads::OffThread);
        let lease_max = LeaseLength::from_millis(10_000).unwrap();
        let state = Shared::new(GroupState::new(lease_max, 1 << 20, Arc::new(Unlimited)));
        let state_machine = StateMachine::new(state, Arc::new(ManualClock::new()));
        let journal = Journal {
            wal,
            thread: Some(thread),
            _folder: folder,
        };
        Ok((journal, store, state_machine))
    }
}

#[tokio::test]
async fn storage_passes_the_suite_of_openraft() {
    Suite::test_all(Journals { cache_bytes: 1 << 20 }).await.unwrap();
}

#[tokio::test]
async fn storage_passes_the_suite_of_openraft_without_a_cache() {
    Suite::test_all(Journals { cache_bytes: 0 }).await.unwrap();
}

struct Unlimited;

impl Room for Unlimited {
    fn bytes(&self) -> u64 {
        u64::MAX
    }
}
