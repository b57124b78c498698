//! The answers to logged calls.
//! Promises: an answer that cannot be read is a [`BadMessage`], which settles nothing: no refusal and no success is
//! guessed. Leaves `Unknown` to its own file: it answers every kind of call.

use tenure_log::{Appended, Credit};
use tenure_log_protocol::{
    Answer, AppendVerdict, Chain, CreateRefused, FenceRefused, Fenced, Granted, Malformed, NotHeld, Released,
    TrimRefused, Trimmed, Unsettled, WaitOut,
};
use tenure_types::{Epoch, LeaseLength, Lsn, TenantId};
use tenure_wire::log_v1 as wire;

use super::field::{self, BadMessage};

/// An answer, with the credit that goes out beside an append's.
pub(crate) fn answer_to_wire(answer: &Answer, credit: Credit) -> wire::answered::Answer {
    match answer {
        Answer::Append(outcome) => wire::answered::Answer::Append(append_answer_to_wire(*outcome, credit)),
        Answer::Fence(outcome) => wire::answered::Answer::Fence(fence_answer_to_wire(*outcome)),
        Answer::Release(outcome) => wire::answered::Answer::Release(release_answer_to_wire(*outcome)),
        Answer::Trim(outcome) => wire::answered::Answer::Trim(trim_answer_to_wire(*outcome)),
        Answer::Create(outcome) => wire::answered::Answer::Create(create_answer_to_wire(*outcome)),
        Answer::Delete => wire::answered::Answer::Delete(wire::DeleteAnswer {}),
    }
}

/// What became of an append. A refusal tells no credit.
pub(crate) fn append_answer_from_wire(answer: &wire::AppendAnswer) -> Result<Result<Appended, Unsettled>, BadMessage> {
    use wire::append_answer::Outcome;
    let appended = |verdict| Appended {
        verdict,
        credit: Credit::up_to(answer.credit_limit_bytes),
    };
    Ok(
        match field::required("append_answer.outcome", answer.outcome.as_ref())? {
            Outcome::OkLsn(lsn) => Ok(appended(AppendVerdict::Ok {
                lsn: field::lsn("append_answer.ok_lsn", *lsn)?,
            })),
            Outcome::Fenced(fenced) => Ok(appended(AppendVerdict::Fenced(fenced_from_wire(fenced)))),
            Outcome::GapTail(tail) => Err(Unsettled::Gap { tail: Lsn::new(*tail) }),
            Outcome::OldTail(tail) => Err(Unsettled::Old { tail: Lsn::new(*tail) }),
            Outcome::Ahead(ahead) => Err(Unsettled::Ahead {
                current: Epoch::new(ahead.current),
            }),
            Outcome::DivergedAt(at) => Err(Unsettled::Diverged {
                at: field::lsn("append_answer.diverged_at", *at)?,
            }),
            Outcome::NoStream(wire::NoStream {}) => Err(Unsettled::NoStream),
            Outcome::Malformed(malformed) => Err(Unsettled::Malformed(malformed_from_wire(malformed)?)),
        },
    )
}

fn append_answer_to_wire(outcome: Result<AppendVerdict, Unsettled>, credit: Credit) -> wire::AppendAnswer {
    use wire::append_answer::Outcome;
    let outcome = match outcome {
        Ok(AppendVerdict::Ok { lsn }) => Outcome::OkLsn(lsn.get()),
        Ok(AppendVerdict::Fenced(fenced)) => Outcome::Fenced(fenced_to_wire(fenced)),
        Err(Unsettled::Gap { tail }) => Outcome::GapTail(Lsn::count(tail)),
        Err(Unsettled::Old { tail }) => Outcome::OldTail(Lsn::count(tail)),
        Err(Unsettled::Ahead { current }) => Outcome::Ahead(wire::Ahead { current: current.get() }),
        Err(Unsettled::Diverged { at }) => Outcome::DivergedAt(at.get()),
        Err(Unsettled::NoStream) => Outcome::NoStream(wire::NoStream {}),
        Err(Unsettled::Malformed(malformed)) => Outcome::Malformed(malformed_to_wire(malformed)),
    };
    wire::AppendAnswer {
        credit_limit_bytes: credit.limit_bytes(),
        outcome: Some(outcome),
    }
}

