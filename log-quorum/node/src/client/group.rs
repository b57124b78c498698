//! One log group, as a client holds it: the way in for its calls, and its connections.
//! Promises: its task lives until its queue is closed and what was submitted is answered.

use std::sync::Arc;

use tenure_types::GroupId;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::known::KnownLeader;
use super::nodes::{Connections, Nodes};
use super::options::ClientOptions;
use super::queue::Queue;
use super::submitter::Submitter;

/// Most requests for renewals or descriptions of one group without an answer. A node makes one per L/6, and each has
/// its deadline, so more wait only where nobody answers.
const ASKED_AT_ONCE_MAX: usize = 64;

/// A group that calls can be submitted to.
pub(super) struct Group {
    /// Its name.
    pub(super) id: GroupId,
    /// For logged calls.
    pub(super) queue: Arc<Queue>,
    /// The node that was last known to lead.
    pub(super) leader: Arc<KnownLeader>,
    /// For renewals and descriptions.
    pub(super) confirming: Connections,
    /// One for each request that may be made on `confirming`.
    pub(super) asking: Arc<Semaphore>,
    /// For readers.
    pub(super) tailing: Connections,
}

impl Group {
    /// Starts the task of a group on `runtime`.
    pub(super) fn start(id: GroupId, nodes: &Arc<Nodes>, options: &ClientOptions, runtime: &Handle) -> Self {
        let connections = || Connections::new(Arc::clone(nodes));
        let queue = Arc::new(Queue::new(options));
        // Groups begin with different nodes: leaders are spread.
        let number = usize::try_from(id.get()).unwrap_or(0);
        let leader = Arc::new(KnownLeader::guess(number.checked_rem(nodes.count()).unwrap_or(0)));
        let submitter = Submitter::new(id, Arc::clone(&queue), Arc::clone(&leader), connections(), options);
        runtime.spawn(submitter.run());
        Self {
            id,
            queue,
            leader,
            confirming: connections(),
            asking: Arc::new(Semaphore::new(ASKED_AT_ONCE_MAX)),
            tailing: connections(),
        }
    }
}
