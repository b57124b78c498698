//! What the log promises while nothing goes wrong but the disk being full or failing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Done, GroupState, Purged, ReadError, Wal, WalError, WalWriter, Wrote};
use tenure_types::GroupId;

#[test]
fn what_is_submitted_can_be_read_before_and_after_it_is_written() {
    let (wal, mut writer) = open(&SimDisk::new());
    wal.append(A, entries(0..=9, 500), Done::Nothing);
    assert_eq!(all(&wal, A), entries(0..=9, 500));
    assert_eq!(wal.read_cached(A, 0..10, usize::MAX), Some(entries(0..=9, 500)));
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(0..=9, 500));
    assert_eq!(wal.read_cached(A, 0..10, usize::MAX), None, "the cache holds 4 of them");
    assert_eq!(wal.read_cached(A, 6..10, usize::MAX), Some(entries(6..=9, 500)));
    assert_eq!(all(&wal, B), []);
}

#[test]
fn a_read_stops_after_its_bytes_and_gives_at_least_one_entry() {
    let (wal, mut writer) = open(&SimDisk::new());
    wal.append(A, entries(5..=14, 1000), Done::Nothing);
    drain(&mut writer);
    let read = |range, bytes_max| wal.read(A, range, bytes_max).unwrap();
    assert_eq!(read(0..100, 0), entries(5..=5, 1000));
    assert_eq!(read(7..100, 2999), entries(7..=8, 1000));
    assert_eq!(read(7..9, 1 << 20), entries(7..=8, 1000));
    assert_eq!(read(0..5, 1 << 20), []);
    assert_eq!(read(15..20, 1 << 20), []);
}

#[test]
fn a_reopened_log_has_the_same_state() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(0..=99, 3000), Done::Nothing);
    wal.save_vote(A, Bytes::from_static(b"vote"), Done::Nothing);
    wal.save_committed(A, Bytes::from_static(b"committed"));
    wal.truncate_after(A, Some(90), Done::Nothing);
    wal.purge(A, 40, Bytes::from_static(b"mark"), Done::Nothing);
    wal.purge(B, 1000, Bytes::from_static(b"snapshot"), Done::Nothing);
    wal.append(B, entries(1001..=1001, 10), Done::Nothing);
    drain(&mut writer);
    for _ in 0..3 {
        disk.freeze();
        let (wal, _writer) = open(&disk.reopen());
        let expected = GroupState {
            vote: Some(Bytes::from_static(b"vote")),
            committed: Some(Bytes::from_static(b"committed")),
            purged: Some(Purged {
                index: 40,
                mark: Bytes::from_static(b"mark"),
            }),
            first: Some(41),
            last: Some(90),
        };
        assert_eq!(wal.state(A), expected);
        assert_eq!(all(&wal, A), entries(41..=90, 3000));
        assert_eq!(all(&wal, B), entries(1001..=1001, 10));
    }
}

#[test]
fn one_batch_is_one_write_and_one_sync() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let before = disk.counts();
    for index in 0..20 {
        wal.append(A, vec![entry(index, 100)], Done::Nothing);
        wal.append(B, vec![entry(index, 100)], Done::Nothing);
        wal.save_vote(A, Bytes::from_static(b"vote"), Done::Nothing);
    }
    assert_eq!(drain(&mut writer), 1);
    let after = disk.counts();
    assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
    assert_eq!(after.folder_syncs, before.folder_syncs);
}

#[test]
fn of_one_groups_watermarks_in_a_batch_only_the_last_speaks() {
    let (wal, mut writer) = open(&SimDisk::new());
    let calls = Calls::default();
    wal.append(A, entries(0..=1, 10), calls.watermark("a1"));
    wal.append(B, entries(0..=1, 10), calls.watermark("b1"));
    wal.save_vote(A, Bytes::new(), calls.each("vote"));
    wal.append(A, entries(2..=3, 10), calls.watermark("a2"));
    wal.truncate_after(A, Some(2), calls.each("truncate"));
    assert!(calls.seen().is_empty(), "nothing is durable yet");
    drain(&mut writer);
    assert_eq!(calls.seen(), ["b1", "vote", "a2", "truncate"]);
    wal.append(B, entries(2..=2, 10), calls.watermark("b2"));
    drain(&mut writer);
    assert_eq!(calls.seen().last(), Some(&"b2"));
}