fn malformed_from_wire(malformed: &wire::Malformed) -> Result<Malformed, BadMessage> {
    use wire::malformed::Reason;
    Ok(match field::required("malformed.reason", malformed.reason.as_ref())? {
        Reason::Empty(wire::EmptyAppend {}) => Malformed::Empty,
        Reason::TooManyRecords(records) => Malformed::TooManyRecords {
            records: field::count("malformed.too_many_records", *records)?,
        },
        Reason::TooManyBytes(bytes) => Malformed::TooManyBytes {
            bytes: field::count("malformed.too_many_bytes", *bytes)?,
        },
        Reason::NoPositionsLeft(wire::NoPositionsLeft {}) => Malformed::NoPositionsLeft,
        Reason::ForeignRecord(foreign) => Malformed::ForeignRecord {
            at: field::lsn("malformed.foreign_record.at", foreign.at)?,
            epoch: Epoch::new(foreign.epoch),
        },
    })
}

fn malformed_to_wire(malformed: Malformed) -> wire::Malformed {
    use wire::malformed::Reason;
    let reason = match malformed {
        Malformed::Empty => Reason::Empty(wire::EmptyAppend {}),
        // A usize has at most 64 bits.
        Malformed::TooManyRecords { records } => Reason::TooManyRecords(records as u64),
        Malformed::TooManyBytes { bytes } => Reason::TooManyBytes(bytes as u64),
        Malformed::NoPositionsLeft => Reason::NoPositionsLeft(wire::NoPositionsLeft {}),
        Malformed::ForeignRecord { at, epoch } => Reason::ForeignRecord(wire::ForeignRecord {
            at: at.get(),
            epoch: epoch.get(),
        }),
    };
    wire::Malformed { reason: Some(reason) }
}

/// What became of a fence.
pub(crate) fn fence_answer_from_wire(answer: &wire::FenceAnswer) -> Result<Result<Granted, FenceRefused>, BadMessage> {
    use wire::fence_answer::Outcome;
    Ok(
        match field::required("fence_answer.outcome", answer.outcome.as_ref())? {
            Outcome::Granted(granted) => Ok(granted_from_wire(granted)?),
            Outcome::Lost(lost) => Err(FenceRefused::Lost {
                expected: Epoch::new(lost.expected),
                epoch: Epoch::new(lost.epoch),
                owner: lost
                    .owner
                    .as_ref()
                    .map(|owner| field::owner("fence_lost.owner.incarnation", owner))
                    .transpose()?,
            }),
            Outcome::TailMoved(moved) => Err(FenceRefused::TailMoved {
                expected: Lsn::new(moved.expected),
                tail: Lsn::new(moved.tail),
            }),
            Outcome::LeaseTooLong(long) => Err(FenceRefused::LeaseTooLong {
                asked: field::lease("lease_too_long.asked_millis", long.asked_millis)?,
                max: field::lease("lease_too_long.max_millis", long.max_millis)?,
            }),
            Outcome::NoEpochsLeft(wire::NoEpochsLeft {}) => Err(FenceRefused::NoEpochsLeft),
            Outcome::NoStream(wire::NoStream {}) => Err(FenceRefused::NoStream),
        },
    )
}

fn fence_answer_to_wire(outcome: Result<Granted, FenceRefused>) -> wire::FenceAnswer {
    use wire::fence_answer::Outcome;
    let outcome = match outcome {
        Ok(granted) => Outcome::Granted(granted_to_wire(granted)),
        Err(FenceRefused::Lost { expected, epoch, owner }) => Outcome::Lost(wire::FenceLost {
            expected: expected.get(),
            epoch: epoch.get(),
            owner: owner.map(field::owner_to_wire),
        }),
        Err(FenceRefused::TailMoved { expected, tail }) => Outcome::TailMoved(wire::TailMoved {
            expected: Lsn::count(expected),
            tail: Lsn::count(tail),
        }),
        Err(FenceRefused::LeaseTooLong { asked, max }) => Outcome::LeaseTooLong(wire::LeaseTooLong {
            asked_millis: asked.as_millis(),
            max_millis: max.as_millis(),
        }),
        Err(FenceRefused::NoEpochsLeft) => Outcome::NoEpochsLeft(wire::NoEpochsLeft {}),
        Err(FenceRefused::NoStream) => Outcome::NoStream(wire::NoStream {}),
    };
    wire::FenceAnswer { outcome: Some(outcome) }
}

