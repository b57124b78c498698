//! A TCP proxy on loopback that breaks what passes through it, as a network or a dying peer would.
//! Promises: a byte stream never has a hole: a connection that lost bytes is reset before any later byte passes. Each
//! direction has its own rule, which holds for the connections there are and those to come, and may change at any time.
//! Leaves to the test: what the bytes mean. It never looks at them, so TLS passes unharmed.
//!
//! How a test uses it: set a rule, act, wait [`until`](Proxy::until) the proxy has seen the effect, undo the rule.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Small enough that a rule takes hold soon, also within a large message.
const CHUNK_BYTES: usize = 16 << 10;
/// A test that waits longer has failed.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From whoever dialled the proxy to the address behind it: calls.
    ToServer,
    /// And back: answers.
    ToClient,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// They pass.
    #[default]
    Pass,
    /// They wait, and pass in order when the rule does: a partition that heals. The sender's writes block once the
    /// buffers between are full; that a sender has closed is not told either.
    Hold,
    /// They are lost, and the connection lives on until the rule changes or [`Proxy::cut`]; then it is reset.
    Swallow,
    /// The first of them are lost and the connection is reset at once: an answer, or a call, that gets lost.
    SwallowThenCut,
}

/// What a proxy has seen since it was started. The numbers of bytes are by direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Connections that are open now.
    pub open: u64,
    /// Connections that were let in, ever.
    pub accepted: u64,
    /// Connections that were turned away, ever.
    pub refused: u64,
    passed: [u64; 2],
    held: [u64; 2],
    lost: [u64; 2],
}

impl Seen {
    /// Bytes that passed.
    pub fn passed_bytes(&self, direction: Direction) -> u64 {
        self.passed[direction.index()]
    }

    /// Bytes that are held now. More may wait in the buffers of the system.
    pub fn held_bytes(&self, direction: Direction) -> u64 {
        self.held[direction.index()]
    }

    /// Bytes that were swallowed.
    pub fn lost_bytes(&self, direction: Direction) -> u64 {
        self.lost[direction.index()]
    }
}

/// A proxy in front of one address. It listens as long as this value lives; dropping it resets all connections.
pub struct Proxy {
    address: SocketAddr,
    rules: Arc<watch::Sender<Rules>>,
    crowd: Arc<Crowd>,
    seen: Arc<watch::Sender<Seen>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    flows: [Flow; 2],
    refusing: bool,
}

/// The connections that the next cut ends: each holds a receiver, and is gone when it drops it.
struct Crowd(Mutex<watch::Sender<bool>>);

impl Proxy {
    /// Listens on a port of 127.0.0.1 in front of `target`, which need not answer yet. Must be called inside a runtime.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("could not listen for a proxy")?;
        let address = listener.local_addr()?;
        let rules = Arc::new(watch::Sender::new(Rules::default()));
        let crowd = Arc::new(Crowd(Mutex::new(watch::Sender::new(false))));
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let door = Door {
            listener,
            target,
            rules: rules.subscribe(),
            crowd: Arc::clone(&crowd),
            seen: Arc::clone(&seen),
        };
        let accepting = tokio::spawn(door.accept_all());
        Ok(Self {
            address,
            rules,
            crowd,
            seen,
            accepting,
        })
    }

    /// Where to dial instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the rule of one direction.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.rules.send_modify(|rules| rules.flows[direction.index()] = flow);
    }

    /// Sets the rule of both directions.
    pub fn set_both(&self, flow: Flow) {
        self.rules.send_modify(|rules| rules.flows = [flow; 2]);
    }

    /// From now on resets new connections as they come. Those that are open stay.
    pub fn refuse(&self) {
        self.rules.send_modify(|rules| rules.refusing = true);
    }

    /// Lets new connections in again.
    pub fn admit(&self) {
        self.rules.send_modify(|rules| rules.refusing = false);
    }

    /// Everything passes again, and new connections are let in.
    pub fn heal(&self) {
        self.rules.send_replace(Rules::default());
    }

    /// Resets all connections. When it returns they are gone, but new ones may have come.
    pub async fn cut(&self) {
        let crowd = std::mem::replace(&mut *self.crowd.lock(), watch::Sender::new(false));
        crowd.send_replace(true);
        crowd.closed().await;
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        *self.seen.borrow()
    }

    /// Waits until it has seen enough; fails after half a minute.
    pub async fn until(&self, enough: impl Fn(&Seen) -> bool) -> Result<Seen> {
        let mut seen = self.seen.subscribe();
        let waited = timeout(SEEN_WITHIN, seen.wait_for(|seen| enough(seen))).await;
        let seen = waited.with_context(|| format!("the proxy has seen only {:?}", self.seen()))?;
        Ok(*seen.context("the proxy has ended")?)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .field("rules", &*self.rules.borrow())
            .field("seen", &self.seen())
            .finish()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // With this task go the last senders that a connection listens to, and with them the connections.
        self.accepting.abort();
    }
}

