//! What the tests of the log share: small logs on simulated disks, and callbacks that remember.
#![allow(dead_code, reason = "each test crate uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is test code, which clippy sees only by #[test]"
)]

pub(crate) mod hooked;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Done, Wal, WalError, WalOptions, WalWriter, Wrote};
use tenure_types::GroupId;

pub(crate) const GROUPS: u32 = 3;
pub(crate) const A: GroupId = GroupId::new(0);
pub(crate) const B: GroupId = GroupId::new(1);
pub(crate) const BLOCK: u64 = 4096;

/// The smallest segments, and a cache that holds next to nothing, so that reads go to the disk.
pub(crate) const OPTIONS: WalOptions = WalOptions {
    segment_bytes: 64 << 10,
    cache_bytes: 2000,
    batch_bytes_max: 16 << 10,
    salt: 7,
};

pub(crate) fn open(disk: &SimDisk) -> (Wal, WalWriter) {
    try_open(disk).unwrap()
}

pub(crate) fn try_open(disk: &SimDisk) -> Result<(Wal, WalWriter), WalError> {
    Wal::open(Arc::new(disk.clone()), GROUPS, OPTIONS)
}

/// Writes until nothing is queued. Says how many batches that took.
pub(crate) fn drain(writer: &mut WalWriter) -> usize {
    let mut batches = 0;
    loop {
        match writer.write_queued().unwrap() {
            Wrote::Nothing => return batches,
            Wrote::Batch { .. } => batches += 1,
            Wrote::Stalled => panic!("there is no space"),
        }
    }
}

pub(crate) fn entry(index: u64, bytes: usize) -> (u64, Bytes) {
    let seed = u8::try_from(index % 251).unwrap();
    (index, Bytes::from(vec![seed; bytes]))
}

pub(crate) fn entries(indices: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<(u64, Bytes)> {
    indices.map(|index| entry(index, bytes)).collect()
}

pub(crate) fn all(wal: &Wal, group: GroupId) -> Vec<(u64, Bytes)> {
    wal.read(group, 0..u64::MAX, usize::MAX).unwrap()
}

/// Remembers which callbacks were called, in order.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    pub(crate) fn watermark(&self, name: &'static str) -> Done {
        let calls = self.clone();
        Done::watermark(move || calls.0.lock().unwrap().push(name))
    }

    pub(crate) fn each(&self, name: &'static str) -> Done {
        let calls = self.clone();
        Done::each(move || calls.0.lock().unwrap().push(name))
    }

    pub(crate) fn seen(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}