#[test]
fn a_submission_larger_than_a_batch_is_done_with_its_last_part() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let calls = Calls::default();
    wal.append(A, entries(0..=9, 10 << 10), calls.each("append"));
    for _ in 0..9 {
        assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { records: 1, .. })));
        assert!(calls.seen().is_empty());
    }
    assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { records: 1, .. })));
    assert_eq!(calls.seen(), ["append"]);
    assert_eq!(writer.write_queued().unwrap(), Wrote::Nothing);
}

#[test]
fn a_commit_mark_causes_no_batch_and_joins_the_next() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    for _ in 0..1000 {
        wal.save_committed(A, Bytes::from_static(b"early"));
    }
    wal.save_committed(A, Bytes::from_static(b"late"));
    assert_eq!(writer.write_queued().unwrap(), Wrote::Nothing);
    wal.save_vote(B, Bytes::new(), Done::Nothing);
    assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { records: 2, .. })));
    wal.save_committed(A, Bytes::from_static(b"never written"));
    disk.freeze();
    let (wal, _writer) = open(&disk.reopen());
    assert_eq!(wal.state(A).committed, Some(Bytes::from_static(b"late")));
}

#[test]
fn a_commit_mark_never_overtakes_the_entries_before_it() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(0..=5, 10 << 10), Done::Nothing);
    wal.save_committed(A, Bytes::from_static(b"5"));
    writer.write_queued().unwrap();
    disk.freeze();
    let (wal, _writer) = open(&disk.reopen());
    assert_eq!((wal.state(A).last, wal.state(A).committed), (Some(0), None));
}

#[test]
fn entries_after_a_truncation_replace_those_before_it() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(1..=8, 100), Done::Nothing);
    wal.truncate_after(A, Some(5), Done::Nothing);
    wal.append(A, vec![(6, Bytes::from_static(b"other"))], Done::Nothing);
    let mut expected = entries(1..=5, 100);
    expected.push((6, Bytes::from_static(b"other")));
    assert_eq!(all(&wal, A), expected);
    drain(&mut writer);
    assert_eq!(all(&wal, A), expected);
    disk.freeze();
    let (wal, mut writer) = open(&disk.reopen());
    assert_eq!(all(&wal, A), expected);
    wal.truncate_after(A, None, Done::Nothing);
    wal.append(A, entries(3..=4, 9), Done::Nothing);
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(3..=4, 9));
}

#[test]
fn purged_segments_are_recycled_so_space_is_bounded() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let mut most = 0;
    for round in 0..200_u64 {
        wal.append(A, entries(round * 10..=round * 10 + 9, 1000), Done::Nothing);
        drain(&mut writer);
        wal.purge(A, round * 10 + 4, Bytes::new(), Done::Nothing);
        drain(&mut writer);
        most = most.max(disk.names().len());
    }
    assert!(most <= 6, "{most} files for 2 MB in segments of 64 KiB");
    let usage = wal.usage();
    assert_eq!(usage.entries, 5);
    assert_eq!(usage.live_bytes, 5000);
    assert_eq!(usage.queued_bytes, 0);
    assert!(usage.allocated_bytes <= (5 * 64) << 10, "{usage:?}");
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A), entries(1995..=1999, 1000));
}

