//! The log on real files, written by its own thread.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use support::hooked::{Call, Hooked};
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Disk, Done, OpenFolderError, Scheduling, StdDisk, Wal, WalError, WalOptions, WalThread};

fn spawn(disk: Arc<dyn Disk>) -> (Wal, WalThread, mpsc::Receiver<WalError>) {
    let (wal, writer) = Wal::open(disk, GROUPS, OPTIONS).unwrap();
    let (fatal, errors) = mpsc::channel();
    let on_fatal = Box::new(move |error| fatal.send(error).unwrap());
    (wal, writer.spawn(on_fatal, Scheduling::Ordinary), errors)
}

fn std_disk(folder: &tempfile::TempDir) -> Arc<dyn Disk> {
    Arc::new(StdDisk::open(folder.path()).unwrap())
}

#[test]
fn what_the_thread_reported_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (wal, thread, _errors) = spawn(std_disk(&folder));
    let (done, reported) = mpsc::channel();
    for index in 0..300 {
        let done = done.clone();
        wal.append(
            A,
            entries(index..=index, 1000),
            Done::watermark(move || done.send(index).unwrap()),
        );
    }
    while reported.recv().unwrap() != 299 {}
    wal.close();
    thread.join();
    drop(wal);
    let (wal, thread, errors) = spawn(std_disk(&folder));
    assert_eq!(all(&wal, A), entries(0..=299, 1000));
    wal.close();
    thread.join();
    assert!(errors.try_recv().is_err());
}

#[test]
fn readers_see_every_entry_while_segments_are_written_and_recycled() {
    let folder = tempfile::tempdir().unwrap();
    let (wal, thread, errors) = spawn(std_disk(&folder));
    let reader = {
        let wal = wal.clone();
        std::thread::spawn(move || {
            let mut reads = 0;
            loop {
                let read = wal.read(A, 0..u64::MAX, 200_000).unwrap();
                for pair in read.windows(2) {
                    assert_eq!(pair[0].0 + 1, pair[1].0);
                }
                for (index, body) in &read {
                    assert_eq!((*index, body.clone()), entry(*index, 1000));
                }
                reads += 1;
                if read.last().is_some_and(|(index, _)| *index == 2999) {
                    return reads;
                }
            }
        })
    };
    let (done, durable) = mpsc::channel();
    for round in 0..100 {
        let (from, to) = (round * 30, round * 30 + 29);
        let done = done.clone();
        wal.append(A, entries(from..=to, 1000), Done::each(move || done.send(()).unwrap()));
        durable.recv().unwrap();
        if round < 99 {
            wal.purge(A, to - 9, Bytes::new(), Done::Nothing);
        }
    }
    assert!(reader.join().unwrap() > 0);
    assert!(wal.usage().allocated_bytes <= (8 * 64) << 10, "{:?}", wal.usage());
    wal.close();
    thread.join();
    assert!(errors.try_recv().is_err());
}

#[test]
fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let (wal, thread, _errors) = spawn(std_disk(&folder));
    assert!(matches!(
        StdDisk::open(folder.path()),
        Err(OpenFolderError::InUse { .. })
    ));
    wal.close();
    thread.join();
    drop(wal);
    StdDisk::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = StdDisk::open(folder.path().join("not-mounted"));
    assert!(matches!(outcome, Err(OpenFolderError::Io { .. })));
}

#[test]
fn an_error_ends_the_thread_and_is_told_once() {
    let disk = SimDisk::new();
    let (wal, thread, errors) = spawn(Arc::new(disk.clone()));
    disk.fail_syncs(u64::MAX);
    let calls = Calls::default();
    wal.append(A, entries(0..=0, 10), calls.each("never"));
    let error = errors.recv().unwrap();
    assert!(matches!(error, WalError::Io { .. }), "{error}");
    thread.join();
    assert!(calls.seen().is_empty());
    assert!(errors.recv().is_err(), "the callback is gone");
    wal.append(A, entries(1..=1, 10), calls.each("never"));
    assert!(calls.seen().is_empty());
}

#[test]
fn an_error_is_told_although_the_disk_hangs() {
    let disk = SimDisk::new();
    let (hanging, hangs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let spawned = Arc::new(Mutex::new(false));
    let armed = Arc::clone(&spawned);
    let hooked = Hooked::new(disk.clone(), move |call| {
        if matches!(call, Call::Create(_)) && *armed.lock().unwrap() {
            hanging.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        }
    });
    let (wal, writer) = Wal::open(Arc::new(hooked), GROUPS, OPTIONS).unwrap();
    *spawned.lock().unwrap() = true;
    let (fatal, errors) = mpsc::channel();
    let thread = writer.spawn(Box::new(move |error| fatal.send(error).unwrap()), Scheduling::Ordinary);
    hangs.recv().unwrap();
    disk.fail_syncs(u64::MAX);
    wal.append(A, entries(0..=0, 10), Done::Nothing);
    // The time is only there for this test to fail and not to hang.
    let told = errors.recv_timeout(Duration::from_secs(10));
    assert!(matches!(told, Ok(WalError::Io { .. })), "{told:?}");
    drop(release);
    thread.join();
}

#[test]
fn a_callback_that_panics_ends_the_thread_and_is_told() {
    let (wal, thread, errors) = spawn(Arc::new(SimDisk::new()));
    wal.append(
        A,
        entries(0..=0, 10),
        Done::each(|| panic!("a bug in a callback, which this test wants")),
    );
    assert!(matches!(errors.recv().unwrap(), WalError::Ended));
    thread.join();
}

#[test]
fn the_thread_goes_on_when_a_full_disk_has_space_again() {
    let disk = SimDisk::new();
    let (wal, thread, _errors) = spawn(Arc::new(disk.clone()));
    disk.capacity_bytes(Some(0));
    let (done, durable) = mpsc::channel();
    for index in 0..200 {
        wal.append(A, entries(index..=index, 1000), Done::Nothing);
    }
    wal.save_vote(A, Bytes::new(), Done::each(move || done.send(()).unwrap()));
    while !wal.usage().stalled {
        std::thread::yield_now();
    }
    assert!(durable.try_recv().is_err());
    disk.capacity_bytes(None);
    durable.recv().unwrap();
    wal.close();
    thread.join();
}

#[test]
fn real_time_scheduling_is_tried_and_never_needed() {
    let folder = tempfile::tempdir().unwrap();
    let options = WalOptions {
        segment_bytes: 1 << 20,
        ..OPTIONS
    };
    let (wal, writer) = Wal::open(std_disk(&folder), GROUPS, options).unwrap();
    let thread = writer.spawn(Box::new(|error| panic!("{error}")), Scheduling::Realtime);
    let (done, durable) = mpsc::channel();
    wal.save_vote(B, Bytes::new(), Done::each(move || done.send(()).unwrap()));
    durable.recv().unwrap();
    wal.close();
    thread.join();
}
