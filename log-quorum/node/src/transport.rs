//! Connections to and from nodes: gRPC over mutual TLS, or over whatever a test dials.
//! Promises: both ends prove who they are by certificates of one authority; a peer that fell silent is noticed within
//! the time that is set, also when its machine vanished without a word; connecting never waits longer than that.
//! Leaves to `server` and `client`: what is said. Leaves to the edge: where certificates come from.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tenure_types::NodeId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::server::Connected;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};

/// HTTP/2 windows. The defaults (64 KiB a stream) hold back bulk transfer.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// A byte stream to another node.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens byte streams. The machine's is [`TcpDial`]; the simulation has its own.
pub trait Dial: Send + Sync + 'static {
    /// Connects to `host:port`.
    fn dial(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Io>>>;
}

/// TCP of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Io>>> {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// Who this process is to others, and whom it believes. PEM.
#[derive(Clone)]
pub struct Credentials {
    /// The authority that signed every node's certificate.
    pub authority_pem: String,
    /// This node's certificate.
    pub certificate_pem: String,
    /// The key to it.
    pub key_pem: String,
}

impl fmt::Debug for Credentials {
    /// The key is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The name in a log node's certificate. A connection that reaches another node than the one meant fails by it.
pub fn server_name(node: NodeId) -> String {
    format!("{node}.log.tenure.internal")
}

/// How long a connection may be silent before it is given up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest that connecting may take.
    pub connect: Duration,
    /// A ping is sent after so much silence, and must be answered in as much again.
    pub silence: Duration,
}

/// Makes connections.
#[derive(Clone)]
pub struct Transport {
    dial: Arc<dyn Dial>,
    credentials: Option<Credentials>,
    patience: Patience,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// The certificates or the key cannot be used, or an address is none.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Not `host:port`.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// As it was given.
        address: String,
    },
    /// TLS refused the certificate or the key.
    #[error("the certificate or key of this node cannot be used")]
    Credentials(#[source] tonic::transport::Error),
}

impl Transport {
    /// Without `credentials` nothing is encrypted and nobody is who they say: for simulations only.
    pub fn new(dial: Arc<dyn Dial>, credentials: Option<Credentials>, patience: Patience) -> Self {
        Self {
            dial,
            credentials,
            patience,
        }
    }

    /// Whether the other side proves who it is.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.credentials.is_some()
    }

    /// A connection of its own to `node`, made when it is first used and again after it broke.
    pub fn channel(&self, node: NodeId, address: &str) -> Result<Channel, TransportError> {
        let scheme = if self.credentials.is_some() { "https" } else { "http" };
        let bad_address = |_| TransportError::Address {
            address: address.to_owned(),
        };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
            .map_err(bad_address)?
            .connect_timeout(self.patience.connect)
            .http2_keep_alive_interval(self.patience.silence)
            .keep_alive_timeout(self.patience.silence)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        if let Some(credentials) = &self.credentials {
            let tls = ClientTlsConfig::new()
                .domain_name(server_name(node))
                .ca_certificate(Certificate::from_pem(&credentials.authority_pem))
                .identity(credentials.identity());
            endpoint = endpoint.tls_config(tls).map_err(TransportError::Credentials)?;
        }
        let (dial, address) = (Arc::clone(&self.dial), address.to_owned());
        let connector = tower::service_fn(move |_| {
            let dialled = dial.dial(&address);
            async move { dialled.await.map(TokioIo::new) }
        });
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    /// A server with the same patience and credentials.
    pub fn server(&self) -> Result<Server, TransportError> {
        let server = Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(self.patience.silence))
            .http2_keepalive_timeout(Some(self.patience.silence))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let Some(credentials) = &self.credentials else {
            return Ok(server);
        };
        let tls = ServerTlsConfig::new()
            .identity(credentials.identity())
            .client_ca_root(Certificate::from_pem(&credentials.authority_pem));
        server.tls_config(tls).map_err(TransportError::Credentials)
    }
}

impl Credentials {
    fn identity(&self) -> Identity {
        Identity::from_pem(&self.certificate_pem, &self.key_pem)
    }
}

/// A connection that was accepted, whatever it runs over.
pub struct Accepted(pub Box<dyn Io>);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Accepts byte streams. The machine's is a [`tokio::net::TcpListener`]; the simulation has its own.
pub trait Accept: Send + 'static {
    /// The next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Box<dyn Io>>> + Send;
}

impl Accept for tokio::net::TcpListener {
    async fn accept(&mut self) -> io::Result<Box<dyn Io>> {
        let (stream, _) = tokio::net::TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream) as Box<dyn Io>)
    }
}
