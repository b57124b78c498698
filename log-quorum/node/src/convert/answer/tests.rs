//! Tests of the answers: all of them there and back, and those that cannot be read.

use super::*;
use crate::convert::samples::{at, fenced, lease, not_held, owner};

const CREDIT: Credit = Credit::up_to(4096);

/// Reads an answer of any kind.
fn read(answer: &wire::answered::Answer) -> Result<Answer, BadMessage> {
    use wire::answered::Answer as Wire;
    Ok(match answer {
        Wire::Append(answer) => Answer::Append(append_answer_from_wire(answer)?.map(|appended| {
            assert_eq!(appended.credit, CREDIT);
            appended.verdict
        })),
        Wire::Fence(answer) => Answer::Fence(fence_answer_from_wire(answer)?),
        Wire::Release(answer) => Answer::Release(release_answer_from_wire(answer)?),
        Wire::Trim(answer) => Answer::Trim(trim_answer_from_wire(answer)?),
        Wire::Create(answer) => Answer::Create(create_answer_from_wire(answer)?),
        Wire::Delete(wire::DeleteAnswer {}) => Answer::Delete,
        Wire::Unknown(unknown) => panic!("{unknown:?} answers no call"),
    })
}

fn answers() -> Vec<Answer> {
    let granted = Granted {
        epoch: Epoch::new(2),
        lease: lease(1200),
        fence_lsn: Lsn::new(5),
        tail: Lsn::new(6),
        chain: Chain::from_stored(0xfeed),
        appended_bytes: 300,
        wait_out: WaitOut::For(lease(3000)),
    };
    let first = Granted {
        fence_lsn: None,
        tail: None,
        wait_out: WaitOut::Nothing,
        ..granted
    };
    let lost = |owner| FenceRefused::Lost {
        expected: Epoch::NONE,
        epoch: Epoch::new(9),
        owner,
    };
    let mut answers = vec![
        Answer::Fence(Ok(granted)),
        Answer::Fence(Ok(first)),
        Answer::Release(Ok(Released { lsn: None })),
        Answer::Release(Ok(Released { lsn: Lsn::new(7) })),
        Answer::Trim(Ok(Trimmed { trim: at(4) })),
        Answer::Create(Ok(())),
        Answer::Delete,
    ];
    let verdicts = fenced().map(AppendVerdict::Fenced);
    answers.extend(
        verdicts
            .chain([AppendVerdict::Ok { lsn: at(3) }])
            .map(|verdict| Answer::Append(Ok(verdict))),
    );
    answers.extend(unsettled().map(|unsettled| Answer::Append(Err(unsettled))));
    let refused = [
        lost(None),
        lost(Some(owner())),
        FenceRefused::TailMoved {
            expected: None,
            tail: Lsn::new(1),
        },
        FenceRefused::TailMoved {
            expected: Lsn::new(1),
            tail: None,
        },
        FenceRefused::LeaseTooLong {
            asked: lease(u32::MAX),
            max: lease(1),
        },
        FenceRefused::NoEpochsLeft,
        FenceRefused::NoStream,
    ];
    answers.extend(refused.map(|refused| Answer::Fence(Err(refused))));
    answers.extend(not_held().map(|not_held| Answer::Release(Err(not_held))));
    answers.extend(trim_refused().map(|refused| Answer::Trim(Err(refused))));
    let exists = |restore_window| CreateRefused::AlreadyExists {
        tenant: TenantId::new(3),
        restore_window,
    };
    let refused = [
        exists(true),
        exists(false),
        CreateRefused::Deleted,
        CreateRefused::GroupFull,
    ];
    answers.extend(refused.map(|refused| Answer::Create(Err(refused))));
    answers
}

fn unsettled() -> impl Iterator<Item = Unsettled> {
    let malformed = [
        Malformed::Empty,
        Malformed::TooManyRecords { records: 257 },
        Malformed::TooManyBytes { bytes: 1 << 30 },
        Malformed::NoPositionsLeft,
        Malformed::ForeignRecord {
            at: at(2),
            epoch: Epoch::NONE,
        },
    ];
    let others = [
        Unsettled::Gap { tail: None },
        Unsettled::Gap { tail: Lsn::new(2) },
        Unsettled::Old { tail: None },
        Unsettled::Old { tail: Lsn::new(2000) },
        Unsettled::Ahead { current: Epoch::new(1) },
        Unsettled::Diverged { at: at(6) },
        Unsettled::NoStream,
    ];
    malformed.into_iter().map(Unsettled::Malformed).chain(others)
}

