//! A read whose segment is recycled and overwritten between looking it up and reading it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use support::hooked::{Call, Hooked};
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Done, Wal};

type Hook = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

#[test]
fn a_read_that_recycling_overtook_looks_again_instead_of_crying_damage() {
    let hook = Hook::default();
    let once = Arc::clone(&hook);
    let disk = Hooked::new(SimDisk::new(), move |call| {
        // Taken out before it is called: it reads too.
        let hook = matches!(call, Call::Read).then(|| once.lock().unwrap().take());
        if let Some(hook) = hook.flatten() {
            hook();
        }
    });
    let (wal, mut writer) = Wal::open(Arc::new(disk), GROUPS, OPTIONS).unwrap();
    wal.append(A, entries(0..=19, 1000), Done::Nothing);
    drain(&mut writer);
    let submitter = wal.clone();
    *hook.lock().unwrap() = Some(Box::new(move || {
        // Enough to overwrite every file there is.
        for index in 20..400 {
            submitter.append(A, entries(index..=index, 1000), Done::Nothing);
            submitter.purge(A, index - 10, Bytes::new(), Done::Nothing);
            drain(&mut writer);
        }
    }));
    let read = wal.read(A, 0..500, usize::MAX).unwrap();
    assert!(hook.lock().unwrap().is_none(), "the read went to the disk");
    assert_eq!(read, entries(390..=399, 1000));
}