#[test]
fn a_group_that_does_not_purge_keeps_its_segments() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(B, entries(7..=7, 50), Done::Nothing);
    for round in 0..30_u64 {
        wal.append(A, entries(round * 10..=round * 10 + 9, 1000), Done::Nothing);
        wal.purge(A, round * 10 + 9, Bytes::new(), Done::Nothing);
        drain(&mut writer);
    }
    assert!(wal.usage().segments >= 5);
    assert_eq!(all(&wal, B), entries(7..=7, 50));
    disk.freeze();
    let (wal, mut writer) = open(&disk.reopen());
    assert_eq!(all(&wal, B), entries(7..=7, 50));
    wal.purge(B, 7, Bytes::new(), Done::Nothing);
    drain(&mut writer);
    assert_eq!(wal.usage().segments, 1);
}

#[test]
fn an_entry_may_be_larger_than_a_segment() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(0..=0, 10), Done::Nothing);
    wal.append(A, entries(1..=1, 300 << 10), Done::Nothing);
    wal.append(A, entries(2..=2, 10), Done::Nothing);
    drain(&mut writer);
    let expected = [(0, 10), (1, 300 << 10), (2, 10)].map(|(index, bytes)| entry(index, bytes));
    assert_eq!(all(&wal, A), expected);
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A), expected);
    disk.freeze();
    let (wal, mut writer) = open(&disk.reopen());
    assert_eq!(all(&wal, A), expected);
    for index in 3..30 {
        wal.append(A, entries(index..=index, 5000), Done::Nothing);
    }
    wal.purge(A, 28, Bytes::new(), Done::Nothing);
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(29..=29, 5000));
    assert!(wal.usage().allocated_bytes <= (4 * 64) << 10, "the large file is gone");
}

#[test]
fn a_failed_sync_calls_nobody_and_ends_the_writer() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let calls = Calls::default();
    wal.append(A, entries(0..=0, 10), calls.each("before"));
    drain(&mut writer);
    disk.fail_syncs(1);
    wal.append(A, entries(1..=1, 10), calls.each("failed"));
    let error = writer.write_queued().unwrap_err();
    assert!(matches!(error, WalError::Io { doing: "sync", .. }), "{error}");
    let writes = disk.counts().writes;
    wal.append(A, entries(2..=2, 10), calls.each("after"));
    assert!(matches!(writer.write_queued(), Err(WalError::Ended)));
    assert_eq!(disk.counts().writes, writes, "the file is not touched again");
    assert_eq!(calls.seen(), ["before"]);
}

#[test]
fn a_full_disk_stalls_and_space_resumes() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let calls = Calls::default();
    disk.capacity_bytes(Some(64 << 10));
    wal.append(A, entries(0..=59, 1000), calls.each("append"));
    let wrote = loop {
        match writer.write_queued().unwrap() {
            Wrote::Batch { .. } => {}
            wrote @ (Wrote::Stalled | Wrote::Nothing) => break wrote,
        }
    };
    assert_eq!(wrote, Wrote::Stalled);
    assert!(wal.usage().stalled);
    assert!(calls.seen().is_empty());
    assert_eq!(writer.write_queued().unwrap(), Wrote::Stalled);
    assert_eq!(all(&wal, A), entries(0..=59, 1000), "nothing is lost meanwhile");
    disk.capacity_bytes(None);
    let polls = (0..64).take_while(|_| writer.write_queued().unwrap() == Wrote::Stalled);
    assert!(polls.count() < 64);
    drain(&mut writer);
    assert_eq!(calls.seen(), ["append"]);
    assert!(!wal.usage().stalled);
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A), entries(0..=59, 1000));
}

#[test]
fn on_a_full_disk_a_purge_still_frees_space() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let calls = Calls::default();
    // Two segments and the reserve.
    disk.capacity_bytes(Some((3 * 64) << 10));
    let mut last = 0;
    while writer.write_queued().unwrap() != Wrote::Stalled {
        last += 1;
        wal.append(A, entries(last..=last, 2000), Done::Nothing);
    }
    wal.append(A, entries(last + 1..=last + 1, 2000), calls.each("append"));
    assert_eq!(writer.write_queued().unwrap(), Wrote::Stalled);
    wal.purge(A, last - 1, Bytes::from_static(b"mark"), calls.each("purge"));
    drain(&mut writer);
    assert_eq!(calls.seen(), ["append", "purge"]);
    assert_eq!(all(&wal, A), entries(last..=last + 1, 2000));
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A), entries(last..=last + 1, 2000));
}

