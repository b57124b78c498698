//! The logged calls.
//! Promises: what was stored by one version is read as the same call by every other.

use tenure_log_protocol::{Append, Call, Chain, Create, Delete, Fence, Nomination, Release, StreamPoint, Trim};
use tenure_types::{Epoch, Lsn, StreamId, TenantId};
use tenure_wire::log_v1 as wire;

use super::field::{self, BadMessage};
use super::record::{Carrier, carried_from_wire, carried_to_wire};

/// Any logged call.
pub(crate) fn call_from_wire(call: &wire::Call) -> Result<Call, BadMessage> {
    Ok(match field::required("call.call", call.call.as_ref())? {
        wire::call::Call::Append(append) => Call::Append(append_from_wire(append)?),
        wire::call::Call::Fence(fence) => Call::Fence(fence_from_wire(fence)?),
        wire::call::Call::Release(release) => Call::Release(release_from_wire(release)?),
        wire::call::Call::Trim(trim) => Call::Trim(trim_from_wire(trim)?),
        wire::call::Call::Create(create) => Call::Create(create_from_wire(create)),
        wire::call::Call::Delete(delete) => Call::Delete(delete_from_wire(delete)),
    })
}

/// As [`call_from_wire`] reads it.
pub(crate) fn call_to_wire(call: &Call) -> wire::Call {
    let call = match call {
        Call::Append(append) => wire::call::Call::Append(append_to_wire(append)),
        Call::Fence(fence) => wire::call::Call::Fence(fence_to_wire(fence)),
        Call::Release(release) => wire::call::Call::Release(release_to_wire(release)),
        Call::Trim(trim) => wire::call::Call::Trim(trim_to_wire(trim)),
        Call::Create(create) => wire::call::Call::Create(create_to_wire(create)),
        Call::Delete(delete) => wire::call::Call::Delete(delete_to_wire(delete)),
    };
    wire::Call { call: Some(call) }
}

/// An append. Its records have its epoch and incarnation unless they name others, as only a defective sender does.
pub(crate) fn append_from_wire(append: &wire::Append) -> Result<Append, BadMessage> {
    let carrier = Carrier {
        epoch: Epoch::new(append.epoch),
        incarnation: field::incarnation("append.incarnation", append.incarnation)?,
    };
    let records = append.records.iter();
    Ok(Append {
        stream: StreamId::from_bits(append.stream),
        epoch: carrier.epoch,
        incarnation: carrier.incarnation,
        under_lease: append.under_lease,
        prev_lsn: Lsn::new(append.prev_lsn),
        records: records
            .map(|record| carried_from_wire(record, carrier))
            .collect::<Result<_, _>>()?,
    })
}

/// As [`append_from_wire`] reads it.
pub(crate) fn append_to_wire(append: &Append) -> wire::Append {
    let carrier = Carrier {
        epoch: append.epoch,
        incarnation: append.incarnation,
    };
    wire::Append {
        stream: append.stream.to_bits(),
        epoch: append.epoch.get(),
        incarnation: append.incarnation.get(),
        under_lease: append.under_lease,
        prev_lsn: Lsn::count(append.prev_lsn),
        records: append
            .records
            .iter()
            .map(|record| carried_to_wire(record, carrier))
            .collect(),
    }
}

fn fence_from_wire(fence: &wire::Fence) -> Result<Fence, BadMessage> {
    let owner = field::required("fence.owner", fence.owner.as_ref())?;
    let by_self = |nomination: wire::SelfNomination| Nomination::BySelf {
        expect_tail: Lsn::new(nomination.expect_tail),
    };
    Ok(Fence {
        stream: StreamId::from_bits(fence.stream),
        expect_epoch: Epoch::new(fence.expect_epoch),
        owner: field::owner("fence.owner.incarnation", owner)?,
        lease: field::lease("fence.lease_millis", fence.lease_millis)?,
        nomination: fence.nomination_by_self.map_or(Nomination::ByControlPlane, by_self),
    })
}

