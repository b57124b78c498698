//! The REST API on a socket, over TLS.
//! Promises: it ends when it is told to, after the requests under way or 5 s later. No caller holds a connection for long without sending a
//! request, nor with a head that does not end. Leaves to `connection`: how many there are.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;

use super::connection::{Bounds, Door};

/// In which the head of a request has to come, and the next one on the same connection.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// What the head of a request may take.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// In which TLS has to be agreed on.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long requests that are under way at the end are waited for.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// The REST API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The socket cannot be used.
    #[error("the socket of the REST API cannot be used")]
    Socket {
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Serves `router` until `stop`, and then to the end of what is under way, but for at most 5 s. Connections keep `bounds`. Of `tls`
/// the protocols (ALPN) are set here.
pub async fn serve_rest(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), RestError> {
    serve(listener, tls, router, stop, END_TIME_MAX, bounds).await
}

/// As [`serve_rest`]; what is under way at the end is waited for as long as `end_time_max`.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    stop: impl Future<Output = ()> + Send,
    end_time_max: Duration,
    bounds: Bounds,
) -> Result<(), RestError> {
    let socket = |source| RestError::Socket { source };
    listener.set_nonblocking(true).map_err(socket)?;
    let mut tls = ServerConfig::clone(&tls);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(tls)))
        .handshake_timeout(HANDSHAKE_TIME_MAX)
        .acceptor(Door::new(bounds));
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)
        .map_err(socket)?
        .acceptor(acceptor)
        .handle(handle.clone());
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut served = pin!(server.http1_only().serve(service));
    tokio::select! {
        ended = &mut served => ended.map_err(socket),
        () = stop => {
            handle.graceful_shutdown(Some(end_time_max));
            served.await.map_err(socket)
        }
    }
}