/// A log with this many groups on a disk with room for three segments and what is kept back. Each group has one entry
/// in the oldest segment; the first group filled the rest. Says the last entry of the first group.
fn stalled(disk: &SimDisk, groups: u32) -> (Wal, WalWriter, u64) {
    let (wal, mut writer) = Wal::open(Arc::new(disk.clone()), groups, OPTIONS).unwrap();
    disk.capacity_bytes(Some((4 * 64) << 10));
    for group in 1..groups {
        wal.append(GroupId::new(group), entries(1..=1, 10), Done::Nothing);
    }
    let mut last = 0;
    while writer.write_queued().unwrap() != Wrote::Stalled {
        last += 1;
        wal.append(A, entries(last..=last, 2000), Done::Nothing);
    }
    (wal, writer, last)
}

#[test]
fn on_a_full_disk_purges_wait_until_together_they_free_a_segment() {
    let disk = SimDisk::new();
    let (wal, mut writer, last) = stalled(&disk, 8);
    let syncs = disk.counts().syncs;
    for group in 1..8 {
        wal.purge(GroupId::new(group), 1, Bytes::new(), Done::Nothing);
        assert_eq!(writer.write_queued().unwrap(), Wrote::Stalled);
    }
    assert_eq!(disk.counts().syncs, syncs, "nothing was written that frees nothing");
    wal.purge(A, last - 1, Bytes::new(), Done::Nothing);
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(last..=last, 2000));
}

#[test]
fn on_a_full_disk_a_purge_that_must_wait_takes_no_room_from_the_others() {
    let disk = SimDisk::new();
    let (wal, mut writer, last) = stalled(&disk, 2);
    // Beyond what is written: in its turn it may drop entries that are queued before it.
    wal.purge(B, 1000, Bytes::from(vec![1; 17 << 10]), Done::Nothing);
    wal.purge(B, 1, Bytes::new(), Done::Nothing);
    for upto in 1..last {
        wal.purge(A, upto, Bytes::from(vec![1; 500]), Done::Nothing);
    }
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(last..=last, 2000));
    assert_eq!(wal.state(B).purged.unwrap().index, 1000);
}

#[test]
fn a_node_that_stalled_on_a_full_disk_can_restart_and_a_purge_frees_it() {
    let disk = SimDisk::new();
    let (wal, _writer, last) = stalled(&disk, GROUPS);
    let written = entries(1..=last - 1, 2000);
    assert_eq!(all(&wal, A), entries(1..=last, 2000));
    for _ in 0..3 {
        disk.freeze();
        let (wal, mut writer) = open(&disk.reopen());
        assert_eq!(all(&wal, A), written);
        wal.append(A, entries(last..=last, 2000), Done::Nothing);
        assert_eq!(writer.write_queued().unwrap(), Wrote::Stalled);
    }
    disk.freeze();
    let (wal, mut writer) = open(&disk.reopen());
    wal.append(A, entries(last..=last, 2000), Done::Nothing);
    for (group, upto) in [(A, last - 1), (B, 1), (GroupId::new(2), 1)] {
        wal.purge(group, upto, Bytes::new(), Done::Nothing);
    }
    drain(&mut writer);
    assert_eq!(all(&wal, A), entries(last..=last, 2000));
}

