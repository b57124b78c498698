//! What recovery keeps, cuts and refuses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use support::hooked::{Call, Hooked};
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Damage, Disk, Done, Flaw, Sequence, Wal, WalError};

fn newest(disk: &SimDisk) -> String {
    let names = disk.names();
    let segments = names.iter().filter(|name| Sequence::from_file_name(name).is_some());
    segments.max().unwrap().clone()
}

fn oldest(disk: &SimDisk) -> String {
    let names = disk.names();
    let segments = names.iter().filter(|name| Sequence::from_file_name(name).is_some());
    segments.min().unwrap().clone()
}

/// One entry per batch, so that each is one block.
fn append_one_by_one(disk: &SimDisk, indices: std::ops::RangeInclusive<u64>) {
    let (wal, mut writer) = open(&disk.reopen());
    for index in indices {
        wal.append(A, vec![entry(index, 100)], Done::Nothing);
        drain(&mut writer);
    }
    disk.freeze();
}

fn damage(disk: &SimDisk) -> Damage {
    match try_open(&disk.reopen()) {
        Err(WalError::Damaged(damage)) => damage,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("the damage was not seen"),
    }
}

#[test]
fn a_torn_tail_is_cut() {
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=4);
    disk.flip_bit(&newest(&disk), 5 * BLOCK + 100);
    let (wal, mut writer) = open(&disk.reopen());
    assert_eq!(all(&wal, A), entries(0..=3, 100));
    wal.append(A, entries(4..=4, 77), Done::Nothing);
    drain(&mut writer);
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A).last(), Some(&entry(4, 77)));
}

#[test]
fn a_batch_is_kept_as_a_whole_or_not_at_all() {
    for offset in [0, 30, 48, 48 + 20, 48 + 1024 * 5, 48 + 1024 * 6 + 100, 8191] {
        let disk = SimDisk::new();
        append_one_by_one(&disk, 0..=1);
        let (wal, mut writer) = open(&disk.reopen());
        wal.append(A, entries(2..=8, 1000), Done::Nothing);
        assert_eq!(drain(&mut writer), 1);
        disk.freeze();
        disk.flip_bit(&newest(&disk), 3 * BLOCK + offset);
        assert_eq!(all(&open(&disk.reopen()).0, A), entries(0..=1, 100), "byte {offset}");
    }
}

#[test]
fn a_flipped_bit_below_the_durable_mark_is_refused() {
    // In the middle of the newest segment, every kind of place; a later batch proves that it was durable.
    for offset in [0, 5, 20, 33, 45, 50, 60, 100, 171, 4000] {
        let disk = SimDisk::new();
        append_one_by_one(&disk, 0..=4);
        disk.flip_bit(&newest(&disk), 2 * BLOCK + offset);
        assert_eq!(damage(&disk).offset, 2 * BLOCK, "byte {offset}");
    }
}

#[test]
fn after_a_clean_end_damage_of_the_last_batch_is_refused_too() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(0..=0, 100), Done::Nothing);
    wal.close();
    drain(&mut writer);
    disk.freeze();
    disk.flip_bit(&newest(&disk), BLOCK + 100);
    damage(&disk);
}

#[test]
fn what_a_recovery_found_is_known_to_be_durable() {
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=4);
    drop(open(&disk.reopen()));
    disk.freeze();
    // The last batch, behind which nothing is but the promise of the header.
    disk.flip_bit(&newest(&disk), 5 * BLOCK + 100);
    assert_eq!(damage(&disk).offset, 5 * BLOCK);
}

#[test]
fn a_flipped_bit_in_an_older_segment_is_refused() {
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=19);
    assert!(disk.names().len() >= 2);
    for offset in [9, 100, BLOCK + 10, BLOCK + 100, 11 * BLOCK + 3000] {
        let name = oldest(&disk);
        disk.flip_bit(&name, offset);
        let Damage { segment, .. } = damage(&disk);
        assert_eq!(segment.file_name(), name);
        disk.flip_bit(&name, offset);
    }
    assert_eq!(all(&open(&disk.reopen()).0, A), entries(0..=19, 100));
}

#[test]
fn a_segment_that_is_missing_is_noticed() {
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=39);
    let segments: Vec<_> = disk
        .names()
        .into_iter()
        .filter(|name| name.starts_with("wal-"))
        .collect();
    assert!(segments.len() >= 3);
    let remove = |name: &str| Disk::remove(&disk.reopen(), name).unwrap();
    remove(&segments[1]);
    assert!(matches!(damage(&disk).why, Flaw::Gap { .. }));
    remove(&segments[0]);
    assert!(matches!(damage(&disk).why, Flaw::Missing { first: 0, .. }));
}