fn fence_to_wire(fence: &Fence) -> wire::Fence {
    let nomination_by_self = match fence.nomination {
        Nomination::ByControlPlane => None,
        Nomination::BySelf { expect_tail } => Some(wire::SelfNomination {
            expect_tail: Lsn::count(expect_tail),
        }),
    };
    wire::Fence {
        stream: fence.stream.to_bits(),
        expect_epoch: fence.expect_epoch.get(),
        owner: Some(field::owner_to_wire(fence.owner)),
        lease_millis: fence.lease.as_millis(),
        nomination_by_self,
    }
}

fn release_from_wire(release: &wire::Release) -> Result<Release, BadMessage> {
    Ok(Release {
        stream: StreamId::from_bits(release.stream),
        epoch: Epoch::new(release.epoch),
        incarnation: field::incarnation("release.incarnation", release.incarnation)?,
    })
}

fn release_to_wire(release: &Release) -> wire::Release {
    wire::Release {
        stream: release.stream.to_bits(),
        epoch: release.epoch.get(),
        incarnation: release.incarnation.get(),
    }
}

fn trim_from_wire(trim: &wire::Trim) -> Result<Trim, BadMessage> {
    let newest = field::required("trim.newest", trim.newest.as_ref())?;
    let second_newest = field::required("trim.second_newest", trim.second_newest.as_ref())?;
    let archived = trim.archived.as_ref();
    Ok(Trim {
        stream: StreamId::from_bits(trim.stream),
        upto: field::lsn("trim.upto", trim.upto)?,
        newest: point_from_wire("trim.newest.lsn", newest)?,
        second_newest: point_from_wire("trim.second_newest.lsn", second_newest)?,
        archived: archived
            .map(|point| point_from_wire("trim.archived.lsn", point))
            .transpose()?,
    })
}

fn trim_to_wire(trim: &Trim) -> wire::Trim {
    wire::Trim {
        stream: trim.stream.to_bits(),
        upto: trim.upto.get(),
        newest: Some(point_to_wire(trim.newest)),
        second_newest: Some(point_to_wire(trim.second_newest)),
        archived: trim.archived.map(point_to_wire),
    }
}

fn point_from_wire(lsn_field: &'static str, point: &wire::StreamPoint) -> Result<StreamPoint, BadMessage> {
    Ok(StreamPoint {
        lsn: field::lsn(lsn_field, point.lsn)?,
        chain: Chain::from_stored(point.chain),
    })
}

fn point_to_wire(point: StreamPoint) -> wire::StreamPoint {
    wire::StreamPoint {
        lsn: point.lsn.get(),
        chain: point.chain.get(),
    }
}

fn create_from_wire(create: &wire::Create) -> Create {
    Create {
        stream: StreamId::from_bits(create.stream),
        tenant: TenantId::new(create.tenant),
        restore_window: create.restore_window,
    }
}

fn create_to_wire(create: &Create) -> wire::Create {
    wire::Create {
        stream: create.stream.to_bits(),
        tenant: create.tenant.get(),
        restore_window: create.restore_window,
    }
}

fn delete_from_wire(delete: &wire::Delete) -> Delete {
    Delete {
        stream: StreamId::from_bits(delete.stream),
    }
}