#[test]
fn a_stalled_writer_tries_to_take_space_ever_more_rarely() {
    let disk = SimDisk::new();
    let (wal, mut writer, last) = stalled(&disk, GROUPS);
    let writes = disk.counts().writes;
    for _ in 0..1000 {
        assert_eq!(writer.write_queued().unwrap(), Wrote::Stalled);
    }
    let tries = disk.counts().writes - writes;
    assert!((10..30).contains(&tries), "{tries} tries in 1000 polls");
    // What the log frees itself is used at once.
    for (group, upto) in [(A, last - 1), (B, 1), (GroupId::new(2), 1)] {
        wal.purge(group, upto, Bytes::new(), Done::Nothing);
    }
    drain(&mut writer);
}

#[test]
fn a_full_disk_does_not_keep_a_node_from_restarting_while_there_are_spares() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    for index in 0..200 {
        wal.append(A, entries(index..=index, 2000), Done::Nothing);
        wal.purge(A, index, Bytes::new(), Done::Nothing);
        drain(&mut writer);
    }
    assert!(wal.usage().spares > 0);
    disk.freeze();
    let files = disk.names().iter().filter(|name| name.ends_with(".seg")).count();
    let used = files as u64 * (64 << 10);
    disk.capacity_bytes(Some(used));
    assert_eq!(open(&disk.reopen()).0.state(A).purged.unwrap().index, 199);
}

#[test]
fn a_broken_contract_ends_the_writer_and_names_the_group() {
    let cases: [(GroupId, u64, &str); 3] = [
        (A, 5, "entries for group-0 cannot be appended"),
        (A, 2, "entries for group-0 cannot be appended"),
        (GroupId::new(9), 0, "group-9 is not one of the 3 groups of this log"),
    ];
    for (group, index, sentence) in cases {
        let (wal, mut writer) = open(&SimDisk::new());
        let calls = Calls::default();
        wal.append(A, entries(1..=3, 10), Done::Nothing);
        wal.append(group, entries(index..=index, 10), calls.each("never"));
        assert_eq!(all(&wal, A), entries(1..=3, 10));
        assert_eq!(writer.write_queued().unwrap_err().to_string(), sentence);
        assert!(calls.seen().is_empty());
    }
}

#[test]
fn a_closed_log_takes_nothing_and_ends_with_a_mark() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    let calls = Calls::default();
    wal.append(A, entries(0..=0, 10), calls.each("before"));
    wal.close();
    wal.append(A, entries(1..=1, 10), calls.each("after"));
    assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { records: 1, .. })));
    assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { records: 0, .. })));
    assert_eq!(writer.write_queued().unwrap(), Wrote::Nothing);
    assert_eq!(calls.seen(), ["before"]);
    disk.freeze();
    assert_eq!(all(&open(&disk.reopen()).0, A), entries(0..=0, 10));
}

#[test]
fn the_wake_is_called_when_there_is_something_where_there_was_nothing() {
    let (wal, mut writer) = open(&SimDisk::new());
    let calls = Calls::default();
    let on_wake = calls.clone();
    wal.set_wake(Box::new(move || {
        if let Done::Each(call) = on_wake.each("wake") {
            call();
        }
    }));
    wal.save_committed(A, Bytes::new());
    assert_eq!(calls.seen().len(), 0);
    wal.append(A, entries(0..=0, 10), Done::Nothing);
    wal.append(A, entries(1..=1, 10), Done::Nothing);
    assert_eq!(calls.seen().len(), 1);
    drain(&mut writer);
    wal.append(A, entries(2..=2, 10), Done::Nothing);
    assert_eq!(calls.seen().len(), 2);
}

#[test]
fn a_damaged_entry_is_named_and_not_served() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(A, entries(0..=5, 1000), Done::Nothing);
    drain(&mut writer);
    // Behind the header of the segment, that of the batch, and two records.
    disk.flip_bit("wal-0000000000000001.seg", BLOCK + 48 + 2 * 1024 + 500);
    assert_eq!(wal.read(A, 0..2, usize::MAX).unwrap(), entries(0..=1, 1000));
    let error = wal.read(A, 0..10, usize::MAX).unwrap_err();
    assert!(matches!(error, ReadError::Damaged { index: 2, .. }), "{error}");
}
