//! Small things as text.

use tenure_control_model::SlotRange;
use tenure_types::{NodeId, WallTime};
use time::OffsetDateTime;

/// RFC 3339 in UTC with milliseconds.
pub(in crate::rest) fn time(at: WallTime) -> String {
    let nanos = i128::from(at.as_unix_millis()) * 1_000_000;
    // Past the year 9999 there is nothing to write; no clock of ours is there.
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// A data node's name.
pub(in crate::rest) fn data_node(id: NodeId) -> String {
    format!("data-{}", id.get())
}

/// The data node of a name, written as [`data_node`] does.
pub(in crate::rest) fn data_node_of(name: &str) -> Option<NodeId> {
    let number = name.strip_prefix("data-").and_then(|digits| digits.parse().ok());
    number.map(NodeId::new).filter(|id| data_node(*id) == name)
}

/// A log node's name.
pub(super) fn log_node(id: NodeId) -> String {
    format!("log-{}", id.get())
}

/// Such as `0-8191`, or `7`.
pub(super) fn slots(range: &SlotRange) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}-{}", range.first, range.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        ] {
            assert_eq!(time(WallTime::from_unix_millis(millis)), text);
        }
    }

    #[test]
    fn a_node_has_one_name() {
        assert_eq!(data_node_of("data-2"), Some(NodeId::new(2)));
        for other in ["", "data-", "data-02", "data-+2", "log-2", "2", "data-2 "] {
            assert_eq!(data_node_of(other), None, "{other}");
        }
    }
}