#[test]
fn a_log_that_is_gone_does_not_begin_anew() {
    let disk = SimDisk::new();
    drop(open(&disk));
    Disk::remove(&disk, &newest(&disk)).unwrap();
    let Err(error) = try_open(&disk) else {
        panic!("it began anew");
    };
    assert!(matches!(error, WalError::Lost) && error.is_damage(), "{error}");
}

#[test]
fn a_crash_while_a_log_begins_leaves_one_that_can_begin() {
    for changes in 0..20 {
        for seed in 0..8 {
            let disk = SimDisk::new();
            disk.die_after(changes);
            let began = try_open(&disk).is_ok();
            disk.crash(&mut SmallRng::seed_from_u64(seed));
            let (wal, _writer) = open(&disk.reopen());
            assert_eq!(wal.state(A).last, None);
            assert!(!began || disk.names().iter().any(|name| name == "log-begun"));
        }
    }
}

#[test]
fn the_old_bytes_of_a_recycled_segment_never_validate() {
    let mut stale_most = 0;
    for count in 1..=60 {
        let disk = SimDisk::new();
        let (wal, mut writer) = open(&disk);
        // Every batch is one block, so old and new batches begin at the same places in their files.
        for index in 0..count {
            wal.append(A, vec![entry(index, 100)], Done::Nothing);
            wal.purge(A, index.saturating_sub(1), Bytes::new(), Done::Nothing);
            drain(&mut writer);
        }
        let expected = all(&wal, A);
        disk.freeze();
        let content = disk.content(&newest(&disk)).unwrap();
        let sequence = |block: &[u8]| u64::from_le_bytes(block[8..16].try_into().unwrap());
        let batches = content.chunks(4096).filter(|block| block.starts_with(b"TNBT"));
        let mut sequences: Vec<_> = batches.map(sequence).collect();
        let own = sequences.first().copied();
        sequences.retain(|sequence| Some(*sequence) != own);
        stale_most = stale_most.max(sequences.len());
        assert_eq!(all(&open(&disk.reopen()).0, A), expected, "{count} batches");
    }
    assert!(stale_most >= 8, "old batches lay behind the new ones");
}

#[test]
fn a_crash_between_any_two_steps_of_recovery_loses_nothing() {
    for changes in 0..40 {
        for seed in 0..8 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let disk = SimDisk::new();
            append_one_by_one(&disk, 0..=14);
            // The last batches may be in the page cache only: kill, then recover, then lose power in the middle.
            let dying = disk.reopen();
            disk.die_after(changes);
            let finished = try_open(&dying).is_ok();
            disk.crash(&mut rng);
            let (wal, _writer) = open(&disk.reopen());
            assert_eq!(all(&wal, A), entries(0..=14, 100), "{changes} changes, seed {seed}");
            if finished {
                let segments = disk.names().iter().filter(|name| name.starts_with("wal-")).count();
                assert_eq!(segments, 2, "{:?}", disk.names());
                assert!(changes > 5);
                if seed == 7 {
                    return;
                }
            }
        }
    }
    panic!("recovery never finished");
}

#[test]
fn what_only_the_page_cache_held_is_durable_after_recovery() {
    let mut rng = SmallRng::seed_from_u64(1);
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=4);
    let (wal, mut writer) = open(&disk.reopen());
    disk.fail_syncs(1);
    wal.append(A, entries(5..=5, 100), Done::Nothing);
    writer.write_queued().unwrap_err();
    disk.freeze();
    // The next process reads the batch, although the medium never got it and the kernel forgot that it should.
    let found = all(&open(&disk.reopen()).0, A);
    assert_eq!(found, entries(0..=5, 100));
    for _ in 0..10 {
        disk.crash(&mut rng);
        assert_eq!(all(&open(&disk.reopen()).0, A), found);
    }
}

#[test]
fn a_batch_whose_sync_failed_is_never_taken_for_damage_when_the_page_cache_drops_it() {
    for at in 0.. {
        let disk = SimDisk::new();
        append_one_by_one(&disk, 0..=4);
        let (wal, mut writer) = open(&disk.reopen());
        disk.fail_syncs(1);
        wal.append(A, entries(5..=5, 100), Done::Nothing);
        writer.write_queued().unwrap_err();
        disk.freeze();
        // The next process loses it between any two reads.
        let next = disk.reopen();
        let (reads, cache) = (Arc::new(AtomicUsize::new(0)), next.clone());
        let count = Arc::clone(&reads);
        let hooked = Hooked::new(next, move |call| {
            if matches!(call, Call::Read) && count.fetch_add(1, Ordering::SeqCst) == at {
                cache.drop_caches();
            }
        });
        match Wal::open(Arc::new(hooked), GROUPS, OPTIONS) {
            Ok((wal, _writer)) => assert!([Some(4), Some(5)].contains(&wal.state(A).last)),
            Err(error) => assert!(!error.is_damage(), "{error} before read {at}"),
        }
        if reads.load(Ordering::SeqCst) <= at {
            return;
        }
        disk.freeze();
        assert_eq!(all(&open(&disk.reopen()).0, A)[..5], entries(0..=4, 100));
    }
}

