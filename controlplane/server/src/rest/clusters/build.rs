//! The rows of a cluster that is to be.

use tenure_control_model::{
    Change, Cluster, Event, EventId, Expect, Operation, OperationKind, OperationState, Placed, Replica, ReplicaState,
    Revision, Shard, ShardId, SlotRange, StepState, Tenant, Write,
};
use tenure_types::{GroupId, StreamId};

use crate::rest::Rest;
use crate::rest::operation::{new_operation, step};
use crate::rest::problem::Fault;

/// The cluster, its shards and its replicas. Stream `first_stream` and those after it are the shards'.
pub(super) fn rows(
    rest: &Rest,
    cluster: &Cluster,
    slots: Vec<Vec<SlotRange>>,
    placed: Vec<Vec<Placed>>,
    first_stream: u32,
) -> Result<Change, Fault> {
    let mut change = Change::default().with(Write::PutCluster(cluster.clone(), Expect::Absent));
    let streams = first_stream..;
    for (number, ((slots, members), stream)) in (1..).zip(slots.into_iter().zip(placed).zip(streams)) {
        let shard = shard(rest, cluster, number, slots, &members, stream)?;
        let id = shard.id;
        change.writes.push(Write::PutShard(shard, Expect::Absent));
        let replicas = members.into_iter().map(|member| replica(rest, id, member));
        let replicas = replicas.map(|replica| Write::PutReplica(replica, Expect::Absent));
        change.writes.extend(replicas);
    }
    Ok(change)
}

/// The operation that starts it.
pub(super) fn operation(rest: &Rest, cluster: &Cluster) -> Operation {
    let spec = &cluster.spec;
    let members = u32::from(spec.shards) * (u32::from(spec.replicas) + 1);
    let placed = format!("{} shards, {members} replicas in all", spec.shards);
    Operation {
        tenant: Some(cluster.tenant),
        cluster: Some(cluster.id),
        steps: vec![
            step("place shards", StepState::Done, &placed),
            step("start replicas", StepState::Pending, ""),
            step("elect primaries", StepState::Pending, ""),
        ],
        ..new_operation(rest, OperationKind::CreateCluster, OperationState::Running)
    }
}

/// What is told of it.
pub(super) fn event(rest: &Rest, tenant: &Tenant, cluster: &Cluster, kind: &str, message: &str) -> Event {
    Event {
        id: EventId::new(rest.shared.new_id()),
        at: rest.shared.now(),
        kind: kind.to_owned(),
        message: format!("cluster {}/{} {message}", tenant.name, cluster.name),
        tenant: Some(tenant.id),
        cluster: Some(cluster.id),
        shard: None,
        node: None,
    }
}

fn shard(
    rest: &Rest,
    cluster: &Cluster,
    number: u32,
    slots: Vec<SlotRange>,
    members: &[Placed],
    stream: u32,
) -> Result<Shard, Fault> {
    // The planner puts the primary first.
    let preferred = members.first().ok_or_else(Fault::internal)?.node;
    Ok(Shard {
        id: ShardId::new(rest.shared.new_id()),
        cluster: cluster.id,
        name: format!("{number:04}"),
        slots,
        stream: StreamId::new(GroupId::new(0), stream),
        preferred,
        give_up: None,
        owned: None,
        revision: Revision::FIRST,
    })
}

fn replica(rest: &Rest, shard: ShardId, placed: Placed) -> Replica {
    Replica {
        shard,
        node: placed.node,
        address: placed.address,
        state: ReplicaState::Wanted,
        why: placed.why,
        since: rest.shared.now(),
        revision: Revision::FIRST,
    }
}
