//! A failover as far as the log is concerned: a fence for another owner, as a control plane asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tenure_devcluster::Authority;
use tenure_log::{Fence, Log, Nomination, Ownership};
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_types::{GroupId, Incarnation, LeaseLength, NodeId, Owner, StreamId};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::{Dev, LOOK_AGAIN_AFTER, SOON};

/// Makes `node` the owner of a shard, the first of which is 0. It need not run.
pub(crate) async fn take_over(dev: &Dev, shard: usize, node: NodeId) {
    let stream = StreamId::new(GroupId::new(0), u32::try_from(shard).unwrap() + 1);
    let log = log(dev);
    let taking = async {
        // An answer that did not come says nothing, so the log is asked.
        loop {
            match ownership(&log, stream).await {
                Some(current) if current.owner.node == node => return,
                Some(current) => drop(log.fence(fence(stream, &current, node)).await),
                None => sleep(LOOK_AGAIN_AFTER).await,
            }
        }
    };
    timeout(SOON, taking).await.expect("the log names another owner");
}

fn fence(stream: StreamId, current: &Ownership, node: NodeId) -> Fence {
    Fence {
        stream,
        expect_epoch: current.epoch,
        owner: Owner {
            node,
            incarnation: Incarnation::new(u64::MAX).unwrap(),
        },
        lease: LeaseLength::from_millis(100).unwrap(),
        nomination: Nomination::ByControlPlane,
    }
}

async fn ownership(log: &QuorumLog, stream: StreamId) -> Option<Ownership> {
    let answer = log.describe(vec![stream]).next().await?;
    answer.outcome.ok()??.description.ownership
}

/// A client of the platform's log, which needs no data node.
fn log(dev: &Dev) -> QuorumLog {
    let authority = Authority::kept_in(&dev.folder()).unwrap();
    let patience = Patience {
        connect: Duration::from_secs(1),
        silence: Duration::from_secs(1),
    };
    let credentials = authority.data_node(NodeId::new(99)).unwrap();
    let transport = Transport::new(Arc::new(TcpDial), Some(credentials), patience);
    let contract = dev.contract();
    let ports = contract["processes"].as_array().unwrap().iter();
    let ports: BTreeMap<_, _> = ports
        .filter(|process| process["role"] == "log")
        .map(|process| {
            (
                process["name"].as_str().unwrap(),
                process["ports"]["grpc"].as_u64().unwrap(),
            )
        })
        .collect();
    let nodes = ports.into_iter().map(|(name, port)| NodeAddress {
        id: NodeId::new(name.strip_prefix("log-").unwrap().parse().unwrap()),
        address: format!("127.0.0.1:{port}"),
    });
    QuorumLog::new(transport, nodes.collect(), ClientOptions::default(), &Handle::current()).unwrap()
}