fn trim_refused() -> impl Iterator<Item = TrimRefused> {
    [
        TrimRefused::Backwards { trim: at(9) },
        TrimRefused::NotCovered { second_newest: at(3) },
        TrimRefused::SnapshotsNotOrdered {
            newest: at(3),
            second_newest: at(4),
        },
        TrimRefused::PastTail { at: at(8), tail: None },
        TrimRefused::PastTail {
            at: at(8),
            tail: Lsn::new(7),
        },
        TrimRefused::NotArchived { archived: None },
        TrimRefused::NotArchived { archived: Lsn::new(2) },
        TrimRefused::Diverged { at: at(1) },
        TrimRefused::NoStream,
    ]
    .into_iter()
}

#[test]
fn every_answer_is_read_as_it_was_written() {
    for answer in answers() {
        assert_eq!(read(&answer_to_wire(&answer, CREDIT)), Ok(answer));
    }
}

#[test]
fn an_answer_that_lacks_something_is_refused_by_the_name_of_the_field() {
    use wire::answered::Answer as Wire;
    let append = |outcome| {
        Wire::Append(wire::AppendAnswer {
            credit_limit_bytes: CREDIT.limit_bytes(),
            outcome,
        })
    };
    let malformed = |reason| {
        append(Some(wire::append_answer::Outcome::Malformed(wire::Malformed {
            reason,
        })))
    };
    let fence = |outcome| Wire::Fence(wire::FenceAnswer { outcome });
    let trim = |outcome| Wire::Trim(wire::TrimAnswer { outcome });
    let Some(Answer::Fence(Ok(good))) = answers().into_iter().next() else {
        panic!("the first sample is a grant");
    };
    let good = granted_to_wire(good);
    let granted = |spoil: fn(&mut wire::Granted)| {
        let mut granted = good;
        spoil(&mut granted);
        fence(Some(wire::fence_answer::Outcome::Granted(granted)))
    };
    let lost = wire::FenceLost {
        expected: 1,
        epoch: 2,
        owner: Some(wire::Owner {
            node: 1,
            incarnation: 0,
        }),
    };
    let too_long = wire::LeaseTooLong {
        asked_millis: 5,
        max_millis: 0,
    };
    let foreign = wire::ForeignRecord { at: 0, epoch: 1 };
    let missing = |field| BadMessage::Missing { field };
    let zero = |field| BadMessage::Zero { field };
    for (answer, bad) in [
        (append(None), missing("append_answer.outcome")),
        (
            append(Some(wire::append_answer::Outcome::OkLsn(0))),
            zero("append_answer.ok_lsn"),
        ),
        (
            append(Some(wire::append_answer::Outcome::DivergedAt(0))),
            zero("append_answer.diverged_at"),
        ),
        (malformed(None), missing("malformed.reason")),
        (
            malformed(Some(wire::malformed::Reason::ForeignRecord(foreign))),
            zero("malformed.foreign_record.at"),
        ),
        (fence(None), missing("fence_answer.outcome")),
        (
            granted(|granted| granted.lease_millis = 0),
            zero("granted.lease_millis"),
        ),
        (granted(|granted| granted.wait_out = None), missing("granted.wait_out")),
        (
            fence(Some(wire::fence_answer::Outcome::Lost(lost))),
            zero("fence_lost.owner.incarnation"),
        ),
        (
            fence(Some(wire::fence_answer::Outcome::LeaseTooLong(too_long))),
            zero("lease_too_long.max_millis"),
        ),
        (
            Wire::Release(wire::ReleaseAnswer { outcome: None }),
            missing("release_answer.outcome"),
        ),
        (trim(None), missing("trim_answer.outcome")),
        (
            trim(Some(wire::trim_answer::Outcome::Trim(0))),
            zero("trim_answer.trim"),
        ),
        (
            trim(Some(wire::trim_answer::Outcome::BackwardsTrim(0))),
            zero("trim_answer.backwards_trim"),
        ),
        (
            Wire::Create(wire::CreateAnswer { outcome: None }),
            missing("create_answer.outcome"),
        ),
    ] {
        assert_eq!(read(&answer), Err(bad), "{answer:?}");
    }
}
