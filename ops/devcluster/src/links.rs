//! The connections between log nodes, each way of each pair through a proxy of its own.
//! Promises: the link from A to B carries what A dials and nothing else, so a partition can be one-sided or leave a third
//! node out. Leaves to `proxy`: what happens to bytes. Connections of other callers do not pass here.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use tenure_types::NodeId;

use crate::{Direction, Flow, Proxy};

/// A proxy for each ordered pair of nodes.
#[derive(Debug)]
pub struct Links(BTreeMap<(NodeId, NodeId), Proxy>);

impl Links {
    /// Proxies between all of these nodes.
    pub async fn start(addresses: &BTreeMap<NodeId, SocketAddr>) -> Result<Self> {
        let mut links = BTreeMap::new();
        for &from in addresses.keys() {
            for (&to, &address) in addresses.iter().filter(|(to, _)| **to != from) {
                links.insert((from, to), Proxy::start(address).await?);
            }
        }
        Ok(Self(links))
    }

    /// What passes when `from` calls `to`: its calls, and the answers to them.
    pub fn link(&self, from: NodeId, to: NodeId) -> Result<&Proxy> {
        let link = self.0.get(&(from, to));
        link.with_context(|| format!("there is no link from {from} to {to}"))
    }

    /// Cuts one way of the network: nothing that `from` sends reaches `to`, be it calls or answers. The other way passes.
    pub fn hold_one_way(&self, from: NodeId, to: NodeId) -> Result<()> {
        self.link(from, to)?.set(Direction::ToServer, Flow::Hold);
        self.link(to, from)?.set(Direction::ToClient, Flow::Hold);
        Ok(())
    }

    /// Cuts a node off from all others, both ways. Its bytes wait until [`heal`](Self::heal), as in a partition that is
    /// shorter than the patience of TCP.
    pub fn isolate(&self, node: NodeId) {
        for (_, link) in self.0.iter().filter(|((from, to), _)| *from == node || *to == node) {
            link.set_both(Flow::Hold);
        }
    }

    /// Resets every connection of a node with others, as the end of a long partition does.
    pub async fn cut(&self, node: NodeId) {
        for (_, link) in self.0.iter().filter(|((from, to), _)| *from == node || *to == node) {
            link.cut().await;
        }
    }

    /// Everything passes again.
    pub fn heal(&self) {
        self.0.values().for_each(Proxy::heal);
    }

    /// Where `from` must dial instead of the addresses of the others.
    pub(crate) fn seen_from(&self, from: NodeId) -> impl Iterator<Item = (NodeId, SocketAddr)> {
        let own = self.0.iter().filter(move |((caller, _), _)| *caller == from);
        own.map(|((_, to), link)| (*to, link.address()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const A: NodeId = NodeId::new(1);
    const B: NodeId = NodeId::new(2);
    const C: NodeId = NodeId::new(3);

    struct World {
        links: Links,
        listeners: BTreeMap<NodeId, TcpListener>,
    }

    async fn world() -> World {
        let (mut listeners, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for node in [A, B, C] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.insert(node, listener.local_addr().unwrap());
            listeners.insert(node, listener);
        }
        let links = Links::start(&addresses).await.unwrap();
        World { links, listeners }
    }

    impl World {
        /// A connection that `from` made to `to`: its end, and the other.
        async fn dial(&self, from: NodeId, to: NodeId) -> (TcpStream, TcpStream) {
            let (_, address) = self.links.seen_from(from).find(|(node, _)| *node == to).unwrap();
            let (near, far) = tokio::join!(TcpStream::connect(address), self.listeners[&to].accept());
            (near.unwrap(), far.unwrap().0)
        }

        async fn is_held(&self, from: NodeId, to: NodeId, direction: Direction) {
            let link = self.links.link(from, to).unwrap();
            link.until(|seen| seen.held_bytes(direction) == 1).await.unwrap();
        }
    }

    async fn passes(mut from: TcpStream, mut to: TcpStream) {
        from.write_all(b"x").await.unwrap();
        assert_eq!(to.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_one_way_cut_holds_what_one_node_sends_to_another_and_nothing_else() {
        let world = world().await;
        let ((mut a_calls_b, b_hears), (b_calls_a, mut a_hears)) = (world.dial(A, B).await, world.dial(B, A).await);
        world.links.hold_one_way(A, B).unwrap();

        a_calls_b.write_all(b"x").await.unwrap();
        world.is_held(A, B, Direction::ToServer).await;
        a_hears.write_all(b"x").await.unwrap();
        world.is_held(B, A, Direction::ToClient).await;
        passes(b_hears, a_calls_b).await;
        passes(b_calls_a, a_hears).await;
        let (a_calls_c, c_hears) = world.dial(A, C).await;
        passes(a_calls_c, c_hears).await;
    }

    #[tokio::test]
    async fn an_isolated_node_hears_and_is_heard_again_after_healing() {
        let world = world().await;
        let (mut b_calls_a, mut a_hears) = world.dial(B, A).await;
        let (b_calls_c, c_hears) = world.dial(B, C).await;
        world.links.isolate(A);
        b_calls_a.write_all(b"x").await.unwrap();
        world.is_held(B, A, Direction::ToServer).await;
        passes(b_calls_c, c_hears).await;

        world.links.heal();
        assert_eq!(a_hears.read_u8().await.unwrap(), b'x');
        passes(a_hears, b_calls_a).await;
    }

    #[tokio::test]
    async fn a_node_has_no_link_to_itself() {
        assert!(world().await.links.link(A, A).is_err());
    }
}
