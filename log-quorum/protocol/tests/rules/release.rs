//! Rules of Release and Renew: who holds an epoch, and how it is given up.

use tenure_log_protocol::*;
use tenure_types::{Epoch, GroupId, Lsn, StreamId};

use crate::writer::*;

/// A table where writer 1 holds epoch 1 and appended two records.
fn held() -> (StreamTable, Writer) {
    let mut table = table();
    let mut writer = Writer::fencing(&mut table, 1);
    writer.write_through(&mut table, 2);
    (table, writer)
}

#[test]
fn owner_renews_until_it_is_fenced() {
    let (mut table, writer) = held();
    assert_eq!(table.check_renew(&writer.renew()), Ok(()));
    Writer::fencing(&mut table, 2).write_through(&mut table, 2);
    assert_eq!(
        table.check_renew(&writer.renew()),
        Err(NotHeld::Fenced(Writer::fenced(2, 2)))
    );
}

#[test]
fn other_incarnation_neither_renews_nor_releases() {
    let (mut table, writer) = held();
    let fenced = NotHeld::Fenced(Writer::fenced(1, 0));
    assert_eq!(
        table.check_renew(&Renew {
            incarnation: life(99),
            ..writer.renew()
        }),
        Err(fenced)
    );
    assert_eq!(
        table.release(&Release {
            incarnation: life(99),
            ..writer.release()
        }),
        Err(fenced)
    );
    assert_eq!(table.check_renew(&writer.renew()), Ok(()), "the owner is not disturbed");
}

#[test]
fn release_is_idempotent_for_its_own_epoch() {
    let (mut table, writer) = held();
    assert_eq!(table.release(&writer.release()), Ok(Released { lsn: Lsn::new(2) }));
    let before = table.clone();
    assert_eq!(table.release(&writer.release()), Ok(Released { lsn: Lsn::new(2) }));
    assert_eq!(table, before);
}

#[test]
fn others_release_of_a_released_epoch_is_fenced() {
    let (mut table, writer) = held();
    table.release(&writer.release()).unwrap();
    let other = Release {
        incarnation: life(99),
        ..writer.release()
    };
    assert_eq!(table.release(&other), Err(NotHeld::Fenced(Writer::fenced(1, 0))));
}

#[test]
fn release_of_an_older_epoch_is_fenced_and_gives_nothing_up() {
    let (mut table, writer) = held();
    let second = Writer::fencing(&mut table, 2);
    assert_eq!(
        table.release(&writer.release()),
        Err(NotHeld::Fenced(Writer::fenced(2, 2)))
    );
    assert_eq!(table.check_renew(&second.renew()), Ok(()));
}

#[test]
fn an_epoch_not_applied_here_is_ahead() {
    let (mut table, writer) = held();
    let early = Release {
        epoch: Epoch::new(2),
        ..writer.release()
    };
    let ahead = NotHeld::Ahead { current: Epoch::new(1) };
    assert_eq!(table.release(&early), Err(ahead));
    assert!(ahead.is_retryable());
}

#[test]
fn no_stream_is_neither_renewed_nor_released() {
    let (mut table, writer) = held();
    let stream = StreamId::new(GroupId::new(0), 404);
    assert_eq!(
        table.check_renew(&Renew {
            stream,
            ..writer.renew()
        }),
        Err(NotHeld::NoStream)
    );
    assert_eq!(
        table.release(&Release {
            stream,
            ..writer.release()
        }),
        Err(NotHeld::NoStream)
    );
}
