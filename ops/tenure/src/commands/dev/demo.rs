//! The cluster of a `tenure dev`: made by the control plane's API, as any other, and looked up there.
//! Promises: a cluster that is there already stays as it is; no wait is without a bound. Leaves to the control plane: everything
//! else.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use tenure_admin::calls;
use tenure_admin::{ClientError, CreateCluster, CreateTenant, Node, Operation, OperationState, Shard};
use tenure_engine::SLOTS;
use tenure_server::{ClusterLayout, ClusterLimits, ReplicaLayout, ServerCertificate, ShardLayout, SlotRange};
use tenure_types::{NodeId, TenantId};

use super::kept::Kept;
use super::platform::DEMO;
use crate::api_client::{ApiClient, CallError};
use crate::failure::{DEFECT, Failure, OrHint};

/// Longest wait for a state of the platform. Generous: the machine may be busy with others.
const WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
const WAIT: Duration = Duration::from_secs(10);
/// More than any dev has.
const ALL: usize = 10_000;

/// Makes tenant and cluster, unless they are there. Returns when the cluster serves.
pub(super) fn make(api: &ApiClient, kept: &Kept) -> Result<(), Failure> {
    if is_there(api)? {
        return Ok(());
    }
    until_nodes_live(api, kept.shape.data_nodes)?;
    let tenant = CreateTenant { name: DEMO.to_owned() };
    match api.try_send(calls::create_tenant(&tenant), Duration::ZERO) {
        Ok(_) => {}
        // A start before this one got as far.
        Err(error) if code_of(&error) == Some("already-exists") => {}
        Err(error) => return Err(api.failure(error)),
    }
    let shape = kept.shape;
    let cluster = CreateCluster {
        name: DEMO.to_owned(),
        shards: Some(shape.shards),
        replicas: u8::try_from(shape.replicas).ok(),
        memory_bytes: u64::try_from(shape.shard_memory_bytes()).ok(),
        eviction_policy: None,
        tls: Some(shape.tls),
        password: kept.password.clone(),
    };
    let change = api.send(calls::create_cluster(DEMO, &cluster, false))?;
    match change.operation {
        Some(operation) => until_over(api, operation),
        None => Err(Failure::new(
            anyhow!("the control plane made a cluster without an operation"),
            DEFECT,
        )),
    }
}

/// Where its shards are. Their `primary` is the node that is preferred.
pub(super) fn layout(api: &ApiClient, kept: &Kept) -> Result<ClusterLayout, Failure> {
    let shards = api.all(ALL, |page| calls::list_shards(DEMO, DEMO, page))?.items;
    let shards = shards
        .iter()
        .map(shard)
        .collect::<anyhow::Result<_>>()
        .or_hint(DEFECT)?;
    Ok(ClusterLayout {
        name: DEMO.to_owned(),
        tenant: TenantId::new(0),
        seed: 0,
        users: Vec::new(),
        limits: ClusterLimits::default(),
        // Nobody serves by it: it only tells whether there is TLS.
        tls: kept.shape.tls.then(|| ServerCertificate {
            certificate_pem: String::new(),
            key_pem: String::new(),
        }),
        shards,
        plugins: Vec::new(),
    })
}

fn is_there(api: &ApiClient) -> Result<bool, Failure> {
    match api.try_send(calls::get_cluster(DEMO, DEMO), Duration::ZERO) {
        Ok(cluster) => {
            if let Some(operation) = cluster.operation {
                let operation = api.send(calls::get_operation(&operation, None))?;
                until_over(api, operation)?;
            }
            Ok(true)
        }
        Err(error) if code_of(&error) == Some("not-found") => Ok(false),
        Err(error) => Err(api.failure(error)),
    }
}

fn until_nodes_live(api: &ApiClient, count: u16) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let nodes: Vec<Node> = api.all(ALL, calls::list_nodes)?.items;
        let alive = nodes.iter().filter(|node| node.alive).count();
        if alive >= usize::from(count) {
            return Ok(());
        }
        if begun.elapsed() > WITHIN {
            let error = anyhow!("only {alive} of {count} data nodes have called the control plane");
            return Err(Failure::new(error, "see output.log of the data nodes"));
        }
        sleep(LOOK_AGAIN_AFTER);
    }
}

fn until_over(api: &ApiClient, mut operation: Operation) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        match operation.state {
            OperationState::Succeeded => return Ok(()),
            OperationState::Failed => {
                let why = operation
                    .error
                    .map_or_else(|| "nobody knows why".to_owned(), |error| error.detail);
                return Err(Failure::new(
                    anyhow!("the cluster was not made: {why}"),
                    "see output.log of control-1",
                ));
            }
            OperationState::Pending | OperationState::Running if begun.elapsed() > WITHIN => {
                let waits = operation.steps.iter().rfind(|step| !step.detail.is_empty());
                let waits = waits.map_or("it has not begun", |step| step.detail.as_str());
                return Err(Failure::new(
                    anyhow!("the cluster does not serve: {waits}"),
                    "see output.log of the nodes",
                ));
            }
            OperationState::Pending | OperationState::Running => {}
        }
        let next = api.try_send(calls::get_operation(&operation.id, Some(WAIT)), WAIT);
        operation = next.map_err(|error| api.failure(error))?;
    }
}

fn code_of(error: &CallError) -> Option<&str> {
    match error {
        CallError::Answered(ClientError::Problem(problem)) => Some(&problem.code),
        CallError::Answered(_) | CallError::Unreachable { .. } => None,
    }
}

fn shard(shard: &Shard) -> anyhow::Result<ShardLayout> {
    let replicas = shard
        .replicas
        .iter()
        .filter(|replica| replica.role != tenure_admin::ReplicaRole::Leaving);
    let replicas = replicas.map(|replica| {
        Ok(ReplicaLayout {
            node: node(&replica.node)?,
            address: replica.address.parse()?,
        })
    });
    Ok(ShardLayout {
        name: shard.name.clone(),
        stream: shard.stream.parse()?,
        slots: shard
            .slots
            .iter()
            .map(|slots| range(slots))
            .collect::<anyhow::Result<_>>()?,
        primary: node(&shard.preferred)?,
        replicas: replicas.collect::<anyhow::Result<_>>()?,
        give_up: None,
    })
}

fn node(name: &str) -> anyhow::Result<NodeId> {
    match name.strip_prefix("data-").map(str::parse) {
        Some(Ok(number)) => Ok(NodeId::new(number)),
        _ => bail!("{name:?} is no data node"),
    }
}

fn range(slots: &str) -> anyhow::Result<SlotRange> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    let (first, last) = (first.parse()?, last.parse()?);
    ensure!(first <= last && last < SLOTS, "{slots:?} are no slots");
    Ok(SlotRange { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_nodes_are_read_as_the_api_writes_them() {
        let read = |slots| range(slots).map(|range| (range.first, range.last)).ok();
        assert_eq!(read("0-8191"), Some((0, 8191)));
        assert_eq!(read("7"), Some((7, 7)));
        for wrong in ["", "8-7", "0-16384", "a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(node("data-3").unwrap(), NodeId::new(3));
        assert!(node("log-3").is_err());
    }
}