fn granted_from_wire(granted: &wire::Granted) -> Result<Granted, BadMessage> {
    Ok(Granted {
        epoch: Epoch::new(granted.epoch),
        lease: field::lease("granted.lease_millis", granted.lease_millis)?,
        fence_lsn: Lsn::new(granted.fence_lsn),
        tail: Lsn::new(granted.tail),
        chain: Chain::from_stored(granted.chain),
        appended_bytes: granted.appended_bytes,
        wait_out: wait_out_from_wire("granted.wait_out", granted.wait_out)?,
    })
}

fn granted_to_wire(granted: Granted) -> wire::Granted {
    wire::Granted {
        epoch: granted.epoch.get(),
        lease_millis: granted.lease.as_millis(),
        fence_lsn: Lsn::count(granted.fence_lsn),
        tail: Lsn::count(granted.tail),
        chain: granted.chain.get(),
        appended_bytes: granted.appended_bytes,
        wait_out: Some(wait_out_to_wire(granted.wait_out)),
    }
}

/// Must be there: an owner that took a forgotten one for "nothing" would answer beside the owner before it.
pub(super) fn wait_out_from_wire(field: &'static str, wait_out: Option<wire::WaitOut>) -> Result<WaitOut, BadMessage> {
    let wire::WaitOut { lease_millis } = field::required(field, wait_out)?;
    Ok(LeaseLength::from_millis(lease_millis).map_or(WaitOut::Nothing, WaitOut::For))
}

pub(super) fn wait_out_to_wire(wait_out: WaitOut) -> wire::WaitOut {
    let lease_millis = match wait_out {
        WaitOut::Nothing => 0,
        WaitOut::For(lease) => lease.as_millis(),
    };
    wire::WaitOut { lease_millis }
}

fn fenced_from_wire(fenced: &wire::Fenced) -> Fenced {
    Fenced {
        epoch: Epoch::new(fenced.epoch),
        fence_lsn: Lsn::new(fenced.fence_lsn),
    }
}

fn fenced_to_wire(fenced: Fenced) -> wire::Fenced {
    wire::Fenced {
        epoch: fenced.epoch.get(),
        fence_lsn: Lsn::count(fenced.fence_lsn),
    }
}

pub(super) fn not_held_from_wire(not_held: &wire::NotHeld) -> Result<NotHeld, BadMessage> {
    use wire::not_held::Why;
    Ok(match field::required("not_held.why", not_held.why.as_ref())? {
        Why::Fenced(fenced) => NotHeld::Fenced(fenced_from_wire(fenced)),
        Why::Ahead(ahead) => NotHeld::Ahead {
            current: Epoch::new(ahead.current),
        },
        Why::NoStream(wire::NoStream {}) => NotHeld::NoStream,
    })
}

pub(super) fn not_held_to_wire(not_held: NotHeld) -> wire::NotHeld {
    use wire::not_held::Why;
    let why = match not_held {
        NotHeld::Fenced(fenced) => Why::Fenced(fenced_to_wire(fenced)),
        NotHeld::Ahead { current } => Why::Ahead(wire::Ahead { current: current.get() }),
        NotHeld::NoStream => Why::NoStream(wire::NoStream {}),
    };
    wire::NotHeld { why: Some(why) }
}

/// What became of a release.
pub(crate) fn release_answer_from_wire(answer: &wire::ReleaseAnswer) -> Result<Result<Released, NotHeld>, BadMessage> {
    use wire::release_answer::Outcome;
    Ok(
        match field::required("release_answer.outcome", answer.outcome.as_ref())? {
            Outcome::ReleasedLsn(lsn) => Ok(Released { lsn: Lsn::new(*lsn) }),
            Outcome::NotHeld(not_held) => Err(not_held_from_wire(not_held)?),
        },
    )
}

fn release_answer_to_wire(outcome: Result<Released, NotHeld>) -> wire::ReleaseAnswer {
    use wire::release_answer::Outcome;
    let outcome = match outcome {
        Ok(Released { lsn }) => Outcome::ReleasedLsn(Lsn::count(lsn)),
        Err(not_held) => Outcome::NotHeld(not_held_to_wire(not_held)),
    };
    wire::ReleaseAnswer { outcome: Some(outcome) }
}

