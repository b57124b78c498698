//! Renewals and descriptions: what a leader answers after a round among the voters.
//! Promises: a description is of the stream that was asked for; what a message leaves out shortens no wait.

use std::time::Duration;

use tenure_log::{CallError, Credit, Renewed, StreamStatus, Unknown};
use tenure_log_protocol::{Chain, Description, NotHeld, Ownership, Renew};
use tenure_types::{Epoch, LeaseLength, Lsn, StreamId, TenantId};
use tenure_wire::log_v1 as wire;

use super::answer::{not_held_from_wire, not_held_to_wire, wait_out_from_wire, wait_out_to_wire};
use super::field::{self, BadMessage};
use super::unknown::{unknown_from_wire, unknown_to_wire};

/// A renewal.
pub(crate) fn renew_from_wire(renew: &wire::Renew) -> Result<Renew, BadMessage> {
    Ok(Renew {
        stream: StreamId::from_bits(renew.stream),
        epoch: Epoch::new(renew.epoch),
        incarnation: field::incarnation("renew.incarnation", renew.incarnation)?,
        under_lease: renew.under_lease,
    })
}

/// As [`renew_from_wire`] reads it.
pub(crate) fn renew_to_wire(renew: &Renew) -> wire::Renew {
    wire::Renew {
        stream: renew.stream.to_bits(),
        epoch: renew.epoch.get(),
        incarnation: renew.incarnation.get(),
        under_lease: renew.under_lease,
    }
}

/// What became of a renewal.
pub(crate) fn renew_outcome_from_wire(
    answer: &wire::RenewAnswer,
) -> Result<Result<Renewed, CallError<NotHeld>>, BadMessage> {
    use wire::renew_answer::Outcome;
    Ok(
        match field::required("renew_answer.outcome", answer.outcome.as_ref())? {
            Outcome::Renewed(renewed) => Ok(Renewed {
                clear_in: renewed.clear_in_nanos.map(Duration::from_nanos),
                credit: Credit::up_to(renewed.credit_limit_bytes),
            }),
            Outcome::NotHeld(not_held) => Err(CallError::Refused(not_held_from_wire(not_held)?)),
            Outcome::Unknown(unknown) => Err(CallError::Unknown(unknown_from_wire(unknown))),
        },
    )
}

/// As [`renew_outcome_from_wire`] reads it.
pub(crate) fn renew_outcome_to_wire(outcome: &Result<Renewed, CallError<NotHeld>>) -> wire::RenewAnswer {
    use wire::renew_answer::Outcome;
    let outcome = match outcome {
        Ok(renewed) => Outcome::Renewed(wire::Renewed {
            clear_in_nanos: renewed.clear_in.map(nanos),
            credit_limit_bytes: renewed.credit.limit_bytes(),
        }),
        Err(CallError::Refused(not_held)) => Outcome::NotHeld(not_held_to_wire(*not_held)),
        Err(CallError::Unknown(unknown)) => Outcome::Unknown(unknown_to_wire(*unknown)),
    };
    wire::RenewAnswer { outcome: Some(outcome) }
}

/// What became of a description of `asked`.
pub(crate) fn describe_outcome_from_wire(
    asked: StreamId,
    answer: &wire::DescribeAnswer,
) -> Result<Result<Option<StreamStatus>, Unknown>, BadMessage> {
    use wire::describe_answer::Outcome;
    Ok(
        match field::required("describe_answer.outcome", answer.outcome.as_ref())? {
            Outcome::Status(status) if status.stream != asked.to_bits() => {
                return Err(BadMessage::Other {
                    field: "stream_status.stream",
                    value: status.stream,
                    expected: asked.to_bits(),
                });
            }
            Outcome::Status(status) => Ok(Some(stream_status_from_wire(status)?)),
            Outcome::NoStream(wire::NoStream {}) => Ok(None),
            Outcome::Unknown(unknown) => Err(unknown_from_wire(unknown)),
        },
    )
}

