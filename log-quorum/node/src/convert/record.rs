//! Records.
//! Promises: a record without epoch and incarnation has those of the append around it; without an append it must name
//! them. Its payload is shared with the message.

use tenure_log_protocol::{Chain, EngineVersion, Record};
use tenure_types::{Epoch, Incarnation, WallTime};
use tenure_wire::log_v1 as wire;

use super::field::{self, BadMessage};

/// The epoch and incarnation that records need not repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carrier {
    /// The append's epoch.
    pub(super) epoch: Epoch,
    /// The append's incarnation.
    pub(super) incarnation: Incarnation,
}

/// A record that stands alone, as in a batch for a reader.
pub(super) fn record_from_wire(record: &wire::Record) -> Result<Record, BadMessage> {
    let epoch = field::required("record.epoch", record.epoch)?;
    let incarnation = field::required("record.incarnation", record.incarnation)?;
    read(
        record,
        Epoch::new(epoch),
        field::incarnation("record.incarnation", incarnation)?,
    )
}

/// As [`record_from_wire`] reads it.
pub(super) fn record_to_wire(record: &Record) -> wire::Record {
    written(record, Some(record.epoch.get()), Some(record.incarnation.get()))
}

/// A record of an append.
pub(super) fn carried_from_wire(record: &wire::Record, carrier: Carrier) -> Result<Record, BadMessage> {
    let incarnation = match record.incarnation {
        Some(own) => field::incarnation("record.incarnation", own)?,
        None => carrier.incarnation,
    };
    read(record, record.epoch.map_or(carrier.epoch, Epoch::new), incarnation)
}

/// As [`carried_from_wire`] reads it: names only what differs from the append.
pub(super) fn carried_to_wire(record: &Record, carrier: Carrier) -> wire::Record {
    let epoch = (record.epoch != carrier.epoch).then(|| record.epoch.get());
    let incarnation = (record.incarnation != carrier.incarnation).then(|| record.incarnation.get());
    written(record, epoch, incarnation)
}

fn read(record: &wire::Record, epoch: Epoch, incarnation: Incarnation) -> Result<Record, BadMessage> {
    let engine_version = u16::try_from(record.engine_version).map_err(|_| BadMessage::TooLarge {
        field: "record.engine_version",
        value: record.engine_version.into(),
    })?;
    Ok(Record {
        epoch,
        incarnation,
        written_at: WallTime::from_unix_millis(record.written_at_unix_millis),
        engine_version: EngineVersion::new(engine_version),
        payload: record.payload.clone(),
        chain: Chain::from_stored(record.chain),
    })
}

fn written(record: &Record, epoch: Option<u64>, incarnation: Option<u64>) -> wire::Record {
    wire::Record {
        epoch,
        incarnation,
        written_at_unix_millis: record.written_at.as_unix_millis(),
        engine_version: record.engine_version.get().into(),
        payload: record.payload.clone(),
        chain: record.chain.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::samples;

    #[test]
    fn a_record_that_stands_alone_names_its_epoch_and_incarnation() {
        let record = samples::record(3, 7);
        let wire = record_to_wire(&record);
        assert_eq!((wire.epoch, wire.incarnation), (Some(3), Some(7)));
        assert_eq!(record_from_wire(&wire), Ok(record));
        type Spoil = fn(&mut wire::Record);
        let cases: [(Spoil, BadMessage); 4] = [
            (|r| r.epoch = None, BadMessage::Missing { field: "record.epoch" }),
            (
                |r| r.incarnation = None,
                BadMessage::Missing {
                    field: "record.incarnation",
                },
            ),
            (
                |r| r.incarnation = Some(0),
                BadMessage::Zero {
                    field: "record.incarnation",
                },
            ),
            (
                |r| r.engine_version = 1 << 16,
                BadMessage::TooLarge {
                    field: "record.engine_version",
                    value: 1 << 16,
                },
            ),
        ];
        for (spoil, bad) in cases {
            let mut spoilt = wire.clone();
            spoil(&mut spoilt);
            assert_eq!(record_from_wire(&spoilt), Err(bad));
        }
    }

    #[test]
    fn a_record_of_an_append_names_only_what_differs() {
        let record = samples::record(3, 7);
        for (epoch, incarnation, named) in [(3, 7, (None, None)), (4, 7, (Some(3), None)), (3, 8, (None, Some(7)))] {
            let carrier = Carrier {
                epoch: Epoch::new(epoch),
                incarnation: Incarnation::new(incarnation).unwrap(),
            };
            let wire = carried_to_wire(&record, carrier);
            assert_eq!((wire.epoch, wire.incarnation), named);
            assert_eq!(carried_from_wire(&wire, carrier), Ok(record.clone()));
        }
    }

    #[test]
    fn a_payload_is_shared() {
        let record = samples::record(3, 7);
        assert_eq!(record_to_wire(&record).payload.as_ptr(), record.payload.as_ptr());
    }
}
