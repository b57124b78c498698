//! Where the log nodes are, and the connections to them.
//! Promises: a connection is made when it is first used, and again after it broke; nothing is sent over one that was
//! forgotten. Leaves to others: which node to ask.

use std::sync::{Arc, Mutex, PoisonError};

use tenure_types::NodeId;
use tonic::transport::Channel;

use crate::generated::log_client::LogClient;
use crate::transport::{Transport, TransportError};

/// Most bytes in one message from a node: a record at its largest, or the answers of many calls.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// A log node and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    /// Its name, as in its certificate.
    pub id: NodeId,
    /// `host:port`.
    pub address: String,
}

/// All log nodes, in the order in which they are named.
#[derive(Debug)]
pub(super) struct Nodes {
    transport: Transport,
    nodes: Vec<NodeAddress>,
}

impl Nodes {
    pub(super) fn new(transport: Transport, nodes: Vec<NodeAddress>) -> Self {
        Self { transport, nodes }
    }

    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.nodes.iter().map(|node| node.id).collect()
    }

    /// The name of a node; `None` if there are not so many.
    pub(super) fn id(&self, index: usize) -> Option<NodeId> {
        self.nodes.get(index).map(|node| node.id)
    }

    /// A connection of its own to the node. Must be called on a runtime.
    pub(super) fn connect(&self, index: usize) -> Result<Channel, ConnectError> {
        let node = self.nodes.get(index).ok_or(ConnectError::NoNode)?;
        Ok(self.transport.channel(node.id, &node.address)?)
    }
}

/// What makes calls over a connection.
pub(super) fn client(channel: Channel) -> LogClient<Channel> {
    LogClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// There is nothing to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// No node has this place in the list.
    #[error("there is no such log node")]
    NoNode,
    /// The address or the credentials are unusable.
    #[error("a connection cannot be made")]
    Transport(#[from] TransportError),
}

/// The connections for one class of calls, of one group or about all: one to each node.
pub(super) struct Connections {
    nodes: Arc<Nodes>,
    channels: Mutex<Vec<Option<Channel>>>,
}

impl Connections {
    pub(super) fn new(nodes: Arc<Nodes>) -> Self {
        let channels = Mutex::new(vec![None; nodes.count()]);
        Self { nodes, channels }
    }

    /// What makes calls to a node. Must be called on a runtime.
    pub(super) fn client(&self, index: usize) -> Result<LogClient<Channel>, ConnectError> {
        self.channel(index).map(client)
    }

    /// The connection to a node. Must be called on a runtime.
    pub(super) fn channel(&self, index: usize) -> Result<Channel, ConnectError> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let place = channels.get_mut(index).ok_or(ConnectError::NoNode)?;
        if let Some(channel) = place {
            return Ok(channel.clone());
        }
        let channel = self.nodes.connect(index)?;
        *place = Some(channel.clone());
        Ok(channel)
    }

    /// The next call to the node goes over a new connection: this one is there, but nobody answers on it.
    pub(super) fn forget(&self, index: usize) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = channels.get_mut(index) {
            *place = None;
        }
    }

    pub(super) fn nodes(&self) -> &Nodes {
        &self.nodes
    }
}