/// As [`describe_outcome_from_wire`] reads it.
pub(crate) fn describe_outcome_to_wire(outcome: &Result<Option<StreamStatus>, Unknown>) -> wire::DescribeAnswer {
    use wire::describe_answer::Outcome;
    let outcome = match outcome {
        Ok(Some(status)) => Outcome::Status(stream_status_to_wire(status)),
        Ok(None) => Outcome::NoStream(wire::NoStream {}),
        Err(unknown) => Outcome::Unknown(unknown_to_wire(*unknown)),
    };
    wire::DescribeAnswer { outcome: Some(outcome) }
}

fn stream_status_from_wire(status: &wire::StreamStatus) -> Result<StreamStatus, BadMessage> {
    let description = Description {
        stream: StreamId::from_bits(status.stream),
        tenant: TenantId::new(status.tenant),
        restore_window: status.restore_window,
        ownership: status.ownership.as_ref().map(ownership_from_wire).transpose()?,
        longest_lease: LeaseLength::from_millis(status.longest_lease_millis),
        tail: Lsn::new(status.tail),
        trim: Lsn::new(status.trim),
        chain: Chain::from_stored(status.chain),
        appended_bytes: status.appended_bytes,
    };
    Ok(StreamStatus {
        description,
        last_request_age: Duration::from_nanos(status.last_request_age_nanos),
        retained_bytes: status.retained_bytes,
    })
}

fn stream_status_to_wire(status: &StreamStatus) -> wire::StreamStatus {
    let described = &status.description;
    wire::StreamStatus {
        stream: described.stream.to_bits(),
        tenant: described.tenant.get(),
        restore_window: described.restore_window,
        ownership: described.ownership.as_ref().map(ownership_to_wire),
        longest_lease_millis: described.longest_lease.map_or(0, LeaseLength::as_millis),
        tail: Lsn::count(described.tail),
        trim: Lsn::count(described.trim),
        chain: described.chain.get(),
        appended_bytes: described.appended_bytes,
        last_request_age_nanos: nanos(status.last_request_age),
        retained_bytes: status.retained_bytes,
    }
}

fn ownership_from_wire(ownership: &wire::Ownership) -> Result<Ownership, BadMessage> {
    let owner = field::required("ownership.owner", ownership.owner.as_ref())?;
    Ok(Ownership {
        epoch: Epoch::new(ownership.epoch),
        owner: field::owner("ownership.owner.incarnation", owner)?,
        lease: field::lease("ownership.lease_millis", ownership.lease_millis)?,
        began_at: Lsn::new(ownership.began_at),
        wait_out: wait_out_from_wire("ownership.wait_out", ownership.wait_out)?,
        released: ownership.released,
    })
}

fn ownership_to_wire(ownership: &Ownership) -> wire::Ownership {
    wire::Ownership {
        epoch: ownership.epoch.get(),
        owner: Some(field::owner_to_wire(ownership.owner)),
        lease_millis: ownership.lease.as_millis(),
        began_at: Lsn::count(ownership.began_at),
        wait_out: Some(wait_out_to_wire(ownership.wait_out)),
        released: ownership.released,
    }
}