#[test]
fn damage_below_the_durable_mark_is_refused_whichever_read_sees_it_first() {
    for at in 0.. {
        let disk = SimDisk::new();
        append_one_by_one(&disk, 0..=4);
        let (reads, name) = (Arc::new(AtomicUsize::new(0)), newest(&disk));
        let (count, next) = (Arc::clone(&reads), disk.reopen());
        let hooked = Hooked::new(next.clone(), move |call| {
            if matches!(call, Call::Read) && count.fetch_add(1, Ordering::SeqCst) == at {
                next.flip_bit(&name, 2 * BLOCK + 100);
            }
        });
        let outcome = Wal::open(Arc::new(hooked), GROUPS, OPTIONS);
        if reads.load(Ordering::SeqCst) <= at {
            assert!(outcome.is_ok() && at > 2, "only {at} reads");
            return;
        }
        assert!(outcome.is_err_and(|error| error.is_damage()), "before read {at}");
    }
}

#[test]
fn what_an_interrupted_recovery_copied_is_not_found_behind_a_shorter_copy() {
    let mut shorter = 0;
    for changes in 0..12 {
        for seed in 0..20 {
            let disk = SimDisk::new();
            append_one_by_one(&disk, 0..=4);
            let (wal, mut writer) = open(&disk.reopen());
            disk.fail_syncs(1);
            wal.append(A, entries(5..=5, 100), Done::Nothing);
            writer.write_queued().unwrap_err();
            disk.freeze();
            // This recovery still reads the last batch and copies it; the next one does not.
            let dying = disk.reopen();
            disk.die_after(changes);
            let _ = try_open(&dying);
            disk.crash(&mut SmallRng::seed_from_u64(seed));
            let found = all(&open(&disk.reopen()).0, A);
            shorter += usize::from(found.len() == 5);
            disk.freeze();
            assert_eq!(all(&open(&disk.reopen()).0, A), found, "{changes} changes, seed {seed}");
        }
    }
    assert!(shorter > 0);
}

#[test]
fn a_crash_between_any_two_steps_of_recovery_on_a_full_disk_leaves_a_log_that_opens() {
    for changes in 0..200 {
        for seed in 0..4 {
            let disk = SimDisk::new();
            append_one_by_one(&disk, 0..=14);
            // Segments, and what is kept back.
            let files = disk.names().iter().filter(|name| name.ends_with(".seg")).count();
            disk.capacity_bytes(Some(files as u64 * (64 << 10)));
            let dying = disk.reopen();
            disk.die_after(changes);
            let finished = try_open(&dying).is_ok();
            if seed == 0 {
                disk.freeze();
            } else {
                disk.crash(&mut SmallRng::seed_from_u64(seed));
            }
            let (wal, _writer) = open(&disk.reopen());
            assert_eq!(all(&wal, A), entries(0..=14, 100), "{changes} changes, seed {seed}");
            if finished && seed == 3 {
                return;
            }
        }
    }
    panic!("recovery never finished");
}

#[test]
fn a_log_of_another_number_of_groups_is_refused() {
    let disk = SimDisk::new();
    drop(open(&disk));
    let disk = disk.reopen();
    let outcome = Wal::open(std::sync::Arc::new(disk), GROUPS + 1, OPTIONS);
    assert!(matches!(outcome, Err(WalError::Groups { stored: GROUPS, .. })));
}

#[test]
fn leftovers_are_removed_and_foreign_files_are_not() {
    let disk = SimDisk::new();
    drop(open(&disk));
    for name in [
        "spare-0000000000000008.tmp",
        "spare-0000000000000009.tmp",
        "notes.txt",
        "identity.tmp",
    ] {
        Disk::create(&disk, name).unwrap();
    }
    drop(open(&disk));
    let mut names = disk.names();
    names.retain(|name| !name.ends_with(".seg"));
    assert_eq!(names, ["identity.tmp", "log-begun", "notes.txt"]);
}

#[test]
fn segments_of_another_size_are_read_and_their_spares_replaced() {
    let disk = SimDisk::new();
    append_one_by_one(&disk, 0..=39);
    let options = tenure_log_storage::WalOptions {
        segment_bytes: 128 << 10,
        ..OPTIONS
    };
    let (wal, mut writer) = Wal::open(std::sync::Arc::new(disk.reopen()), GROUPS, options).unwrap();
    assert_eq!(all(&wal, A), entries(0..=39, 100));
    wal.append(A, entries(40..=99, 2000), Done::Nothing);
    drain(&mut writer);
    disk.freeze();
    let (wal, _writer) = open(&disk.reopen());
    assert_eq!(wal.state(A).last, Some(99));
}