impl Direction {
    const fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }
}

impl Crowd {
    fn lock(&self) -> MutexGuard<'_, watch::Sender<bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    target: SocketAddr,
    rules: watch::Receiver<Rules>,
    crowd: Arc<Crowd>,
    seen: Arc<watch::Sender<Seen>>,
}

impl Door {
    async fn accept_all(self) {
        loop {
            let client = match self.listener.accept().await {
                Ok((client, _)) => client,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                // Files have run out. Nobody can dial from here on, which fails the test where it is.
                Err(_) => return,
            };
            if self.rules.borrow().refusing {
                reset(&client);
                self.seen.send_modify(|seen| seen.refused += 1);
                continue;
            }
            self.seen.send_modify(|seen| {
                seen.accepted += 1;
                seen.open += 1;
            });
            let link = Link {
                rules: self.rules.clone(),
                seen: Arc::clone(&self.seen),
            };
            let cut = self.crowd.lock().subscribe();
            tokio::spawn(link.run(client, self.target, cut));
        }
    }
}

/// One connection.
struct Link {
    rules: watch::Receiver<Rules>,
    seen: Arc<watch::Sender<Seen>>,
}

/// The connection is to be reset: a peer vanished, bytes were lost, or the proxy went.
struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<watch::error::RecvError> for Broken {
    fn from(_: watch::error::RecvError) -> Self {
        Self
    }
}

impl Link {
    async fn run(self, mut client: TcpStream, target: SocketAddr, mut cut: watch::Receiver<bool>) {
        let mut server = None;
        let ended = tokio::select! {
            ended = self.carry(&mut client, &mut server, target) => ended,
            _ = cut.wait_for(|cut| *cut) => Err(Broken),
        };
        if ended.is_err() {
            reset(&client);
            server.iter().for_each(reset);
        }
        drop((client, server));
        self.seen.send_modify(|seen| seen.open -= 1);
        // Last of all: who waits for the cut takes this end for that of the sockets.
        drop(cut);
    }

    /// Carries both directions to their ends. `server` is where the other socket is put, so that it can be reset.
    async fn carry(
        &self,
        client: &mut TcpStream,
        server: &mut Option<TcpStream>,
        target: SocketAddr,
    ) -> Result<(), Broken> {
        let server = server.insert(TcpStream::connect(target).await?);
        // What passes, passes at once.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            self.pump(Direction::ToServer, from_client, to_server),
            self.pump(Direction::ToClient, from_server, to_client),
        )?;
        Ok(())
    }

    /// Carries one direction to its end.
    async fn pump(&self, direction: Direction, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Broken> {
        let mut rules = self.rules.clone();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut holed = false;
        loop {
            let length = tokio::select! {
                read = from.read(&mut chunk) => read?,
                // Nothing may come after a hole, not even the rule that comes after the loss.
                changed = rules.wait_for(|rules| rules.flow(direction) != Flow::Swallow), if holed => {
                    changed?;
                    return Err(Broken);
                }
            };
            let bytes = u64::try_from(length).unwrap_or(u64::MAX);
            match self.wait_while_held(direction, &mut rules, bytes).await? {
                Flow::Pass | Flow::Hold if holed => return Err(Broken),
                Flow::Pass | Flow::Hold if length == 0 => return Ok(to.shutdown().await?),
                Flow::Pass | Flow::Hold => {
                    to.write_all(&chunk[..length]).await?;
                    self.count(direction, |seen| &mut seen.passed, bytes);
                }
                Flow::Swallow => {
                    holed = true;
                    self.count(direction, |seen| &mut seen.lost, bytes);
                    if length == 0 {
                        rules.wait_for(|rules| rules.flow(direction) != Flow::Swallow).await?;
                        return Err(Broken);
                    }
                }
                Flow::SwallowThenCut => {
                    self.count(direction, |seen| &mut seen.lost, bytes);
                    return Err(Broken);
                }
            }
        }
    }

    /// The rule for bytes that were just read, once it is another than to hold them.
    async fn wait_while_held(
        &self,
        direction: Direction,
        rules: &mut watch::Receiver<Rules>,
        bytes: u64,
    ) -> Result<Flow, Broken> {
        let flow = rules.borrow_and_update().flow(direction);
        if flow != Flow::Hold {
            return Ok(flow);
        }
        let _held = Held::new(&self.seen, direction, bytes);
        let let_go = rules.wait_for(|rules| rules.flow(direction) != Flow::Hold).await?;
        Ok(let_go.flow(direction))
    }

    fn count(&self, direction: Direction, which: impl Fn(&mut Seen) -> &mut [u64; 2], bytes: u64) {
        self.seen.send_modify(|seen| which(seen)[direction.index()] += bytes);
    }
}

