//! The answer that nothing is known.
//! Promises: whatever it says, it is read as `Unknown` and never as a verdict, also if a newer version sent a reason that
//! this one does not know.

use std::time::Duration;

use tenure_log::Unknown;
use tenure_types::NodeId;
use tenure_wire::log_v1 as wire;
use tenure_wire::log_v1::unknown::Why;

/// Why nothing is known. A reason that is not known here is as good as that the call was given up.
pub(crate) fn unknown_from_wire(unknown: &wire::Unknown) -> Unknown {
    match unknown.why {
        Some(Why::Busy(wire::Busy {})) => Unknown::Busy,
        Some(Why::NotLeader(wire::NotLeader { hint })) => Unknown::NoLeader {
            hint: hint.map(NodeId::new),
        },
        Some(Why::TimedOut(wire::TimedOut { after_millis })) => Unknown::TimedOut {
            after: Duration::from_millis(after_millis),
        },
        Some(Why::Discarded(wire::Discarded {})) | None => Unknown::Discarded,
    }
}

/// As [`unknown_from_wire`] reads it, times in milliseconds. A broken connection behind the sender is no matter of the
/// receiver's: to it the call was given up.
pub(crate) fn unknown_to_wire(unknown: Unknown) -> wire::Unknown {
    let why = match unknown {
        Unknown::Busy => Why::Busy(wire::Busy {}),
        Unknown::NoLeader { hint } => Why::NotLeader(wire::NotLeader {
            hint: hint.map(NodeId::get),
        }),
        Unknown::TimedOut { after } => Why::TimedOut(wire::TimedOut {
            after_millis: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        }),
        Unknown::Disconnected | Unknown::Discarded => Why::Discarded(wire::Discarded {}),
    };
    wire::Unknown { why: Some(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::samples;

    #[test]
    fn every_reason_is_read_as_it_was_written() {
        for unknown in samples::unknowns() {
            assert_eq!(unknown_from_wire(&unknown_to_wire(unknown)), unknown);
        }
        assert_eq!(
            unknown_from_wire(&unknown_to_wire(Unknown::Disconnected)),
            Unknown::Discarded
        );
        let endless = Unknown::TimedOut { after: Duration::MAX };
        let after = Duration::from_millis(u64::MAX);
        assert_eq!(
            unknown_from_wire(&unknown_to_wire(endless)),
            Unknown::TimedOut { after }
        );
    }

    #[test]
    fn a_reason_of_a_newer_version_is_no_verdict() {
        assert_eq!(unknown_from_wire(&wire::Unknown { why: None }), Unknown::Discarded);
    }
}
