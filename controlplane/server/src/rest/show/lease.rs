//! What the log told: its groups, and who owns which shard.

use tenure_admin as api;
use tenure_control_model::Shard;
use tenure_log::LogStatus;

use super::text::log_node;
use super::{View, data_node};

/// How a shard is owned; `None` for one without a cluster.
pub(in crate::rest) fn lease(view: &View<'_>, shard: &Shard) -> Option<api::Lease> {
    let cluster = view.cluster(shard.cluster)?;
    let stream = view.stream(shard.stream);
    let owned = view.owned(shard);
    let silent = stream.map(|stream| view.silent(stream).as_millis());
    Some(api::Lease {
        tenant: view.tenant_name(cluster.tenant),
        cluster: cluster.name.to_string(),
        shard: shard.name.clone(),
        stream: shard.stream.to_string(),
        epoch: owned.map_or(0, |(epoch, _)| epoch.get()),
        owner: owned.map(|(_, owner)| data_node(owner.node)),
        incarnation: owned.map(|(_, owner)| owner.incarnation.to_string()),
        lease_millis: stream.and_then(|stream| stream.lease).map(|lease| lease.as_millis()),
        silent_millis: silent.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
        released: stream.is_some_and(|stream| stream.released),
        tail: stream.and_then(|stream| stream.tail).map_or(0, |tail| tail.get()),
        retained_bytes: stream.map_or(0, |stream| stream.retained_bytes),
    })
}

/// The groups of the log.
pub(in crate::rest) fn log_groups(status: &LogStatus) -> api::LogGroups {
    let groups = status.groups.iter().map(|group| api::LogGroup {
        id: group.group.get(),
        leader: group.leader.map(log_node),
        voters: group.voters.iter().copied().map(log_node).collect(),
        committed: group.committed,
    });
    api::LogGroups {
        groups: groups.collect(),
    }
}