impl Rules {
    fn flow(&self, direction: Direction) -> Flow {
        self.flows[direction.index()]
    }
}

/// Bytes that count as held as long as this lives.
struct Held<'a> {
    seen: &'a watch::Sender<Seen>,
    direction: Direction,
    bytes: u64,
}

impl<'a> Held<'a> {
    fn new(seen: &'a watch::Sender<Seen>, direction: Direction, bytes: u64) -> Self {
        seen.send_modify(|seen| seen.held[direction.index()] += bytes);
        Self { seen, direction, bytes }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.seen
            .send_modify(|seen| seen.held[self.direction.index()] -= self.bytes);
    }
}

/// Lets a socket end with a reset and without what it has not sent, as that of a process that was killed.
fn reset(socket: &TcpStream) {
    // It fails only for a socket that is gone.
    let _ = socket.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncRead;

    use super::*;

    /// Sends back what it is sent, as long as the test runs.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    /// A proxy in front of an echo, and a connection through it that has been heard.
    async fn connected() -> (Proxy, TcpStream) {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        assert_eq!(read(&mut client, 5).await, b"hello");
        (proxy, client)
    }

    async fn read(from: &mut (impl AsyncRead + Unpin), length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let reading = timeout(SEEN_WITHIN, from.read_exact(&mut bytes));
        reading.await.unwrap().unwrap();
        bytes
    }

    /// What comes until the connection ends, and whether it ended with a reset.
    async fn read_to_end(from: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let ended = timeout(SEEN_WITHIN, from.read_to_end(&mut bytes)).await.unwrap();
        (bytes, ended.is_err())
    }

    #[tokio::test]
    async fn what_passes_passes_whole_and_both_ends_end() {
        let (proxy, mut client) = connected().await;
        let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let (mut from, mut to) = client.split();
        let send = async {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let ((), (received, was_reset)) = tokio::join!(send, read_to_end(&mut from));
        assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
        assert!(!was_reset);
        proxy.until(|seen| seen.open == 0).await.unwrap();
    }

    #[tokio::test]
    async fn held_bytes_arrive_in_order_once_they_are_let_go() {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (proxy, mut client) = connected().await;
            let passed = proxy.seen().passed_bytes(direction);
            proxy.set(direction, Flow::Hold);
            client.write_all(b"one").await.unwrap();
            proxy.until(|seen| seen.held_bytes(direction) == 3).await.unwrap();
            client.write_all(b"two").await.unwrap();
            assert_eq!(proxy.seen().passed_bytes(direction), passed);
            proxy.set(direction, Flow::Pass);
            assert_eq!(read(&mut client, 6).await, b"onetwo");
            assert_eq!(proxy.seen().held_bytes(direction), 0);
        }
    }

    #[tokio::test]
    async fn an_end_is_held_too() {
        let (proxy, mut client) = connected().await;
        proxy.set(Direction::ToServer, Flow::Hold);
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        proxy
            .until(|seen| seen.held_bytes(Direction::ToServer) == 4)
            .await
            .unwrap();
        proxy.set(Direction::ToServer, Flow::Pass);
        assert_eq!(read_to_end(&mut client).await, (b"last".to_vec(), false));
    }

    #[tokio::test]
    async fn one_direction_passes_while_the_other_is_held() {
        let (proxy, mut client) = connected().await;
        proxy.set(Direction::ToClient, Flow::Hold);
        client.write_all(b"call").await.unwrap();
        // The echo has heard it, for its answer is here.
        let seen = proxy
            .until(|seen| seen.held_bytes(Direction::ToClient) == 4)
            .await
            .unwrap();
        assert_eq!(seen.passed_bytes(Direction::ToServer), 9);
        assert_eq!(seen.passed_bytes(Direction::ToClient), 5);
    }

    #[tokio::test]
    async fn a_lost_answer_ends_the_connection_after_the_call_was_heard() {
        let (proxy, mut client) = connected().await;
        proxy.set(Direction::ToClient, Flow::SwallowThenCut);
        client.write_all(b"call").await.unwrap();
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
        let seen = proxy.until(|seen| seen.open == 0).await.unwrap();
        assert_eq!(seen.passed_bytes(Direction::ToServer), 9);
        assert_eq!(seen.lost_bytes(Direction::ToClient), 4);
    }

    #[tokio::test]
    async fn a_discarded_call_ends_the_connection_and_is_never_heard() {
        let (proxy, mut client) = connected().await;
        proxy.set(Direction::ToServer, Flow::SwallowThenCut);
        client.write_all(b"call").await.unwrap();
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
        let seen = proxy.until(|seen| seen.open == 0).await.unwrap();
        assert_eq!(seen.passed_bytes(Direction::ToServer), 5);
        assert_eq!(seen.lost_bytes(Direction::ToServer), 4);
    }

    #[tokio::test]
    async fn a_swallowing_connection_lives_until_it_is_cut() {
        let (proxy, mut client) = connected().await;
        proxy.set(Direction::ToServer, Flow::Swallow);
        for lost in [4, 8] {
            client.write_all(b"call").await.unwrap();
            let seen = proxy.until(|seen| seen.lost_bytes(Direction::ToServer) == lost).await;
            assert_eq!(seen.unwrap().open, 1);
        }
        proxy.cut().await;
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
        assert_eq!(proxy.seen().passed_bytes(Direction::ToServer), 5);
    }

    #[tokio::test]
    async fn a_stream_with_a_hole_never_goes_on() {
        for next in [Flow::Pass, Flow::Hold, Flow::SwallowThenCut] {
            let (proxy, mut client) = connected().await;
            proxy.set(Direction::ToServer, Flow::Swallow);
            client.write_all(b"lost").await.unwrap();
            proxy
                .until(|seen| seen.lost_bytes(Direction::ToServer) == 4)
                .await
                .unwrap();
            proxy.set(Direction::ToServer, next);
            // The write may or may not be refused already.
            let _ = client.write_all(b"late").await;
            assert_eq!(read_to_end(&mut client).await, (vec![], true), "{next:?}");
            assert_eq!(proxy.seen().passed_bytes(Direction::ToServer), 5, "{next:?}");
        }
    }

    #[tokio::test]
    async fn a_cut_resets_both_ends_and_later_connections_pass() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"once").await.unwrap();
        assert_eq!(read(&mut server, 4).await, b"once");
        proxy.cut().await;
        assert_eq!(proxy.seen().open, 0);
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
        assert_eq!(read_to_end(&mut server).await, (vec![], true));

        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"again").await.unwrap();
        assert_eq!(read(&mut server, 5).await, b"again");
    }

    #[tokio::test]
    async fn a_cut_also_ends_what_is_held() {
        let (proxy, mut client) = connected().await;
        proxy.set_both(Flow::Hold);
        client.write_all(b"held").await.unwrap();
        proxy
            .until(|seen| seen.held_bytes(Direction::ToServer) == 4)
            .await
            .unwrap();
        proxy.cut().await;
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
        assert_eq!(proxy.seen().held_bytes(Direction::ToServer), 0);
    }

    #[tokio::test]
    async fn who_is_refused_is_reset_and_who_is_connected_stays() {
        let (proxy, mut client) = connected().await;
        proxy.refuse();
        let mut late = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(read_to_end(&mut late).await, (vec![], true));
        client.write_all(b"still").await.unwrap();
        assert_eq!(read(&mut client, 5).await, b"still");

        proxy.admit();
        let mut admitted = TcpStream::connect(proxy.address()).await.unwrap();
        admitted.write_all(b"in").await.unwrap();
        assert_eq!(read(&mut admitted, 2).await, b"in");
        assert_eq!(proxy.seen().refused, 1);
    }

    #[tokio::test]
    async fn who_dials_while_nobody_listens_behind_is_reset() {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = closed.local_addr().unwrap();
        drop(closed);
        let proxy = Proxy::start(target).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
    }

    #[tokio::test]
    async fn a_peer_that_vanishes_takes_the_other_with_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        reset(&server);
        drop(server);
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
    }

    #[tokio::test]
    async fn a_dropped_proxy_leaves_no_connection() {
        let (proxy, mut client) = connected().await;
        drop(proxy);
        assert_eq!(read_to_end(&mut client).await, (vec![], true));
    }
}
