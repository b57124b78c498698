//! The connections from data nodes to log nodes, each through a proxy of its own.
//! Promises: all that a data node and the log say to each other passes here, and a rule for one data node holds for
//! nobody else. Leaves to `proxy`: what happens to bytes. Leaves to `links`: what log nodes say to each other.
//! Connections of other callers of the log do not pass here.
//!
//! A connection that a data node makes during a partition is let in and waits as its bytes do, so the data node is not
//! told that it is cut off: it has to notice the silence.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tenure_types::NodeId;

use crate::{Direction, Flow, Proxy};

/// A proxy for each data node and log node.
#[derive(Debug)]
pub struct LogRoutes(BTreeMap<(NodeId, NodeId), Proxy>);

impl LogRoutes {
    /// Proxies between each of these data nodes and each of these log nodes. Must be called inside a runtime.
    pub async fn start(data: &[NodeId], log: &BTreeMap<NodeId, SocketAddr>) -> Result<Self> {
        let mut routes = BTreeMap::new();
        for &from in data {
            for (&to, &address) in log {
                routes.insert((from, to), Proxy::start(address).await?);
            }
        }
        Ok(Self(routes))
    }

    /// What passes when the data node calls the log node: its calls, and the answers to them.
    pub fn link(&self, data: NodeId, log: NodeId) -> Result<&Proxy> {
        let link = self.0.get(&(data, log));
        link.with_context(|| format!("there is no route from data-{} to log-{}", data.get(), log.get()))
    }

    /// Nothing more that the data node sends reaches the log; answers still pass. Its calls wait until it is healed.
    pub fn hold_calls(&self, data: NodeId) -> Result<()> {
        self.set(data, Direction::ToServer, Flow::Hold)
    }

    /// The log hears the data node, which hears nothing more. The answers wait until it is healed.
    pub fn hold_answers(&self, data: NodeId) -> Result<()> {
        self.set(data, Direction::ToClient, Flow::Hold)
    }

    /// Lets answers pass again, also those that waited. Calls are as they were.
    pub fn release_answers(&self, data: NodeId) -> Result<()> {
        self.set(data, Direction::ToClient, Flow::Pass)
    }

    /// Cuts the data node off from the log, both ways. Bytes wait until it is healed, as in a partition that is shorter
    /// than the patience of TCP.
    pub fn isolate(&self, data: NodeId) -> Result<()> {
        self.hold_calls(data)?;
        self.hold_answers(data)
    }

    /// Resets every connection of the data node to the log, as the end of a long partition does. What waited in them is
    /// lost. Rules stay.
    pub async fn cut(&self, data: NodeId) -> Result<()> {
        for link in self.links_of(data)? {
            link.cut().await;
        }
        Ok(())
    }

    /// Everything between the data node and the log passes again.
    pub fn heal(&self, data: NodeId) -> Result<()> {
        self.links_of(data)?.into_iter().for_each(Proxy::heal);
        Ok(())
    }

    /// Everything passes again.
    pub fn heal_all(&self) {
        self.0.values().for_each(Proxy::heal);
    }

    /// Where the data node must dial instead of the addresses of the log nodes.
    pub(crate) fn seen_from(&self, data: NodeId) -> BTreeMap<NodeId, SocketAddr> {
        let own = self.0.iter().filter(|((from, _), _)| *from == data);
        own.map(|((_, to), link)| (*to, link.address())).collect()
    }

    fn set(&self, data: NodeId, direction: Direction, flow: Flow) -> Result<()> {
        let links = self.links_of(data)?;
        links.into_iter().for_each(|link| link.set(direction, flow));
        Ok(())
    }

