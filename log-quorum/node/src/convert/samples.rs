//! Values for the tests of the conversions.

use std::time::Duration;

use bytes::Bytes;
use tenure_log::Unknown;
use tenure_log_protocol::{Chain, EngineVersion, Fenced, NotHeld, Record};
use tenure_types::{Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, WallTime};

pub(super) fn stream() -> StreamId {
    StreamId::new(GroupId::new(3), 17)
}

pub(super) fn owner() -> Owner {
    Owner {
        node: NodeId::new(5),
        incarnation: Incarnation::new(0xbeef).unwrap(),
    }
}

pub(super) fn at(number: u64) -> Lsn {
    Lsn::new(number).unwrap()
}

pub(super) fn lease(millis: u32) -> LeaseLength {
    LeaseLength::from_millis(millis).unwrap()
}

pub(super) fn record(epoch: u64, incarnation: u64) -> Record {
    Record {
        epoch: Epoch::new(epoch),
        incarnation: Incarnation::new(incarnation).unwrap(),
        written_at: WallTime::from_unix_millis(1_700_000_000_123),
        engine_version: EngineVersion::new(u16::MAX),
        payload: Bytes::from_static(b"SET key value"),
        chain: Chain::from_stored(u64::MAX),
    }
}

/// Every reason that can be said as it is, in the unit of its message.
pub(super) fn unknowns() -> impl Iterator<Item = Unknown> {
    [
        Unknown::Busy,
        Unknown::NoLeader { hint: None },
        Unknown::NoLeader {
            hint: Some(NodeId::new(0)),
        },
        Unknown::NoLeader {
            hint: Some(NodeId::new(2)),
        },
        Unknown::Discarded,
        Unknown::TimedOut {
            after: Duration::from_millis(1500),
        },
    ]
    .into_iter()
}

pub(super) fn fenced() -> impl Iterator<Item = Fenced> {
    [None, Lsn::new(12)].into_iter().map(|fence_lsn| Fenced {
        epoch: Epoch::new(8),
        fence_lsn,
    })
}

pub(super) fn not_held() -> impl Iterator<Item = NotHeld> {
    let others = [NotHeld::Ahead { current: Epoch::NONE }, NotHeld::NoStream];
    fenced().map(NotHeld::Fenced).chain(others)
}
