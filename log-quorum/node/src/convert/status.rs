//! How the groups look, for people.

use tenure_log::{GroupStatus, LogStatus};
use tenure_types::{GroupId, NodeId};
use tenure_wire::log_v1 as wire;

/// All groups of an answer.
pub(crate) fn log_status_from_wire(response: &wire::StatusResponse) -> LogStatus {
    LogStatus {
        groups: response.groups.iter().map(group_status_from_wire).collect(),
    }
}

/// One group.
fn group_status_from_wire(status: &wire::GroupStatus) -> GroupStatus {
    GroupStatus {
        group: GroupId::new(status.group),
        leader: status.leader.map(NodeId::new),
        voters: status.voters.iter().copied().map(NodeId::new).collect(),
        committed: status.committed,
    }
}

/// As [`group_status_from_wire`] reads it.
pub(crate) fn group_status_to_wire(status: &GroupStatus) -> wire::GroupStatus {
    wire::GroupStatus {
        group: status.group.get(),
        leader: status.leader.map(NodeId::get),
        voters: status.voters.iter().copied().map(NodeId::get).collect(),
        committed: status.committed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_read_as_it_was_written() {
        let led = GroupStatus {
            group: GroupId::new(3),
            leader: Some(NodeId::new(2)),
            voters: [1, 2, 3].map(NodeId::new).to_vec(),
            committed: 99,
        };
        let alone = GroupStatus {
            group: GroupId::new(0),
            leader: None,
            voters: Vec::new(),
            committed: 0,
        };
        let groups = vec![led, alone];
        let response = wire::StatusResponse {
            groups: groups.iter().map(group_status_to_wire).collect(),
        };
        assert_eq!(log_status_from_wire(&response), LogStatus { groups });
    }
}
