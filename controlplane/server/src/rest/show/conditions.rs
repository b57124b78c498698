//! Conditions: whether a cluster works at the moment, and if not, why.
//! Promises: a condition is `True` only if everything that it says was heard of; what was not heard of is `Unknown`.

use std::collections::BTreeSet;

use tenure_admin::{Condition, ConditionStatus, ConditionType, ReplicaRole};
use tenure_control_model::{Cluster, Shard, Standing};
use tenure_types::GroupId;

use super::shard::role;
use super::{View, data_node};

/// All of them, in this order.
pub(super) fn conditions(view: &View<'_>, cluster: &Cluster) -> Vec<Condition> {
    let shards = view.shards_of(cluster.id);
    vec![
        condition(ConditionType::Available, available(view, shards)),
        condition(ConditionType::Durable, durable(view, shards)),
        condition(ConditionType::ReplicasReady, replicas_ready(view, cluster, shards)),
        condition(ConditionType::ZoneRedundant, zone_redundant(view, cluster, shards)),
        condition(ConditionType::Scheduled, scheduled(view, cluster, shards)),
    ]
}

/// Status, reason, message.
type Finding = (ConditionStatus, &'static str, String);

fn condition(kind: ConditionType, (status, reason, message): Finding) -> Condition {
    Condition {
        kind,
        status,
        reason: reason.to_owned(),
        message,
    }
}

/// What is wrong with the first shard with which something is; `fine` if nothing is.
fn worst(findings: impl Iterator<Item = Option<Finding>>, fine: Finding) -> Finding {
    let is_false = |finding: &Finding| finding.0 == ConditionStatus::False;
    let findings: Vec<Finding> = findings.flatten().collect();
    let first = findings.iter().find(|finding| is_false(finding)).or(findings.first());
    first.cloned().unwrap_or(fine)
}

fn available(view: &View<'_>, shards: &[&Shard]) -> Finding {
    let fine = (
        ConditionStatus::True,
        "AllShardsAnswer",
        "every shard has a primary that answers".to_owned(),
    );
    worst(shards.iter().map(|shard| unavailable(view, shard)), fine)
}

fn unavailable(view: &View<'_>, shard: &Shard) -> Option<Finding> {
    let name = &shard.name;
    let no = |reason, message| Some((ConditionStatus::False, reason, message));
    let Some(stream) = view.stream(shard.stream) else {
        let message = format!("the log has not told of shard {name}");
        return Some((ConditionStatus::Unknown, "NotObserved", message));
    };
    let (Some((_, owner)), Some(lease)) = (stream.owned, stream.lease) else {
        return no("NoPrimary", format!("shard {name} has had no primary yet"));
    };
    let node = data_node(owner.node);
    if stream.released {
        return no(
            "NoPrimary",
            format!("{node} gave shard {name} up, and nobody has taken it yet"),
        );
    }
    let silent = view.silent(stream);
    if silent >= lease.as_duration() {
        let message = format!(
            "the log has heard nothing of {node} about shard {name} for {} ms",
            silent.as_millis()
        );
        return no("PrimarySilent", message);
    }
    let standing = view.seen(owner.node, shard.stream).map(|seen| seen.standing);
    if standing == Some(Standing::Primary) {
        return None;
    }
    no(
        "PrimaryNotReady",
        format!("{node} owns shard {name} and does not answer yet"),
    )
}

fn durable(view: &View<'_>, shards: &[&Shard]) -> Finding {
    let Some(log) = &view.observed.log else {
        let message = "the log does not answer the control plane".to_owned();
        return (ConditionStatus::Unknown, "LogNotObserved", message);
    };
    let led: BTreeSet<GroupId> = log
        .groups
        .iter()
        .filter(|group| group.leader.is_some())
        .map(|group| group.group)
        .collect();
    let fine = (
        ConditionStatus::True,
        "LogHasLeaders",
        "every shard's log group has a leader".to_owned(),
    );
    let lost = |shard: &&Shard| {
        let group = shard.stream.group();
        let message = format!("{group}, which keeps shard {}, has no leader: writes wait", shard.name);
        (!led.contains(&group)).then_some((ConditionStatus::False, "LogWithoutLeader", message))
    };
    worst(shards.iter().map(lost), fine)
}

fn replicas_ready(view: &View<'_>, cluster: &Cluster, shards: &[&Shard]) -> Finding {
    let fine = (
        ConditionStatus::True,
        "AllReplicasFollow",
        "every replica follows its primary".to_owned(),
    );
    worst(shards.iter().map(|shard| not_ready(view, cluster, shard)), fine)
}

fn not_ready(view: &View<'_>, cluster: &Cluster, shard: &Shard) -> Option<Finding> {
    let no = |reason, message| Some((ConditionStatus::False, reason, message));
    let name = &shard.name;
    let mut members = 0;
    for replica in view.members_of(shard.id) {
        members += 1;
        let node = data_node(replica.node);
        match role(view, shard, replica) {
            ReplicaRole::Primary | ReplicaRole::Replica => {}
            ReplicaRole::Lost => {
                return no(
                    "ReplicaLost",
                    format!("{node}, which has shard {name}, is not heard of"),
                );
            }
            ReplicaRole::Broken => return no("ReplicaBroken", format!("shard {name} cannot go on on {node}")),
            ReplicaRole::Pending | ReplicaRole::Loading | ReplicaRole::Lapsed | ReplicaRole::Leaving => {
                return no("ReplicaNotReady", format!("shard {name} is not ready on {node}"));
            }
        }
    }
    if members < members_of(cluster) {
        return no("ReplicaMissing", missing(shard, members, cluster));
    }
    None
}

fn zone_redundant(view: &View<'_>, cluster: &Cluster, shards: &[&Shard]) -> Finding {
    if cluster.spec.replicas == 0 {
        let message = "the cluster has no replicas: with its zone a shard is out".to_owned();
        return (ConditionStatus::False, "NoReplicas", message);
    }
    let fine = (
        ConditionStatus::True,
        "ZonesDiffer",
        "no zone has two replicas of one shard".to_owned(),
    );
    worst(shards.iter().map(|shard| shares_zone(view, shard)), fine)
}

fn shares_zone(view: &View<'_>, shard: &Shard) -> Option<Finding> {
    let mut zones = BTreeSet::new();
    for replica in view.members_of(shard.id) {
        let Some(zone) = view.zone_of(replica.node) else {
            let message = format!(
                "{}, which has shard {}, is not known",
                data_node(replica.node),
                shard.name
            );
            return Some((ConditionStatus::Unknown, "NodeUnknown", message));
        };
        if !zones.insert(zone) {
            let message = format!(
                "zone {zone} has two replicas of shard {}: there were fewer zones than replicas",
                shard.name
            );
            return Some((ConditionStatus::False, "ZoneShared", message));
        }
    }
    if zones.len() < 2 {
        let message = format!("shard {} has less than two replicas", shard.name);
        return Some((ConditionStatus::False, "ReplicaMissing", message));
    }
    None
}

fn scheduled(view: &View<'_>, cluster: &Cluster, shards: &[&Shard]) -> Finding {
    let fine = (
        ConditionStatus::True,
        "AllReplicasPlaced",
        "every replica has a node".to_owned(),
    );
    let lacks = |shard: &&Shard| {
        let members = view.members_of(shard.id).count();
        let finding = (
            ConditionStatus::False,
            "ReplicaMissing",
            missing(shard, members, cluster),
        );
        (members < members_of(cluster)).then_some(finding)
    };
    worst(shards.iter().map(lacks), fine)
}

fn missing(shard: &Shard, members: usize, cluster: &Cluster) -> String {
    format!("shard {} has {members} of {} replicas", shard.name, members_of(cluster))
}

fn members_of(cluster: &Cluster) -> usize {
    usize::from(cluster.spec.replicas) + 1
}
