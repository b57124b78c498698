//! Rules of Trim: what must cover a record before it is dropped.

use tenure_log_protocol::*;
use tenure_types::{GroupId, Lsn, StreamId};

use crate::writer::*;

/// A table with ten records, the writer that sealed them, and whether a restore window is kept.
fn ten_records(restore_window: bool) -> (StreamTable, Writer) {
    let mut table = StreamTable::new(lease_max());
    table
        .create(&Create {
            restore_window,
            ..create(STREAM)
        })
        .unwrap();
    let mut writer = Writer::fencing(&mut table, 1);
    writer.write_through(&mut table, 10);
    (table, writer)
}

fn point(writer: &Writer, lsn: u64) -> StreamPoint {
    StreamPoint {
        lsn: at(lsn),
        chain: writer.sealed[usize::try_from(lsn).unwrap() - 1].chain,
    }
}

fn trim(writer: &Writer, upto: u64, second_newest: u64, newest: u64) -> Trim {
    let (second_newest, newest) = (point(writer, second_newest), point(writer, newest));
    Trim {
        stream: STREAM,
        upto: at(upto),
        newest,
        second_newest,
        archived: None,
    }
}

fn trimmed(upto: u64) -> Result<Trimmed, TrimRefused> {
    Ok(Trimmed { trim: at(upto) })
}

#[test]
fn trim_reaches_the_second_newest_snapshot_and_no_further() {
    let (mut table, writer) = ten_records(false);
    assert_eq!(table.trim(&trim(&writer, 4, 5, 9)), trimmed(4));
    assert_eq!(
        table.trim(&trim(&writer, 6, 5, 9)),
        Err(TrimRefused::NotCovered { second_newest: at(5) })
    );
    assert_eq!(table.trim(&trim(&writer, 5, 5, 10)), trimmed(5));
    assert_eq!(table.describe(STREAM).unwrap().trim, Lsn::new(5));
}

#[test]
fn repeated_trim_is_answered_as_before_and_an_older_one_refused() {
    let (mut table, writer) = ten_records(false);
    assert_eq!(table.trim(&trim(&writer, 5, 5, 9)), trimmed(5));
    let before = table.clone();
    assert_eq!(table.trim(&trim(&writer, 5, 5, 9)), trimmed(5));
    assert_eq!(
        table.trim(&trim(&writer, 4, 5, 9)),
        Err(TrimRefused::Backwards { trim: at(5) })
    );
    assert_eq!(table, before);
}

#[test]
fn snapshots_must_be_in_order_and_within_the_stream() {
    let (mut table, writer) = ten_records(false);
    let swapped = TrimRefused::SnapshotsNotOrdered {
        newest: at(5),
        second_newest: at(9),
    };
    assert_eq!(table.trim(&trim(&writer, 5, 9, 5)), Err(swapped));
    let one_twice = TrimRefused::SnapshotsNotOrdered {
        newest: at(5),
        second_newest: at(5),
    };
    assert_eq!(
        table.trim(&trim(&writer, 5, 5, 5)),
        Err(one_twice),
        "one snapshot is not two"
    );
    let past = StreamPoint {
        lsn: at(11),
        chain: point(&writer, 10).chain,
    };
    let refused = Err(TrimRefused::PastTail {
        at: at(11),
        tail: Lsn::new(10),
    });
    assert_eq!(
        table.trim(&Trim {
            newest: past,
            ..trim(&writer, 4, 5, 9)
        }),
        refused
    );
    assert_eq!(
        table.trim(&Trim {
            archived: Some(past),
            ..trim(&writer, 4, 5, 9)
        }),
        refused
    );
}

#[test]
fn with_a_restore_window_nothing_is_dropped_before_it_is_archived() {
    let (mut table, writer) = ten_records(true);
    let base = trim(&writer, 4, 5, 9);
    assert_eq!(table.trim(&base), Err(TrimRefused::NotArchived { archived: None }));
    let archived = |lsn| Trim {
        archived: Some(point(&writer, lsn)),
        ..base
    };
    assert_eq!(
        table.trim(&archived(3)),
        Err(TrimRefused::NotArchived { archived: Lsn::new(3) })
    );
    assert_eq!(table.trim(&archived(4)), trimmed(4));
}

#[test]
fn without_a_restore_window_a_late_archive_holds_nothing_up() {
    let (mut table, writer) = ten_records(false);
    let late = Trim {
        archived: Some(point(&writer, 1)),
        ..trim(&writer, 4, 5, 9)
    };
    assert_eq!(table.trim(&late), trimmed(4));
}

#[test]
fn a_snapshot_of_another_history_is_not_believed() {
    let (mut table, writer) = ten_records(true);
    let good = Trim {
        archived: Some(point(&writer, 9)),
        ..trim(&writer, 4, 5, 9)
    };
    let other = |lsn| StreamPoint {
        lsn: at(lsn),
        chain: Chain::from_stored(1),
    };
    let diverged = |lsn| Err(TrimRefused::Diverged { at: at(lsn) });
    assert_eq!(
        table.trim(&Trim {
            newest: other(9),
            ..good
        }),
        diverged(9)
    );
    assert_eq!(
        table.trim(&Trim {
            second_newest: other(5),
            ..good
        }),
        diverged(5)
    );
    assert_eq!(
        table.trim(&Trim {
            archived: Some(other(10)),
            ..good
        }),
        diverged(10)
    );
    assert_eq!(table.trim(&good), trimmed(4));
}

#[test]
fn a_snapshot_older_than_what_is_remembered_cannot_be_compared() {
    let (mut table, mut writer) = ten_records(false);
    writer.write_through(&mut table, RECENT_RECORDS_MAX as u64);
    let forgotten = StreamPoint {
        lsn: at(5),
        chain: Chain::from_stored(1),
    };
    let trim = Trim {
        second_newest: forgotten,
        ..trim(&writer, 4, 5, 100)
    };
    assert_eq!(table.trim(&trim), trimmed(4));
}

#[test]
fn a_trimmed_record_is_still_recognised_when_resent() {
    let (mut table, writer) = ten_records(false);
    table.trim(&trim(&writer, 5, 5, 9)).unwrap();
    assert_eq!(table.append(&writer.append(2, 3)), Ok(AppendVerdict::Ok { lsn: at(3) }));
}

#[test]
fn a_trim_of_no_stream_says_so() {
    let (mut table, writer) = ten_records(false);
    let trim = Trim {
        stream: StreamId::new(GroupId::new(0), 404),
        ..trim(&writer, 4, 5, 9)
    };
    assert_eq!(table.trim(&trim), Err(TrimRefused::NoStream));
}
