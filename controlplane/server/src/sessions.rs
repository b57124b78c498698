//! Sessions of data nodes: their reports up, what they are to host down.
//! Promises: a node is who its certificate says; of two sessions of one node the newer one counts; a node is told of every
//! change of what it is to host, and of nothing else; it is given the modules that it was told of, and no others. What nodes say is in
//! SQL within a fraction of a second.
//! Leaves to reconcilers: what to make of it.

mod book;
mod module;
mod peer;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tenure_control_model::{Change, Expect, Node, NodePolicy, PortRange, Revision, World, Write};
use tenure_control_store::StoreError;
use tenure_types::NodeId;
use tenure_wire::control_v1::{self as wire, down, up};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{info, warn};

use self::book::Entry;
pub(crate) use self::book::{Book, write_down};
pub(crate) use self::module::Transfers;
use crate::convert::{self, Offer};
use crate::desired::desired;
use crate::generated::nodes_server::Nodes;
use crate::shared::Shared;

/// How long a node may take for its first message.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How often a registration is tried that meets another change of the node's row.
const REGISTER_TRIES: u32 = 8;
/// Messages to a node that wait to be sent. A newer desired state makes an older one needless, so one is enough.
const DOWN_MAX: usize = 1;

/// The service that nodes call.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(crate) shared: Shared,
    pub(crate) book: Arc<Book>,
    /// The newest world that was read; `None` before the first.
    pub(crate) world: watch::Receiver<Option<Arc<World>>>,
    pub(crate) transfers: Transfers,
}

#[tonic::async_trait]
impl Nodes for Sessions {
    type SessionStream = ReceiverStream<Result<wire::Down, Status>>;

    async fn session(&self, request: Request<Streaming<wire::Up>>) -> Result<Response<Self::SessionStream>, Status> {
        let peer = peer::Peer::of(&request);
        let mut ups = request.into_inner();
        let hello = tokio::time::timeout(HELLO_WITHIN, ups.message()).await;
        let hello = match hello.map_err(|_| Status::deadline_exceeded("no Hello came"))?? {
            Some(wire::Up {
                message: Some(up::Message::Hello(hello)),
            }) => hello,
            _ => return Err(Status::invalid_argument("the first message of a session is a Hello")),
        };
        let offer = convert::offer(hello).map_err(|nonsense| Status::invalid_argument(nonsense.to_string()))?;
        if !peer.is_data_node(offer.node) {
            warn!(node = %offer.node, "a caller says that it is a node that its certificate does not name");
            let expected = crate::authority::data_node_name(offer.node);
            return Err(Status::permission_denied(format!(
                "the certificate does not name {expected}"
            )));
        }
        self.register(&offer).await.map_err(|error| {
            warn!(node = %offer.node, error = crate::error_chain(&error), "a node could not be registered");
            match error {
                NotRegistered::Store(_) => Status::unavailable("the database of the control plane does not answer"),
                NotRegistered::PortsTaken { .. } => Status::invalid_argument(error.to_string()),
            }
        })?;
        info!(node = %offer.node, process = format!("{:016x}", offer.process), "a session began");
        let (downs, stream) = mpsc::channel(DOWN_MAX);
        let entry = self.book.begin(offer.node);
        tokio::spawn(self.clone().serve(entry, ups, downs));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    type ModuleStream = ReceiverStream<Result<wire::ModulePart, Status>>;

    async fn module(&self, request: Request<wire::ModuleRequest>) -> Result<Response<Self::ModuleStream>, Status> {
        let peer = peer::Peer::of(&request);
        let world = self.world.borrow().clone();
        let plugin = world.and_then(|world| module::told_of(&world, &peer, &request.get_ref().sha256));
        let plugin =
            plugin.ok_or_else(|| Status::not_found("this node was not told to run a plugin with this hash"))?;
        let stream = self.transfers.begin(&self.shared, plugin).await?;
        Ok(Response::new(stream))
    }
}

/// Why a node was not registered.
#[derive(Debug, thiserror::Error)]
enum NotRegistered {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two replicas would be told to listen on one port.
    #[error("{by} offers some of the same ports of {host}: give each data node on a host ports of its own")]
    PortsTaken {
        /// Who was first.
        by: NodeId,
        /// Where.
        host: IpAddr,
    },
}

fn share_a_port(one: &Node, other: &Node) -> bool {
    let overlaps = |a: &PortRange, b: &PortRange| a.first <= b.last && b.first <= a.last;
    one.host == other.host && one.ports.iter().any(|a| other.ports.iter().any(|b| overlaps(a, b)))
}

impl Sessions {
    /// Puts down what a node offers.
    async fn register(&self, offer: &Offer) -> Result<(), NotRegistered> {
        for _ in 1..REGISTER_TRIES {
            match self.try_to_register(offer).await {
                Err(NotRegistered::Store(StoreError::Conflict { .. })) => {}
                outcome => return outcome,
            }
        }
        self.try_to_register(offer).await
    }

