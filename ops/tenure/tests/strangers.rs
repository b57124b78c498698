//! Who may speak for a voter: only who has its certificate, its folder, and its quorum.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quorum;

use std::sync::Arc;
use std::time::Duration;

use tenure_devcluster::Authority;
use tenure_log::Log;
use tenure_log_node::transport::{Credentials, Patience, TcpDial, Transport};
use tenure_log_node::{ClientOptions, NodeAddress, QuorumLog};
use tenure_types::NodeId;
use tenure_wire::log_v1 as wire;
use tonic::Code;

use self::quorum::{Quorum, block_on, leader};

fn transport(credentials: Credentials) -> Transport {
    let patience = Patience {
        connect: Duration::from_secs(1),
        silence: Duration::from_secs(5),
    };
    Transport::new(Arc::new(TcpDial), Some(credentials), patience)
}

/// Asks node 1 what vote it gave last, as another voter would.
async fn ask_for_a_vote(quorum: &Quorum, credentials: Credentials, caller: wire::RaftCaller) -> Result<(), Code> {
    let address = quorum.nodes.lock().await.address(NodeId::new(1)).unwrap().to_string();
    let channel = transport(credentials).channel(NodeId::new(1), &address).unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = wire::RaftConfirmRequest { caller: Some(caller) };
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/tenure.log.v1.Raft/Confirm");
    let codec = tonic_prost::ProstCodec::<wire::RaftConfirmRequest, wire::RaftConfirmResponse>::default();
    let answered = client.unary(tonic::Request::new(request), path, codec).await;
    answered.map(|_| ()).map_err(|status| status.code())
}

/// Node 2 as its bootstrap file names it, calling node 1.
fn as_node_2(quorum: &Quorum) -> wire::RaftCaller {
    let (quorum_id, incarnation) = quorum.bootstrapped(NodeId::new(2));
    wire::RaftCaller {
        group: 0,
        quorum: quorum_id.get().to_be_bytes().to_vec().into(),
        node: 2,
        incarnation: incarnation.get(),
        target: 1,
    }
}

#[test]
fn a_voter_is_heard_and_nobody_else_in_its_name() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        leader(quorum.client().as_ref(), |_| true).await;
        let caller = as_node_2(&quorum);
        let (node_2, node_3, data_node) = {
            let nodes = quorum.nodes.lock().await;
            let authority = nodes.authority();
            (
                authority.log_node(NodeId::new(2)).unwrap(),
                authority.log_node(NodeId::new(3)).unwrap(),
                authority.data_node(NodeId::new(2)).unwrap(),
            )
        };
        assert_eq!(ask_for_a_vote(&quorum, node_2.clone(), caller.clone()).await, Ok(()));
        for other in [node_3, data_node] {
            let refused = ask_for_a_vote(&quorum, other, caller.clone()).await;
            assert_eq!(refused, Err(Code::PermissionDenied), "with another's certificate");
        }
        let other_life = wire::RaftCaller {
            incarnation: caller.incarnation ^ 1,
            ..caller.clone()
        };
        let other_quorum = wire::RaftCaller {
            quorum: vec![0; 16].into(),
            ..caller.clone()
        };
        let unknown = wire::RaftCaller {
            node: 9,
            ..caller.clone()
        };
        for stranger in [other_life, other_quorum, unknown] {
            let refused = ask_for_a_vote(&quorum, node_2.clone(), stranger).await;
            assert_eq!(refused, Err(Code::PermissionDenied));
        }
        let misdirected = wire::RaftCaller { target: 3, ..caller };
        let refused = ask_for_a_vote(&quorum, node_2, misdirected).await;
        assert_eq!(refused, Err(Code::FailedPrecondition));
    });
}

#[test]
fn a_caller_of_another_authority_is_not_let_in() {
    block_on(async {
        let quorum = Quorum::start(|_| {}).await;
        let stranger = Authority::new().unwrap().data_node(NodeId::new(101)).unwrap();
        let peers = quorum
            .nodes
            .lock()
            .await
            .addresses()
            .into_iter()
            .map(|(id, address)| NodeAddress {
                id,
                address: address.to_string(),
            })
            .collect();
        let options = ClientOptions {
            call_deadline: Duration::from_secs(1),
            ..ClientOptions::default()
        };
        let runtime = tokio::runtime::Handle::current();
        let log = QuorumLog::new(transport(stranger), peers, options, &runtime).unwrap();
        assert!(log.status().await.is_err());
    });
}
