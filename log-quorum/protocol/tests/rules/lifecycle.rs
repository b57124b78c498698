//! Rules of Create, Delete and Describe.

use tenure_log_protocol::*;
use tenure_types::{Epoch, GroupId, Lsn, StreamId, TenantId};

use crate::writer::*;

#[test]
fn create_is_idempotent_when_identical() {
    let mut table = table();
    Writer::fencing(&mut table, 1).write_through(&mut table, 2);
    let before = table.clone();
    assert_eq!(table.create(&create(STREAM)), Ok(()));
    assert_eq!(table, before, "a repeated Create does not empty the stream");
}

#[test]
fn create_with_other_properties_is_refused() {
    let mut table = table();
    let exists = CreateRefused::AlreadyExists {
        tenant: TenantId::new(1),
        restore_window: false,
    };
    let others = [
        Create {
            tenant: TenantId::new(2),
            ..create(STREAM)
        },
        Create {
            restore_window: true,
            ..create(STREAM)
        },
    ];
    for other in others {
        assert_eq!(table.create(&other), Err(exists));
    }
}

#[test]
fn a_deleted_stream_is_gone_and_does_not_come_back() {
    let mut table = table();
    let mut writer = Writer::fencing(&mut table, 1);
    writer.write_through(&mut table, 2);
    table.delete(&Delete { stream: STREAM });
    table.delete(&Delete { stream: STREAM });
    assert_eq!(table.append(&writer.append(1, 1)), Err(Unsettled::NoStream));
    assert_eq!(table.describe(STREAM), None);
    assert_eq!(table.create(&create(STREAM)), Err(CreateRefused::Deleted));
}

#[test]
fn a_create_overtaken_by_its_delete_has_no_effect() {
    let mut table = StreamTable::new(lease_max());
    table.delete(&Delete { stream: STREAM });
    assert_eq!(table.create(&create(STREAM)), Err(CreateRefused::Deleted));
}

#[test]
fn a_group_carries_a_bounded_number_of_streams() {
    let mut table = StreamTable::new(lease_max());
    for number in 0..u32::try_from(STREAMS_MAX).unwrap() {
        table.create(&create(StreamId::new(GroupId::new(0), number))).unwrap();
    }
    assert_eq!(
        table.create(&create(StreamId::new(GroupId::new(0), u32::MAX))),
        Err(CreateRefused::GroupFull)
    );
    assert_eq!(
        table.create(&create(StreamId::new(GroupId::new(0), 0))),
        Ok(()),
        "a repeat needs no room"
    );
    table.delete(&Delete {
        stream: StreamId::new(GroupId::new(0), 1),
    });
    assert_eq!(table.create(&create(StreamId::new(GroupId::new(0), u32::MAX))), Ok(()));
}

#[test]
fn describe_tells_all_that_is_replicated() {
    let mut table = table();
    table
        .fence(&Fence {
            lease: lease(5000),
            ..fence_for(&table, owner(1))
        })
        .unwrap();
    let mut writer = Writer::fencing(&mut table, 2);
    writer.write_through(&mut table, 3);
    table.release(&writer.release()).unwrap();
    let ownership = Ownership {
        epoch: Epoch::new(2),
        owner: owner(2),
        lease: lease(1000),
        began_at: None,
        wait_out: WaitOut::For(lease(5000)),
        released: true,
    };
    let expected = Description {
        stream: STREAM,
        tenant: TenantId::new(1),
        restore_window: false,
        ownership: Some(ownership),
        longest_lease: Some(lease(5000)),
        tail: Lsn::new(3),
        trim: None,
        chain: writer.sealed[2].chain,
        appended_bytes: 3 * (1 + RECORD_OVERHEAD_BYTES),
    };
    assert_eq!(table.describe(STREAM), Some(expected));
}