    /// A data node that is not here is an error: a partition of nobody would prove nothing.
    fn links_of(&self, data: NodeId) -> Result<Vec<&Proxy>> {
        let own = self.0.iter().filter(|((from, _), _)| *from == data);
        let links: Vec<_> = own.map(|(_, link)| link).collect();
        ensure!(
            !links.is_empty(),
            "there are no routes from data-{} to the log",
            data.get()
        );
        Ok(links)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    /// A data node has the number of a log node: they are counted apart.
    const DATA: [NodeId; 2] = [NodeId::new(1), NodeId::new(2)];
    const LOG: [NodeId; 3] = [NodeId::new(1), NodeId::new(2), NodeId::new(3)];
    const WITHIN: Duration = Duration::from_secs(30);

    struct World {
        routes: LogRoutes,
        log: BTreeMap<NodeId, TcpListener>,
    }

    /// A connection of a data node to a log node.
    struct Call {
        data: TcpStream,
        log: TcpStream,
    }

    async fn world() -> World {
        let (mut log, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for node in LOG {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.insert(node, listener.local_addr().unwrap());
            log.insert(node, listener);
        }
        let routes = LogRoutes::start(&DATA, &addresses).await.unwrap();
        World { routes, log }
    }

    impl World {
        async fn dial(&self, data: NodeId, log: NodeId) -> Call {
            let address = self.routes.seen_from(data)[&log];
            let (near, far) = tokio::join!(TcpStream::connect(address), self.log[&log].accept());
            Call {
                data: near.unwrap(),
                log: far.unwrap().0,
            }
        }

        /// One connection to each log node.
        async fn dial_all(&self, data: NodeId) -> Vec<Call> {
            let mut calls = Vec::new();
            for log in LOG {
                calls.push(self.dial(data, log).await);
            }
            calls
        }

        async fn are_held(&self, data: NodeId, direction: Direction) {
            for log in LOG {
                let link = self.routes.link(data, log).unwrap();
                link.until(|seen| seen.held_bytes(direction) == 1).await.unwrap();
            }
        }
    }

    impl Call {
        async fn send(&mut self, direction: Direction) {
            let from = match direction {
                Direction::ToServer => &mut self.data,
                Direction::ToClient => &mut self.log,
            };
            from.write_all(b"x").await.unwrap();
        }

        async fn receive(&mut self, direction: Direction) {
            let to = match direction {
                Direction::ToServer => &mut self.log,
                Direction::ToClient => &mut self.data,
            };
            assert_eq!(soon(to.read_u8()).await.unwrap(), b'x');
        }

        async fn passes(&mut self, direction: Direction) {
            self.send(direction).await;
            self.receive(direction).await;
        }

        async fn passes_both_ways(&mut self) {
            self.passes(Direction::ToServer).await;
            self.passes(Direction::ToClient).await;
        }
    }

    async fn soon<T>(coming: impl Future<Output = T>) -> T {
        timeout(WITHIN, coming).await.expect("it comes in time")
    }

    #[tokio::test]
    async fn a_one_way_cut_holds_one_way_to_every_log_node_until_it_heals() {
        for (held, passing) in [
            (Direction::ToServer, Direction::ToClient),
            (Direction::ToClient, Direction::ToServer),
        ] {
            let world = world().await;
            let mut calls = world.dial_all(DATA[0]).await;
            match held {
                Direction::ToServer => world.routes.hold_calls(DATA[0]).unwrap(),
                Direction::ToClient => world.routes.hold_answers(DATA[0]).unwrap(),
            }
            for call in &mut calls {
                call.send(held).await;
            }
            world.are_held(DATA[0], held).await;
            for call in &mut calls {
                call.passes(passing).await;
            }
            world.routes.heal(DATA[0]).unwrap();
            for call in &mut calls {
                call.receive(held).await;
                call.passes_both_ways().await;
            }
        }
    }

    #[tokio::test]
    async fn an_isolated_data_node_leaves_the_others_their_log() {
        let world = world().await;
        let (mut isolated, mut others) = (world.dial_all(DATA[0]).await, world.dial_all(DATA[1]).await);
        world.routes.isolate(DATA[0]).unwrap();
        for call in &mut isolated {
            call.send(Direction::ToServer).await;
            call.send(Direction::ToClient).await;
        }
        world.are_held(DATA[0], Direction::ToServer).await;
        world.are_held(DATA[0], Direction::ToClient).await;
        for call in &mut others {
            call.passes_both_ways().await;
        }
        world.routes.heal_all();
        for call in &mut isolated {
            call.receive(Direction::ToServer).await;
            call.receive(Direction::ToClient).await;
        }
    }

    #[tokio::test]
    async fn answers_that_are_released_pass_while_calls_wait_on() {
        let world = world().await;
        let mut calls = world.dial_all(DATA[0]).await;
        world.routes.isolate(DATA[0]).unwrap();
        for call in &mut calls {
            call.send(Direction::ToServer).await;
            call.send(Direction::ToClient).await;
        }
        world.are_held(DATA[0], Direction::ToClient).await;
        world.routes.release_answers(DATA[0]).unwrap();
        for call in &mut calls {
            call.receive(Direction::ToClient).await;
        }
        world.are_held(DATA[0], Direction::ToServer).await;
    }

    #[tokio::test]
    async fn a_connection_that_is_made_during_a_partition_waits_as_its_bytes_do() {
        let world = world().await;
        world.routes.isolate(DATA[0]).unwrap();
        let mut call = world.dial(DATA[0], LOG[2]).await;
        call.send(Direction::ToServer).await;
        let link = world.routes.link(DATA[0], LOG[2]).unwrap();
        link.until(|seen| seen.held_bytes(Direction::ToServer) == 1)
            .await
            .unwrap();
        world.routes.heal(DATA[0]).unwrap();
        call.receive(Direction::ToServer).await;
    }

    #[tokio::test]
    async fn a_cut_resets_every_connection_of_one_data_node_and_the_next_ones_pass() {
        let world = world().await;
        let (cut, mut others) = (world.dial_all(DATA[0]).await, world.dial_all(DATA[1]).await);
        world.routes.cut(DATA[0]).await.unwrap();
        for mut call in cut {
            assert!(soon(call.data.read_u8()).await.is_err());
            assert!(soon(call.log.read_u8()).await.is_err());
        }
        for call in &mut others {
            call.passes_both_ways().await;
        }
        for call in &mut world.dial_all(DATA[0]).await {
            call.passes_both_ways().await;
        }
    }

    #[tokio::test]
    async fn healing_one_data_node_heals_no_other() {
        let world = world().await;
        for data in DATA {
            world.routes.isolate(data).unwrap();
        }
        world.routes.heal(DATA[0]).unwrap();
        for call in &mut world.dial_all(DATA[0]).await {
            call.passes_both_ways().await;
        }
        for call in &mut world.dial_all(DATA[1]).await {
            call.send(Direction::ToServer).await;
        }
        world.are_held(DATA[1], Direction::ToServer).await;
    }

    #[tokio::test]
    async fn a_partition_of_nobody_is_an_error() {
        let World { routes, .. } = world().await;
        let nobody = NodeId::new(3);
        assert!(routes.link(nobody, LOG[0]).is_err());
        assert!(routes.link(DATA[0], NodeId::new(4)).is_err());
        for refused in [
            routes.hold_calls(nobody),
            routes.hold_answers(nobody),
            routes.release_answers(nobody),
            routes.isolate(nobody),
            routes.cut(nobody).await,
            routes.heal(nobody),
        ] {
            let said = refused.unwrap_err().to_string();
            assert_eq!(said, "there are no routes from data-3 to the log");
        }
    }
}
