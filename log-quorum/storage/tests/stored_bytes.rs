//! The stored form of a segment, byte by byte: who changes it changes the format version.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::fmt::Write as _;

use bytes::Bytes;
use support::*;
use tenure_log_storage::Done;
use tenure_log_storage::fault::SimDisk;

#[test]
fn the_stored_form_of_a_segment_does_not_change() {
    let disk = SimDisk::new();
    let (wal, mut writer) = open(&disk);
    wal.append(
        A,
        vec![(3, Bytes::from_static(b"three")), (4, Bytes::new())],
        Done::Nothing,
    );
    wal.save_vote(B, Bytes::from_static(b"vote"), Done::Nothing);
    wal.save_committed(A, Bytes::from_static(b"committed"));
    drain(&mut writer);
    wal.truncate_after(A, Some(3), Done::Nothing);
    wal.truncate_after(B, None, Done::Nothing);
    wal.purge(A, 3, Bytes::from_static(b"mark"), Done::Nothing);
    wal.close();
    drain(&mut writer);
    disk.freeze();
    let first = dump(&disk.content("wal-0000000000000001.seg").unwrap());
    assert_eq!(first, include_str!("golden/segment-1.hex"), "{first}");
    // A copy: its header names no predecessor, and counts what it holds as durable.
    drop(open(&disk.reopen()));
    let copy = dump(&disk.content("wal-0000000000000002.seg").unwrap());
    assert_eq!(copy, include_str!("golden/segment-1-copy.hex"), "{copy}");
}

/// Rows of 16 bytes, those of zeros alone left out.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, row) in bytes.chunks(16).enumerate() {
        if row.iter().any(|byte| *byte != 0) {
            write!(text, "{:06x}:", at * 16).unwrap();
            for byte in row {
                write!(text, " {byte:02x}").unwrap();
            }
            text.push('\n');
        }
    }
    text
}
