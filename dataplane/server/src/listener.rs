//! The port of one replica.
//! Promises: what is accepted is bounded, handshakes included, and they have a deadline; an error of accept never makes it
//! spin. When it is told to stop it accepts nothing more, and ends once its connections have.
//! Leaves to `Connection` everything behind the handshake, and to the caller which port, and for how long it waits.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, error, warn};

use crate::client::{Client, ClientIds, End};
use crate::connection::{Buffers, Connection};
use crate::replica::Replica;
use crate::table::Table;

/// How long a client may take for its handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Handshakes at once. More clients wait in the kernel's queue: after a failover all of them come at once, and a refusal
/// would only make them come again.
const HANDSHAKES_MAX: usize = 512;

/// The pause after an error that the next accept would only meet again, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// When a silent client is asked whether it is still there, and how often until it is given up.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(300))
    .with_interval(Duration::from_secs(100));

/// What a connection past the limit reads.
const TOO_MANY_CLIENTS: &[u8] = b"-ERR max number of clients reached\r\n";

/// Serves a replica to clients. Runs in a [`tokio::task::LocalSet`].
pub(crate) struct Listener {
    pub(crate) replica: Rc<Replica>,
    pub(crate) table: Rc<Table>,
    /// One for all replicas of a worker.
    pub(crate) buffers: Rc<Buffers>,
    /// One for all workers of a process.
    pub(crate) ids: Arc<ClientIds>,
    /// One for all replicas of a cluster on a worker.
    pub(crate) shown: Rc<Shown>,
}

/// What the ports of a cluster show to clients that connect from now on. Without anything: they speak without TLS.
pub(crate) struct Shown(RefCell<Option<Arc<ServerConfig>>>);

impl Shown {
    pub(crate) const fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        Self(RefCell::new(tls))
    }

    pub(crate) fn replace(&self, tls: Option<Arc<ServerConfig>>) {
        self.0.replace(tls);
    }

    fn now(&self) -> Option<Arc<ServerConfig>> {
        self.0.borrow().clone()
    }
}

/// What runs of a listener.
#[derive(Default)]
struct Running {
    connections: JoinSet<()>,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener {
    /// Serves until `stop` is set, and then until every connection has ended. Whoever drops this future ends them at once.
    pub(crate) async fn serve(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let mut running = Running::default();
        loop {
            let may_accept = running.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                biased;
                // A node that is gone has stopped.
                _ = stop.wait_for(|stop| *stop) => break,
                Some(ended) = running.connections.join_next() => log_panic(ended),
                Some(done) = running.handshakes.join_next() => self.shook_hands(done, &mut running),
                accepted = listener.accept(), if may_accept => match accepted {
                    Ok((stream, address)) => self.accepted(stream, address, &mut running),
                    Err(error) => pause_after(&error).await,
                },
            }
        }
        drop(listener);
        running.handshakes.shutdown().await;
        self.replica.clients.end_all(End::Stopping);
        while let Some(ended) = running.connections.join_next().await {
            log_panic(ended);
        }
    }

    fn accepted(&self, stream: TcpStream, address: SocketAddr, running: &mut Running) {
        let counters = &self.replica.counters;
        counters
            .connections_received
            .set(counters.connections_received.get().saturating_add(1));
        let connections = self.replica.clients.len().saturating_add(running.handshakes.len());
        if connections >= self.replica.cluster().limits.connections_max {
            counters
                .connections_refused
                .set(counters.connections_refused.get().saturating_add(1));
            return refuse(stream, self.shown.now().is_some());
        }
        if let Err(error) = set_options(&stream) {
            // The client is gone already; the first read will tell.
            debug!(%address, %error, "cannot set the options of a socket");
        }
        match self.shown.now() {
            None => self.connect(stream, address, local_address, running),
            Some(config) => {
                let acceptor = TlsAcceptor::from(config);
                running.handshakes.spawn_local(shake_hands(acceptor, stream, address));
            }
        }
    }

    fn shook_hands(&self, done: Result<Option<(TlsStream<TcpStream>, SocketAddr)>, JoinError>, running: &mut Running) {
        match done {
            Ok(Some((stream, address))) => {
                self.connect(stream, address, |stream| local_address(stream.get_ref().0), running);
            }
            Ok(None) => {}
            Err(failed) => log_panic(Err(failed)),
        }
    }

    fn connect<S>(
        &self,
        stream: S,
        address: SocketAddr,
        local_address: impl FnOnce(&S) -> io::Result<SocketAddr>,
        running: &mut Running,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let local_address = match local_address(&stream) {
            Ok(address) => address,
            Err(error) => return debug!(%address, %error, "a client left before it was served"),
        };
        let now = self.replica.clock().boot();
        let client = Client::new(self.ids.next(), address, local_address, now);
        let connection = Connection::new(
            stream,
            client,
            Rc::clone(&self.replica),
            Rc::clone(&self.table),
            Rc::clone(&self.buffers),
        );
        running.connections.spawn_local(connection);
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
    match timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((stream, address)),
        Ok(Err(error)) => {
            debug!(%address, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            debug!(%address, deadline = ?HANDSHAKE_DEADLINE, "a TLS handshake took too long");
            None
        }
    }
}

fn local_address(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.local_addr()
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}

/// Says why, if the client can read it without a handshake.
fn refuse(stream: TcpStream, is_tls: bool) {
    if is_tls {
        return;
    }
    // The socket is new, so its buffer is empty: a write that does not wait is enough. What fails, fails for a client
    // that is sent away anyway.
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(TOO_MANY_CLIENTS);
    }
}

async fn pause_after(error: &io::Error) {
    let of_one_client = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    );
    if of_one_client {
        return debug!(%error, "a client left before it was accepted");
    }
    warn!(%error, "cannot accept connections");
    sleep(ACCEPT_PAUSE).await;
}

/// A connection that panicked took only itself down. It is a bug all the same.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection panicked");
    }
}