/// What became of a trim.
pub(crate) fn trim_answer_from_wire(answer: &wire::TrimAnswer) -> Result<Result<Trimmed, TrimRefused>, BadMessage> {
    use wire::trim_answer::Outcome;
    Ok(match field::required("trim_answer.outcome", answer.outcome.as_ref())? {
        Outcome::Trim(trim) => Ok(Trimmed {
            trim: field::lsn("trim_answer.trim", *trim)?,
        }),
        Outcome::BackwardsTrim(trim) => Err(TrimRefused::Backwards {
            trim: field::lsn("trim_answer.backwards_trim", *trim)?,
        }),
        Outcome::NotCoveredSecondNewest(lsn) => Err(TrimRefused::NotCovered {
            second_newest: field::lsn("trim_answer.not_covered_second_newest", *lsn)?,
        }),
        Outcome::SnapshotsNotOrdered(both) => Err(TrimRefused::SnapshotsNotOrdered {
            newest: field::lsn("snapshots_not_ordered.newest", both.newest)?,
            second_newest: field::lsn("snapshots_not_ordered.second_newest", both.second_newest)?,
        }),
        Outcome::PastTail(past) => Err(TrimRefused::PastTail {
            at: field::lsn("past_tail.at", past.at)?,
            tail: Lsn::new(past.tail),
        }),
        Outcome::NotArchived(archived) => Err(TrimRefused::NotArchived {
            archived: Lsn::new(*archived),
        }),
        Outcome::DivergedAt(at) => Err(TrimRefused::Diverged {
            at: field::lsn("trim_answer.diverged_at", *at)?,
        }),
        Outcome::NoStream(wire::NoStream {}) => Err(TrimRefused::NoStream),
    })
}

fn trim_answer_to_wire(outcome: Result<Trimmed, TrimRefused>) -> wire::TrimAnswer {
    use wire::trim_answer::Outcome;
    let outcome = match outcome {
        Ok(Trimmed { trim }) => Outcome::Trim(trim.get()),
        Err(TrimRefused::Backwards { trim }) => Outcome::BackwardsTrim(trim.get()),
        Err(TrimRefused::NotCovered { second_newest }) => Outcome::NotCoveredSecondNewest(second_newest.get()),
        Err(TrimRefused::SnapshotsNotOrdered { newest, second_newest }) => {
            Outcome::SnapshotsNotOrdered(wire::SnapshotsNotOrdered {
                newest: newest.get(),
                second_newest: second_newest.get(),
            })
        }
        Err(TrimRefused::PastTail { at, tail }) => Outcome::PastTail(wire::PastTail {
            at: at.get(),
            tail: Lsn::count(tail),
        }),
        Err(TrimRefused::NotArchived { archived }) => Outcome::NotArchived(Lsn::count(archived)),
        Err(TrimRefused::Diverged { at }) => Outcome::DivergedAt(at.get()),
        Err(TrimRefused::NoStream) => Outcome::NoStream(wire::NoStream {}),
    };
    wire::TrimAnswer { outcome: Some(outcome) }
}

/// What became of a create.
pub(crate) fn create_answer_from_wire(answer: &wire::CreateAnswer) -> Result<Result<(), CreateRefused>, BadMessage> {
    use wire::create_answer::Outcome;
    Ok(
        match field::required("create_answer.outcome", answer.outcome.as_ref())? {
            Outcome::Created(wire::Created {}) => Ok(()),
            Outcome::AlreadyExists(exists) => Err(CreateRefused::AlreadyExists {
                tenant: TenantId::new(exists.tenant),
                restore_window: exists.restore_window,
            }),
            Outcome::Deleted(wire::StreamDeleted {}) => Err(CreateRefused::Deleted),
            Outcome::GroupFull(wire::GroupFull {}) => Err(CreateRefused::GroupFull),
        },
    )
}

fn create_answer_to_wire(outcome: Result<(), CreateRefused>) -> wire::CreateAnswer {
    use wire::create_answer::Outcome;
    let outcome = match outcome {
        Ok(()) => Outcome::Created(wire::Created {}),
        Err(CreateRefused::AlreadyExists { tenant, restore_window }) => Outcome::AlreadyExists(wire::AlreadyExists {
            tenant: tenant.get(),
            restore_window,
        }),
        Err(CreateRefused::Deleted) => Outcome::Deleted(wire::StreamDeleted {}),
        Err(CreateRefused::GroupFull) => Outcome::GroupFull(wire::GroupFull {}),
    };
    wire::CreateAnswer { outcome: Some(outcome) }
}

#[cfg(test)]
mod tests;
