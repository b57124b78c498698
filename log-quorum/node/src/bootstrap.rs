//! How a new quorum begins, and how an empty folder is kept from voting in an old one.
//! Promises: a node takes part only if its folder has taken part before, or if it saw the folder of every member new. So
//! a voter whose disk was wiped, started again with the same bootstrap file, finds the quorum begun and stays out for
//! good. Leaves to the operator: bringing all members up for the bootstrap, once, and replacing a lost voter.
//!
//! ```text
//!   FRESH ── every member was heard, none is BEGUN ──▶ READY ── the group has entries ──▶ BEGUN
//!     │                                                  └─ the first member, once all are READY, initializes
//!     └── a member is BEGUN: this folder is new in an old quorum. It never takes part.
//! ```
//!
//! Why it is safe. Only the first member initializes, when all are READY, and is BEGUN from then on. A folder that is
//! FRESH and meets a BEGUN member stays out. A folder that was wiped after its first vote meets one: the leader that
//! vote made, or whoever holds what was committed with it. If no member holds an entry, nothing was ever acknowledged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tenure_log_storage::QuorumId;
use tenure_types::{Incarnation, LeaseLength, NodeId};
use tenure_wire::log_v1::{self as wire, RaftStage};

use crate::generated::raft_client::RaftClient;
use crate::transport::Transport;

/// Longest that one question to a member may take.
const ASK_WITHIN: Duration = Duration::from_secs(1);
/// Time between two rounds of questions.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What all members of a new quorum are given, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// Drawn at random for this quorum.
    pub quorum: QuorumId,
    /// How many groups it has. Cannot be changed later.
    pub groups: u32,
    /// L_max: the longest lease that a fence may ask for. Cannot be changed later.
    pub lease_max: LeaseLength,
    /// The first voters.
    pub members: Vec<Member>,
}

/// One of the first voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub node: NodeId,
    /// Where its gRPC port is: `host:port`.
    pub address: String,
    /// The life of its data folder, drawn at random for this bootstrap.
    pub incarnation: Incarnation,
}

impl Bootstrap {
    /// The member with this name.
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.node == node)
    }

    /// The member that initializes the groups.
    pub fn first(&self) -> Option<&Member> {
        self.members.iter().min_by_key(|member| member.node)
    }
}

/// How far a node has come with taking part. Clones share it.
#[derive(Clone)]
pub(crate) struct Bootstrapping(Arc<Inner>);

struct Inner {
    stage: Mutex<RaftStage>,
    lives: BTreeMap<NodeId, Incarnation>,
}

/// Why a node with an empty folder does not take part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaysOut {
    /// The quorum has begun without this folder.
    #[error(
        "the quorum has begun: {member} holds entries of it, and the data folder of this node is new; a lost voter is replaced, never started again on an empty folder"
    )]
    Begun {
        /// Who said so.
        member: NodeId,
    },
    /// A member is not who the bootstrap says.
    #[error("{member} at {address} has another data folder than the bootstrap says")]
    OtherLife {
        /// Who it says it is.
        member: NodeId,
        /// Where it was asked.
        address: String,
    },
}

impl Bootstrapping {
    /// Begins at `stage`, with the first members as the bootstrap names them.
    pub(crate) fn new(stage: RaftStage, bootstrap: Option<&Bootstrap>) -> Self {
        let members = bootstrap
            .map(|bootstrap| bootstrap.members.as_slice())
            .unwrap_or_default();
        let lives = members.iter().map(|member| (member.node, member.incarnation)).collect();
        Self(Arc::new(Inner {
            stage: Mutex::new(stage),
            lives,
        }))
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> RaftStage {
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the node answers other voters.
    pub(crate) fn takes_part(&self) -> bool {
        match self.stage() {
            RaftStage::Ready | RaftStage::Begun => true,
            RaftStage::Fresh | RaftStage::Unspecified => false,
        }
    }

    /// The life of a member as the bootstrap names it.
    pub(crate) fn life_of(&self, node: NodeId) -> Option<Incarnation> {
        self.0.lives.get(&node).copied()
    }

    /// Goes on to `stage`.
    pub(crate) fn reach(&self, stage: RaftStage) {
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// Asks every other member, again and again, until all have come at least to `wanted`.
pub(crate) async fn wait_for_all(
    bootstrap: &Bootstrap,
    here: NodeId,
    transport: &Transport,
    wanted: RaftStage,
) -> Result<(), StaysOut> {
    for member in bootstrap.members.iter().filter(|member| member.node != here) {
        loop {
            match ask(bootstrap.quorum, member, transport).await {
                Some(hello) => {
                    if judge(member, &hello, wanted)? {
                        break;
                    }
                }
                None => tracing::debug!(member = %member.node, "a member does not answer yet"),
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    }
    Ok(())
}

/// Whether a member has come far enough.
fn judge(member: &Member, hello: &wire::RaftHelloResponse, wanted: RaftStage) -> Result<bool, StaysOut> {
    if hello.node != member.node.get() || Incarnation::new(hello.incarnation) != Some(member.incarnation) {
        return Err(StaysOut::OtherLife {
            member: NodeId::new(hello.node),
            address: member.address.clone(),
        });
    }
    match hello.stage() {
        RaftStage::Begun => Err(StaysOut::Begun { member: member.node }),
        stage @ (RaftStage::Fresh | RaftStage::Ready | RaftStage::Unspecified) => Ok(stage >= wanted),
    }
}

async fn ask(quorum: QuorumId, member: &Member, transport: &Transport) -> Option<wire::RaftHelloResponse> {
    let channel = transport.channel(member.node, &member.address).ok()?;
    let request = wire::RaftHelloRequest {
        quorum: Bytes::copy_from_slice(&quorum.get().to_be_bytes()),
    };
    let mut client = RaftClient::new(channel);
    let answered = tokio::time::timeout(ASK_WITHIN, client.hello(request)).await.ok()?;
    Some(answered.ok()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member {
            node: NodeId::new(2),
            address: "127.0.0.1:1".to_owned(),
            incarnation: Incarnation::new(22).unwrap(),
        }
    }

    fn hello(stage: RaftStage) -> wire::RaftHelloResponse {
        wire::RaftHelloResponse {
            quorum: Bytes::new(),
            node: 2,
            incarnation: 22,
            stage: stage.into(),
        }
    }

    #[test]
    fn a_new_folder_stays_out_of_a_quorum_that_has_begun() {
        for wanted in [RaftStage::Fresh, RaftStage::Ready] {
            let begun = judge(&member(), &hello(RaftStage::Begun), wanted);
            assert_eq!(begun, Err(StaysOut::Begun { member: NodeId::new(2) }));
        }
    }

    #[test]
    fn a_member_with_another_folder_is_not_waited_for() {
        let other = wire::RaftHelloResponse {
            incarnation: 23,
            ..hello(RaftStage::Fresh)
        };
        assert!(matches!(
            judge(&member(), &other, RaftStage::Fresh),
            Err(StaysOut::OtherLife { .. })
        ));
    }

    #[test]
    fn a_member_is_waited_for_until_it_has_come_far_enough() {
        let far_enough = |stage, wanted| judge(&member(), &hello(stage), wanted).unwrap();
        assert!(far_enough(RaftStage::Fresh, RaftStage::Fresh));
        assert!(far_enough(RaftStage::Ready, RaftStage::Fresh));
        assert!(!far_enough(RaftStage::Fresh, RaftStage::Ready));
        assert!(far_enough(RaftStage::Ready, RaftStage::Ready));
    }
}