fn delete_to_wire(delete: &Delete) -> wire::Delete {
    wire::Delete {
        stream: delete.stream.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::samples::{self, at, owner, record, stream};
    use prost::Message;

    fn calls() -> Vec<Call> {
        let fence = Fence {
            stream: stream(),
            expect_epoch: Epoch::NONE,
            owner: owner(),
            lease: samples::lease(1200),
            nomination: Nomination::ByControlPlane,
        };
        let point = |lsn| StreamPoint {
            lsn: at(lsn),
            chain: Chain::from_stored(lsn * 11),
        };
        let trim = Trim {
            stream: stream(),
            upto: at(5),
            newest: point(9),
            second_newest: point(7),
            archived: None,
        };
        let append = Append {
            stream: stream(),
            epoch: Epoch::new(3),
            incarnation: owner().incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(41),
            records: vec![record(3, owner().incarnation.get()), record(2, 9)],
        };
        vec![
            Call::Append(Append {
                under_lease: false,
                prev_lsn: None,
                records: Vec::new(),
                ..append.clone()
            }),
            Call::Append(append),
            Call::Fence(Fence {
                nomination: Nomination::BySelf { expect_tail: None },
                ..fence
            }),
            Call::Fence(Fence {
                expect_epoch: Epoch::new(u64::MAX),
                nomination: Nomination::BySelf {
                    expect_tail: Lsn::new(12),
                },
                ..fence
            }),
            Call::Fence(fence),
            Call::Release(Release {
                stream: stream(),
                epoch: Epoch::new(3),
                incarnation: owner().incarnation,
            }),
            Call::Trim(Trim {
                archived: Some(point(6)),
                ..trim
            }),
            Call::Trim(trim),
            Call::Create(Create {
                stream: stream(),
                tenant: TenantId::new(8),
                restore_window: true,
            }),
            Call::Create(Create {
                stream: stream(),
                tenant: TenantId::new(0),
                restore_window: false,
            }),
            Call::Delete(Delete { stream: stream() }),
        ]
    }

    #[test]
    fn every_call_is_read_as_it_was_written() {
        for call in calls() {
            let bytes = call_to_wire(&call).encode_to_vec();
            let read = call_from_wire(&wire::Call::decode(bytes.as_slice()).unwrap());
            assert_eq!(read, Ok(call));
        }
    }

    #[test]
    fn a_call_that_lacks_something_is_refused_by_the_name_of_the_field() {
        let calls = calls();
        let wire_of = |wanted: fn(&Call) -> bool| call_to_wire(calls.iter().find(|call| wanted(call)).unwrap()).call;
        let Some(wire::call::Call::Append(append)) = wire_of(|call| matches!(call, Call::Append(_))) else {
            panic!("no append");
        };
        let Some(wire::call::Call::Fence(fence)) = wire_of(|call| matches!(call, Call::Fence(_))) else {
            panic!("no fence");
        };
        let Some(wire::call::Call::Release(release)) = wire_of(|call| matches!(call, Call::Release(_))) else {
            panic!("no release");
        };
        let Some(wire::call::Call::Trim(trim)) = wire_of(|call| matches!(call, Call::Trim(_))) else {
            panic!("no trim");
        };
        let no_point = Some(wire::StreamPoint { lsn: 0, chain: 1 });
        let no_owner = Some(wire::Owner {
            node: 1,
            incarnation: 0,
        });
        let missing = |field| BadMessage::Missing { field };
        let zero = |field| BadMessage::Zero { field };
        use wire::call::Call as Wire;
        for (call, bad) in [
            (None, missing("call.call")),
            (
                Some(Wire::Append(wire::Append {
                    incarnation: 0,
                    ..append
                })),
                zero("append.incarnation"),
            ),
            (
                Some(Wire::Fence(wire::Fence { owner: None, ..fence })),
                missing("fence.owner"),
            ),
            (
                Some(Wire::Fence(wire::Fence {
                    owner: no_owner,
                    ..fence
                })),
                zero("fence.owner.incarnation"),
            ),
            (
                Some(Wire::Fence(wire::Fence {
                    lease_millis: 0,
                    ..fence
                })),
                zero("fence.lease_millis"),
            ),
            (
                Some(Wire::Release(wire::Release {
                    incarnation: 0,
                    ..release
                })),
                zero("release.incarnation"),
            ),
            (Some(Wire::Trim(wire::Trim { upto: 0, ..trim })), zero("trim.upto")),
            (
                Some(Wire::Trim(wire::Trim { newest: None, ..trim })),
                missing("trim.newest"),
            ),
            (
                Some(Wire::Trim(wire::Trim {
                    second_newest: None,
                    ..trim
                })),
                missing("trim.second_newest"),
            ),
            (
                Some(Wire::Trim(wire::Trim {
                    newest: no_point,
                    ..trim
                })),
                zero("trim.newest.lsn"),
            ),
            (
                Some(Wire::Trim(wire::Trim {
                    second_newest: no_point,
                    ..trim
                })),
                zero("trim.second_newest.lsn"),
            ),
            (
                Some(Wire::Trim(wire::Trim {
                    archived: no_point,
                    ..trim
                })),
                zero("trim.archived.lsn"),
            ),
        ] {
            assert_eq!(call_from_wire(&wire::Call { call: call.clone() }), Err(bad), "{call:?}");
        }
    }
}
