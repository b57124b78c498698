//! Shards and their replicas.

use tenure_admin as api;
use tenure_control_model::{Cluster, Replica, ReplicaState, Shard, Standing};

use super::text::slots;
use super::{View, data_node};

/// All shards of a cluster, by name.
pub(in crate::rest) fn shards(view: &View<'_>, cluster: &Cluster) -> Vec<api::Shard> {
    let shards = view.shards_of(cluster.id).iter();
    shards.map(|shard| show(view, cluster, shard)).collect()
}

/// What a replica is.
pub(super) fn role(view: &View<'_>, shard: &Shard, replica: &Replica) -> api::ReplicaRole {
    if !view.is_alive(replica.node) {
        return api::ReplicaRole::Lost;
    }
    if replica.state == ReplicaState::Leaving {
        return api::ReplicaRole::Leaving;
    }
    match view.seen(replica.node, shard.stream).map(|seen| seen.standing) {
        None => api::ReplicaRole::Pending,
        Some(Standing::Loading) => api::ReplicaRole::Loading,
        // Its word may be older than its end as a primary: the log knows better.
        Some(Standing::Primary) if !is_owner(view, shard, replica) => api::ReplicaRole::Lapsed,
        Some(Standing::Primary) => api::ReplicaRole::Primary,
        Some(Standing::Replica) => api::ReplicaRole::Replica,
        Some(Standing::Lapsed) => api::ReplicaRole::Lapsed,
        Some(Standing::Broken) => api::ReplicaRole::Broken,
    }
}

/// Also if nobody knows who owns it.
fn is_owner(view: &View<'_>, shard: &Shard, replica: &Replica) -> bool {
    view.owned(shard).is_none_or(|(_, owner)| owner.node == replica.node)
}

fn show(view: &View<'_>, cluster: &Cluster, shard: &Shard) -> api::Shard {
    let owned = view.owned(shard);
    let stream = view.stream(shard.stream);
    let silent = stream.map(|stream| view.silent(stream));
    let tail = stream.and_then(|stream| stream.tail).map_or(0, |tail| tail.get());
    let replicas = view.replicas_of(shard.id).iter();
    api::Shard {
        id: shard.id.to_string(),
        name: shard.name.clone(),
        slots: shard.slots.iter().map(slots).collect(),
        stream: shard.stream.to_string(),
        epoch: owned.map_or(0, |(epoch, _)| epoch.get()),
        owner: owned.map(|(_, owner)| data_node(owner.node)),
        preferred: data_node(shard.preferred),
        silent_millis: silent.map(|silent| u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)),
        tail,
        replicas: replicas
            .map(|replica| show_replica(view, cluster, shard, replica, tail))
            .collect(),
    }
}

fn show_replica(view: &View<'_>, cluster: &Cluster, shard: &Shard, replica: &Replica, tail: u64) -> api::Replica {
    let seen = view.seen(replica.node, shard.stream);
    let lsn = seen.and_then(|seen| seen.lsn).map_or(0, |lsn| lsn.get());
    api::Replica {
        node: data_node(replica.node),
        zone: view.zone_of(replica.node).unwrap_or_default().to_owned(),
        address: replica.address.to_string(),
        role: role(view, shard, replica),
        lsn,
        lag_records: tail.saturating_sub(lsn),
        keys: seen.map_or(0, |seen| seen.keys),
        memory_bytes: seen.map_or(0, |seen| seen.memory_bytes),
        clients: seen.map_or(0, |seen| seen.clients),
        why: replica.why.clone(),
        problem: problem(view, cluster, shard, replica),
    }
}

fn problem(view: &View<'_>, cluster: &Cluster, shard: &Shard, replica: &Replica) -> Option<String> {
    let refusals = &view.report_of(replica.node)?.refusals;
    let of_shard = refusals.iter().find(|refusal| refusal.stream == Some(shard.stream));
    let of_cluster = || {
        let tenant = view.tenant_number(cluster.tenant)?;
        refusals
            .iter()
            .find(|refusal| refusal.is_of_whole(tenant, &cluster.name))
    };
    of_shard.or_else(of_cluster).map(|refusal| refusal.reason.clone())
}
