//! The simulated disk is as treacherous as it says, and not more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Disk, DiskFile};

fn read(file: &dyn DiskFile, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    file.read_at(0, &mut buffer).unwrap();
    buffer
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_torn_by_sectors() {
    let mut torn = false;
    for seed in 0..50 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let disk = SimDisk::new();
        let file = disk.create("file").unwrap();
        file.write_at(0, &[1; 2048]).unwrap();
        file.sync_all().unwrap();
        disk.sync_folder().unwrap();
        file.write_at(0, &[2; 1024]).unwrap();
        disk.crash(&mut rng);
        let bytes = read(&*disk.reopen().open("file").unwrap(), 2048);
        assert_eq!(bytes[1024..], [1; 1024]);
        for sector in bytes.chunks(512) {
            assert!(sector == [1; 512] || sector == [2; 512]);
        }
        torn |= bytes[0] != bytes[512];
    }
    assert!(torn);
}

#[test]
fn names_that_were_not_synced_are_kept_or_lost() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let disk = SimDisk::new();
        disk.create("a").unwrap();
        disk.create("b").unwrap();
        disk.sync_folder().unwrap();
        disk.rename("a", "c").unwrap();
        disk.remove("b").unwrap();
        disk.crash(&mut SmallRng::seed_from_u64(seed));
        outcomes.insert(disk.names().join(" "));
    }
    let outcomes: Vec<_> = outcomes.iter().map(String::as_str).collect();
    assert_eq!(outcomes, ["a", "a b", "b c", "c"]);
}

#[test]
fn a_failed_sync_is_not_made_up_for_by_the_next() {
    let disk = SimDisk::new();
    let file = disk.create("file").unwrap();
    disk.sync_folder().unwrap();
    file.write_at(0, b"lost").unwrap();
    disk.fail_syncs(1);
    file.sync().unwrap_err();
    file.sync().unwrap();
    assert_eq!(read(&*file, 4), b"lost");
    disk.drop_caches();
    assert_eq!(read(&*file, 4), [0; 4], "the medium never got it");
    file.write_at(600, b"not yet").unwrap();
    disk.drop_caches();
    let mut kept = [0; 7];
    file.read_at(600, &mut kept).unwrap();
    assert_eq!(&kept, b"not yet", "what must still be written is not forgotten");
    disk.crash(&mut SmallRng::seed_from_u64(0));
    let bytes = disk.content("file").unwrap();
    assert_ne!(bytes, b"lost");
}

#[test]
fn a_dead_process_touches_nothing() {
    let disk = SimDisk::new();
    let file = disk.create("file").unwrap();
    disk.freeze();
    assert!(disk.open("file").is_err() && disk.create("other").is_err() && disk.list().is_err());
    assert!(file.write_at(0, b"ghost").is_err() && file.sync().is_err() && file.len().is_err());
    let next = disk.reopen();
    assert_eq!(next.open("file").unwrap().len().unwrap(), 0);
    next.die_after(1);
    next.create("last").unwrap();
    assert!(next.create("too late").is_err());
}

#[test]
fn a_full_disk_takes_overwriting_but_no_growth() {
    let disk = SimDisk::new();
    let file = disk.create("file").unwrap();
    file.write_at(0, &[0; 100]).unwrap();
    disk.capacity_bytes(Some(100));
    file.write_at(0, &[1; 100]).unwrap();
    let error = file.write_at(50, &[1; 51]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    disk.remove("file").unwrap();
    disk.create("other").unwrap().write_at(0, &[1; 100]).unwrap();
}