    async fn try_to_register(&self, offer: &Offer) -> Result<(), NotRegistered> {
        let nodes = self.shared.store.nodes().await?.into_iter().map(|(node, _)| node);
        let nodes: Vec<Node> = nodes.collect();
        let known = nodes.iter().find(|node| node.id == offer.node);
        let now = self.shared.now();
        let node = Node {
            id: offer.node,
            zone: offer.zone.clone(),
            host: offer.host,
            ports: offer.ports.clone(),
            memory_bytes: offer.memory_bytes,
            policy: known.map_or(NodePolicy::Active, |known| known.policy),
            process: offer.process,
            version: offer.version.clone(),
            registered_at: known.map_or(now, |known| known.registered_at),
            // Only a report shows that it lives: what is there of it may be of a life before.
            seen_at: known.map_or(now, |known| known.seen_at),
            revision: Revision::FIRST,
        };
        let others = nodes.iter().filter(|other| other.id != node.id);
        if let Some(other) = others.into_iter().find(|other| share_a_port(other, &node)) {
            return Err(NotRegistered::PortsTaken {
                by: other.id,
                host: node.host,
            });
        }
        let expect = known.map_or(Expect::Absent, |known| Expect::Revision(known.revision));
        self.shared
            .store
            .apply(Change::default().with(Write::PutNode(node, expect)))
            .await?;
        self.shared.wake.notify_one();
        Ok(())
    }

    async fn serve(
        self,
        mut entry: Entry,
        mut ups: Streaming<wire::Up>,
        downs: mpsc::Sender<Result<wire::Down, Status>>,
    ) {
        let node = entry.node();
        let _counted = self.shared.metrics.session();
        let mut told = Told::default();
        let mut world = self.world.clone();
        // The world that is there counts too.
        world.mark_changed();
        loop {
            tokio::select! {
                () = entry.superseded() => {
                    info!(%node, "a newer session took the place of this one");
                    return;
                }
                message = ups.message() => match message {
                    Ok(Some(wire::Up { message: Some(up::Message::Report(report)) })) => {
                        self.hear(&entry, &mut told, report);
                    }
                    Ok(Some(_)) => warn!(%node, "a message that has no place in a session was skipped"),
                    Ok(None) => {
                        info!(%node, "a session ended");
                        return;
                    }
                    Err(status) => {
                        info!(%node, %status, "a session broke");
                        return;
                    }
                },
                changed = world.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let newest = world.borrow_and_update().clone();
                    if let Some(desired) = newest.and_then(|newest| told.news(&newest, node)) {
                        info!(%node, generation = desired.generation, "told a node what to host");
                        let down = wire::Down { message: Some(down::Message::Desired(desired)) };
                        if downs.send(Ok(down)).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn hear(&self, entry: &Entry, told: &mut Told, report: wire::Report) {
        match convert::report(entry.node(), self.shared.now(), report) {
            Ok(mut report) => {
                report.generation = told.as_of_now(report.generation);
                if entry.heard(report) {
                    self.shared.wake.notify_one();
                }
            }
            Err(nonsense) => warn!(node = %entry.node(), %nonsense, "a report makes no sense and was skipped"),
        }
    }
}

/// What a session has told its node.
#[derive(Debug, Default)]
struct Told {
    /// The newest, as it was sent.
    newest: Option<wire::Desired>,
    /// The newest generation in which that is still what the node is to host.
    holds_until: u64,
}

impl Told {
    /// What the node is to be told, if this world has it host something else than before. The first time always.
    fn news(&mut self, world: &World, node: NodeId) -> Option<wire::Desired> {
        if self.newest.is_some() && world.generation == self.holds_until {
            return None;
        }
        let new = desired(world, node);
        let is_news = self.newest.as_ref().is_none_or(|told| told.clusters != new.clusters);
        self.holds_until = new.generation;
        if !is_news {
            return None;
        }
        self.newest = Some(new.clone());
        Some(new)
    }

    /// Which generation a node has that says it has `generation`: what was not news to it needs no telling.
    fn as_of_now(&self, generation: u64) -> u64 {
        match &self.newest {
            Some(told) if told.generation == generation => self.holds_until,
            _ => generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHOP, world};

    #[test]
    fn a_node_is_told_once_and_again_only_of_what_is_news_to_it() {
        let (mut told, mut world, node) = (Told::default(), world(), NodeId::new(1));
        assert_eq!(told.news(&world, node).unwrap().generation, 7);
        world.generation = 9;
        assert_eq!(told.news(&world, node), None, "something that others host");
        world.clusters[SHOP].spec.memory_bytes += 1;
        world.generation = 10;
        assert_eq!(told.news(&world, node).unwrap().generation, 10);
        let mut nothing = Told::default();
        assert_eq!(
            nothing.news(&world, NodeId::new(9)).unwrap().clusters,
            [],
            "also that it hosts nothing"
        );
    }

    #[test]
    fn a_node_that_has_what_it_was_told_has_every_generation_that_was_no_news() {
        let (mut told, mut world, node) = (Told::default(), world(), NodeId::new(1));
        told.news(&world, node);
        assert_eq!(told.as_of_now(7), 7);
        world.generation = 9;
        told.news(&world, node);
        assert_eq!(told.as_of_now(7), 9);
        assert_eq!(told.as_of_now(6), 6, "it has not taken it yet");
        world.clusters[SHOP].spec.memory_bytes += 1;
        world.generation = 10;
        told.news(&world, node);
        assert_eq!(told.as_of_now(7), 7, "there is news for it");
    }

    #[test]
    fn two_nodes_on_one_host_offer_no_port_both() {
        let nodes = world().nodes;
        let with = |first, last| Node {
            ports: vec![PortRange { first, last }],
            ..nodes[1].clone()
        };
        // Node 1 offers 7100 to 7115.
        for (first, last, shared) in [
            (7000, 7099, false),
            (7116, 7200, false),
            (7115, 7116, true),
            (7000, 7100, true),
        ] {
            assert_eq!(share_a_port(&nodes[0], &with(first, last)), shared, "{first}-{last}");
        }
        let elsewhere = Node {
            host: [127, 0, 0, 2].into(),
            ..nodes[0].clone()
        };
        assert!(!share_a_port(&nodes[0], &elsewhere));
    }
}
