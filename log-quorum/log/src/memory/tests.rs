//! What only the log in memory can do: fail as it is told. All else is in the contract suite.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use tenure_types::{Clock, Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId};

use crate::*;

const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);

/// A log with one stream, and the clock it goes by.
fn log() -> (MemoryLog, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, MemoryOptions::default());
    block_on(log.create(creating())).unwrap();
    (log, clock)
}

fn described(log: &MemoryLog) -> Result<Option<StreamStatus>, Unknown> {
    block_on(log.describe(vec![STREAM]).next()).expect("one answer").outcome
}

fn creating() -> Create {
    Create {
        stream: STREAM,
        tenant: TenantId::new(1),
        restore_window: false,
    }
}

fn fencing() -> Fence {
    Fence {
        stream: STREAM,
        expect_epoch: Epoch::NONE,
        owner: Owner {
            node: NodeId::new(1),
            incarnation: Incarnation::new(1).unwrap(),
        },
        lease: LeaseLength::from_millis(1000).unwrap(),
        nomination: Nomination::ByControlPlane,
    }
}

/// An append of the stream's first records, with these payloads.
fn appending(clock: &ManualClock, granted: &Granted, payloads: &[Bytes]) -> Append {
    let incarnation = fencing().owner.incarnation;
    let mut chain = granted.chain;
    let mut records = Vec::new();
    for (lsn, payload) in Lsn::all_after(None).zip(payloads) {
        let draft = Draft {
            epoch: granted.epoch,
            incarnation,
            written_at: clock.wall(),
            engine_version: EngineVersion::new(1),
            payload: payload.clone(),
        };
        let record = draft.seal(lsn, chain);
        chain = record.chain;
        records.push(record);
    }
    Append {
        stream: STREAM,
        epoch: granted.epoch,
        incarnation,
        under_lease: true,
        prev_lsn: None,
        records,
    }
}

#[test]
fn without_a_leader_every_call_is_unknown_and_takes_no_effect() {
    let (log, clock) = log();
    log.refuse_for(Duration::from_millis(300));
    let no_leader = Unknown::NoLeader { hint: None };
    assert_eq!(block_on(log.fence(fencing())), Err(CallError::Unknown(no_leader)));
    assert_eq!(described(&log), Err(no_leader));
    let renew = Renew {
        stream: STREAM,
        epoch: Epoch::new(1),
        incarnation: fencing().owner.incarnation,
        under_lease: true,
    };
    let answers: Vec<RenewAnswer> = block_on(log.renew(vec![renew, renew]).collect());
    let unknown = RenewAnswer {
        renew,
        outcome: Err(CallError::Unknown(no_leader)),
    };
    assert_eq!(
        answers,
        [unknown, unknown],
        "one answer for each, though nothing is known"
    );

    clock.advance(Duration::from_millis(300));
    let status = described(&log).unwrap().unwrap();
    assert_eq!(status.description.ownership, None);
}

#[test]
fn a_fault_befalls_one_call_only() {
    let (log, _) = log();
    log.discard_next_call();
    assert_eq!(
        block_on(log.fence(fencing())),
        Err(CallError::Unknown(Unknown::Discarded))
    );
    log.lose_next_answer();
    assert_eq!(
        block_on(log.fence(fencing())),
        Err(CallError::Unknown(Unknown::Disconnected))
    );
    let described = described(&log).unwrap().unwrap().description;
    assert!(described.ownership.is_some(), "the answer was lost, not the fence");
    assert_eq!(
        block_on(log.fence(fencing())).map(|granted| granted.epoch),
        Ok(Epoch::new(1))
    );
}

#[test]
fn leadership_goes_round_among_the_voters() {
    let (log, _) = log();
    let leader = || block_on(log.status()).unwrap().groups[0].leader;
    let first = leader();
    log.change_leader();
    assert_ne!(leader(), first);
    log.change_leader();
    log.change_leader();
    assert_eq!(leader(), first);
}

#[test]
fn a_batch_is_bounded_by_bytes_but_never_empty() {
    let (log, clock) = log();
    let granted = block_on(log.fence(fencing())).unwrap();
    let half = Bytes::from(vec![0; TAIL_BATCH_PAYLOAD_BYTES_MAX / 2]);
    let huge = Bytes::from(vec![0; TAIL_BATCH_PAYLOAD_BYTES_MAX + 1]);
    let append = appending(&clock, &granted, &[half.clone(), half.clone(), half, huge]);
    block_on(log.append(append)).unwrap();
    let batches = block_on(log.tail(STREAM, Lsn::FIRST).take(3).collect::<Vec<_>>());
    let sizes: Vec<usize> = batches.into_iter().map(|batch| batch.unwrap().records.len()).collect();
    assert_eq!(sizes, [2, 1, 1]);
}

#[test]
fn a_call_that_was_refused_is_not_unknown() {
    let (log, _) = log();
    let lost = Fence {
        expect_epoch: Epoch::new(3),
        ..fencing()
    };
    let refused = FenceRefused::Lost {
        expected: Epoch::new(3),
        epoch: Epoch::NONE,
        owner: None,
    };
    assert_eq!(block_on(log.fence(lost)), Err(CallError::Refused(refused)));
}
