//! Who this node is to its colleagues, and whether a caller is who the group takes it for.
//! Promises: a call of another quorum, for another node, or of a node whose data folder is not the one the group knows, is
//! refused with the reason. So a voter that lost its disk cannot vote again as if nothing had happened.

use bytes::Bytes;
use rustls_pki_types::ServerName;
use tenure_log_storage::QuorumId;
use tenure_types::{GroupId, Incarnation, NodeId};
use tenure_wire::log_v1 as wire;
use tonic::transport::server::TlsConnectInfo;
use webpki::EndEntityCert;

use crate::transport::server_name;

/// A log node as it names itself in every call to a colleague.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Its quorum.
    pub quorum: QuorumId,
    /// Its name.
    pub node: NodeId,
    /// The life of its data folder.
    pub incarnation: Incarnation,
}

/// Why a colleague's call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stranger {
    /// The message names no caller.
    #[error("the call does not say who calls")]
    Nobody,
    /// It belongs to another quorum.
    #[error("the call is of another quorum; this node belongs to {quorum}")]
    OtherQuorum {
        /// This node's.
        quorum: QuorumId,
    },
    /// It was meant for another node.
    #[error("the call is meant for {meant}, this is {here}")]
    Misdirected {
        /// Whom it names.
        meant: NodeId,
        /// Who this is.
        here: NodeId,
    },
    /// No member of the group has that name.
    #[error("{node} is no member of the group")]
    Unknown {
        /// Who calls.
        node: NodeId,
    },
    /// Its certificate is another's, or it showed none.
    #[error("the caller says it is {node}, and its certificate does not")]
    NotCertified {
        /// Who it says it is.
        node: NodeId,
    },
    /// Its data folder is another one than the group knows.
    #[error("{node} comes with another data folder than the group knows; replace the voter, it must not come back")]
    OtherLife {
        /// Who calls.
        node: NodeId,
    },
}

/// What a caller must show beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A certificate of its own. Any certificate of the authority lets a caller in; only a voter's lets it vote.
    Certificate,
    /// Nothing: the connection is not encrypted, as in the simulation.
    Nothing,
}

impl Proof {
    /// Judges the certificates that a connection was opened with.
    pub(crate) fn judge(self, shown: Option<&TlsConnectInfo<()>>, node: NodeId) -> Result<(), Stranger> {
        match self {
            Self::Nothing => Ok(()),
            Self::Certificate if is_certified(shown, node) => Ok(()),
            Self::Certificate => Err(Stranger::NotCertified { node }),
        }
    }
}

/// Whether the first certificate, which the handshake proved, is for the name of `node`.
fn is_certified(shown: Option<&TlsConnectInfo<()>>, node: NodeId) -> bool {
    let certificates = shown.and_then(TlsConnectInfo::peer_certs).unwrap_or_default();
    let certificate = certificates.first().and_then(|der| EndEntityCert::try_from(der).ok());
    let name = ServerName::try_from(server_name(node)).ok();
    match (certificate, name) {
        (Some(certificate), Some(name)) => certificate.verify_is_valid_for_subject_name(&name).is_ok(),
        _ => false,
    }
}

impl Caller {
    /// How it names itself in a call about `group` to `target`.
    pub(crate) fn to(&self, group: GroupId, target: NodeId) -> wire::RaftCaller {
        wire::RaftCaller {
            group: group.get(),
            quorum: Bytes::copy_from_slice(&self.quorum.get().to_be_bytes()),
            node: self.node.get(),
            incarnation: self.incarnation.get(),
            target: target.get(),
        }
    }

    /// Judges a call that came to this node. `known` gives the life of a member, as the group has it.
    pub(crate) fn admit(
        &self,
        caller: Option<&wire::RaftCaller>,
        known: impl FnOnce(NodeId) -> Option<Incarnation>,
    ) -> Result<GroupId, Stranger> {
        let caller = caller.ok_or(Stranger::Nobody)?;
        if caller.quorum[..] != self.quorum.get().to_be_bytes()[..] {
            return Err(Stranger::OtherQuorum { quorum: self.quorum });
        }
        let (node, meant) = (NodeId::new(caller.node), NodeId::new(caller.target));
        if meant != self.node {
            return Err(Stranger::Misdirected { meant, here: self.node });
        }
        let life = known(node).ok_or(Stranger::Unknown { node })?;
        if Incarnation::new(caller.incarnation) != Some(life) {
            return Err(Stranger::OtherLife { node });
        }
        Ok(GroupId::new(caller.group))
    }
}
