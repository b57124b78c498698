//! Batches for readers, and the ends of reading.
//! Promises: a batch is never empty, and begins where the reader is.

use tenure_log::{TailBatch, TailError};
use tenure_types::Lsn;
use tenure_wire::log_v1 as wire;

use super::field::{self, BadMessage};
use super::record::{record_from_wire, record_to_wire};
use super::unknown::{unknown_from_wire, unknown_to_wire};

/// A batch from `next` on, or why there is none.
pub(crate) fn tail_outcome_from_wire(
    next: Lsn,
    response: &wire::TailResponse,
) -> Result<Result<TailBatch, TailError>, BadMessage> {
    use wire::tail_response::Outcome;
    Ok(
        match field::required("tail_response.outcome", response.outcome.as_ref())? {
            Outcome::Batch(batch) => Ok(batch_from_wire(next, batch)?),
            Outcome::Trimmed(trim) => Err(TailError::Trimmed {
                trim: field::lsn("tail_response.trimmed", *trim)?,
            }),
            Outcome::NoStream(wire::NoStream {}) => Err(TailError::NoStream),
            Outcome::Interrupted(unknown) => Err(TailError::Interrupted(unknown_from_wire(unknown))),
        },
    )
}

/// As [`tail_outcome_from_wire`] reads it.
pub(crate) fn tail_outcome_to_wire(outcome: &Result<TailBatch, TailError>) -> wire::TailResponse {
    use wire::tail_response::Outcome;
    let outcome = match outcome {
        Ok(batch) => Outcome::Batch(wire::TailBatch {
            first: batch.first.get(),
            records: batch.records.iter().map(record_to_wire).collect(),
            tail: batch.tail.get(),
        }),
        Err(TailError::Trimmed { trim }) => Outcome::Trimmed(trim.get()),
        Err(TailError::NoStream) => Outcome::NoStream(wire::NoStream {}),
        Err(TailError::Interrupted(unknown)) => Outcome::Interrupted(unknown_to_wire(*unknown)),
    };
    wire::TailResponse { outcome: Some(outcome) }
}

fn batch_from_wire(next: Lsn, batch: &wire::TailBatch) -> Result<TailBatch, BadMessage> {
    if batch.first != next.get() {
        return Err(BadMessage::Other {
            field: "tail_batch.first",
            value: batch.first,
            expected: next.get(),
        });
    }
    if batch.records.is_empty() {
        return Err(BadMessage::Missing {
            field: "tail_batch.records",
        });
    }
    Ok(TailBatch {
        first: next,
        records: batch.records.iter().map(record_from_wire).collect::<Result<_, _>>()?,
        tail: field::lsn("tail_batch.tail", batch.tail)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::samples::{self, at, record};

    fn batch() -> TailBatch {
        TailBatch {
            first: at(5),
            records: vec![record(3, 7), record(4, 8)],
            tail: at(9),
        }
    }

    #[test]
    fn every_outcome_is_read_as_it_was_written() {
        let mut outcomes = vec![
            Ok(batch()),
            Err(TailError::Trimmed { trim: at(8) }),
            Err(TailError::NoStream),
        ];
        outcomes.extend(samples::unknowns().map(|unknown| Err(TailError::Interrupted(unknown))));
        for outcome in outcomes {
            assert_eq!(
                tail_outcome_from_wire(at(5), &tail_outcome_to_wire(&outcome)),
                Ok(outcome)
            );
        }
    }

    #[test]
    fn a_batch_that_lacks_something_or_lies_elsewhere_is_refused_by_the_name_of_the_field() {
        use wire::tail_response::Outcome;
        let Some(Outcome::Batch(good)) = tail_outcome_to_wire(&Ok(batch())).outcome else {
            panic!("no batch");
        };
        let elsewhere = BadMessage::Other {
            field: "tail_batch.first",
            value: 6,
            expected: 5,
        };
        let empty = wire::TailBatch {
            records: Vec::new(),
            ..good.clone()
        };
        for (outcome, bad) in [
            (
                None,
                BadMessage::Missing {
                    field: "tail_response.outcome",
                },
            ),
            (
                Some(Outcome::Trimmed(0)),
                BadMessage::Zero {
                    field: "tail_response.trimmed",
                },
            ),
            (
                Some(Outcome::Batch(empty)),
                BadMessage::Missing {
                    field: "tail_batch.records",
                },
            ),
            (
                Some(Outcome::Batch(wire::TailBatch {
                    tail: 0,
                    ..good.clone()
                })),
                BadMessage::Zero {
                    field: "tail_batch.tail",
                },
            ),
            (Some(Outcome::Batch(wire::TailBatch { first: 6, ..good })), elsewhere),
        ] {
            assert_eq!(tail_outcome_from_wire(at(5), &wire::TailResponse { outcome }), Err(bad));
        }
    }
}