/// Nanoseconds, or as many as the message can say: 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::samples::{self, owner, stream};
    use tenure_log_protocol::WaitOut;

    fn status() -> StreamStatus {
        let ownership = Ownership {
            epoch: Epoch::new(4),
            owner: owner(),
            lease: samples::lease(1200),
            began_at: Lsn::new(17),
            wait_out: WaitOut::For(samples::lease(3000)),
            released: true,
        };
        let description = Description {
            stream: stream(),
            tenant: TenantId::new(6),
            restore_window: true,
            ownership: Some(ownership),
            longest_lease: Some(samples::lease(3000)),
            tail: Lsn::new(21),
            trim: Lsn::new(9),
            chain: Chain::from_stored(0xabcd),
            appended_bytes: 12_345,
        };
        StreamStatus {
            description,
            last_request_age: Duration::from_nanos(1_500_000_001),
            retained_bytes: 999,
        }
    }

    #[test]
    fn a_renewal_is_read_as_it_was_written() {
        for under_lease in [true, false] {
            let renew = Renew {
                stream: stream(),
                epoch: Epoch::new(5),
                incarnation: owner().incarnation,
                under_lease,
            };
            let wire = renew_to_wire(&renew);
            assert_eq!(renew_from_wire(&wire), Ok(renew));
            let nobody = wire::Renew { incarnation: 0, ..wire };
            assert_eq!(
                renew_from_wire(&nobody),
                Err(BadMessage::Zero {
                    field: "renew.incarnation"
                })
            );
        }
    }

    #[test]
    fn what_became_of_a_renewal_is_read_as_it_was_written() {
        let renewed = |clear_in| {
            Ok(Renewed {
                clear_in,
                credit: Credit::up_to(77),
            })
        };
        let mut outcomes = vec![
            renewed(None),
            renewed(Some(Duration::ZERO)),
            renewed(Some(Duration::from_nanos(3))),
        ];
        outcomes.extend(samples::not_held().map(|not_held| Err(CallError::Refused(not_held))));
        outcomes.extend(samples::unknowns().map(|unknown| Err(CallError::Unknown(unknown))));
        for outcome in outcomes {
            assert_eq!(renew_outcome_from_wire(&renew_outcome_to_wire(&outcome)), Ok(outcome));
        }
        let nothing = wire::RenewAnswer { outcome: None };
        assert_eq!(
            renew_outcome_from_wire(&nothing),
            Err(BadMessage::Missing {
                field: "renew_answer.outcome"
            })
        );
        let why = wire::renew_answer::Outcome::NotHeld(wire::NotHeld { why: None });
        assert_eq!(
            renew_outcome_from_wire(&wire::RenewAnswer { outcome: Some(why) }),
            Err(BadMessage::Missing { field: "not_held.why" })
        );
    }

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let mut unowned = status();
        unowned.description = Description {
            ownership: None,
            longest_lease: None,
            tail: None,
            trim: None,
            restore_window: false,
            ..unowned.description
        };
        let mut first = status();
        first.description.ownership = first.description.ownership.map(|ownership| Ownership {
            began_at: None,
            wait_out: WaitOut::Nothing,
            released: false,
            ..ownership
        });
        let mut outcomes = vec![Ok(Some(status())), Ok(Some(unowned)), Ok(Some(first)), Ok(None)];
        outcomes.extend(samples::unknowns().map(Err));
        for outcome in outcomes {
            let wire = describe_outcome_to_wire(&outcome);
            assert_eq!(describe_outcome_from_wire(stream(), &wire), Ok(outcome));
        }
    }

    #[test]
    fn a_description_that_lacks_something_is_refused_by_the_name_of_the_field() {
        let good = stream_status_to_wire(&status());
        let with = |spoil: fn(&mut wire::Ownership)| {
            let mut ownership = good.ownership.unwrap();
            spoil(&mut ownership);
            wire::StreamStatus {
                ownership: Some(ownership),
                ..good
            }
        };
        let missing = |field| BadMessage::Missing { field };
        let zero = |field| BadMessage::Zero { field };
        for (status, bad) in [
            (with(|o| o.owner = None), missing("ownership.owner")),
            (
                with(|o| {
                    o.owner = Some(wire::Owner {
                        node: 1,
                        incarnation: 0,
                    })
                }),
                zero("ownership.owner.incarnation"),
            ),
            (with(|o| o.lease_millis = 0), zero("ownership.lease_millis")),
            (with(|o| o.wait_out = None), missing("ownership.wait_out")),
        ] {
            let outcome = Some(wire::describe_answer::Outcome::Status(status));
            assert_eq!(
                describe_outcome_from_wire(stream(), &wire::DescribeAnswer { outcome }),
                Err(bad)
            );
        }
        let nothing = wire::DescribeAnswer { outcome: None };
        assert_eq!(
            describe_outcome_from_wire(stream(), &nothing),
            Err(missing("describe_answer.outcome"))
        );
    }

    #[test]
    fn a_description_of_another_stream_is_refused() {
        let wire = describe_outcome_to_wire(&Ok(Some(status())));
        let asked = StreamId::from_bits(stream().to_bits() + 1);
        let bad = BadMessage::Other {
            field: "stream_status.stream",
            value: stream().to_bits(),
            expected: asked.to_bits(),
        };
        assert_eq!(describe_outcome_from_wire(asked, &wire), Err(bad));
    }
}
