//! A control plane: its servers and its loops.
//! Promises: whatever of it fails takes the whole with it, so that nothing is silently missing; told to stop, it answers what it
//! was asked and ends in bounded time. Leaves to the edge: ports, files, clocks, signals.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tenure_control_model::Certificate;
use tenure_control_store::Store;
use tenure_log::Log;
use tenure_types::Clock;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::authority::Authority;
use crate::generated::nodes_server::NodesServer;
use crate::metrics::Metrics;
use crate::observe::observe;
use crate::plugin_check::PluginCheck;
use crate::reconcile::Reconcilers;
use crate::rest::{Bounds, RestError, router, serve_rest};
use crate::sessions::{Book, Sessions, Transfers, write_down};
use crate::shared::{Observed, Options, Shared};

/// The longest message of a node: a report of all that it hosts.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// A node whose machine vanished is noticed in twice this time.
const SILENCE: Duration = Duration::from_secs(1);
/// A caller that does not get on with its handshake is dropped.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

/// What a control plane is started with.
pub struct Parts {
    /// What it keeps.
    pub store: Arc<dyn Store>,
    /// Who owns the epochs.
    pub log: Arc<dyn Log>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// Who signs certificates.
    pub authority: Authority,
    /// Looks whether modules that are pushed can be run.
    pub plugin_check: Arc<dyn PluginCheck>,
    /// What this process shows to callers of both ports.
    pub certificate: Certificate,
    /// How it works.
    pub options: Options,
    /// The port of the REST API.
    pub api: TcpListener,
    /// The port that nodes call.
    pub sessions: TcpListener,
    /// Where its metrics are put.
    pub registry: Registry,
}

/// A control plane cannot start, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A port cannot be served.
    #[error("a port cannot be served")]
    Port(#[source] std::io::Error),
    /// Its certificate cannot be used.
    #[error("the certificate of the control plane cannot be used")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server of sessions ended.
    #[error("the port that nodes call cannot be served any longer")]
    Sessions(#[source] tonic::transport::Error),
    /// The REST server ended.
    #[error("the REST API cannot be served any longer")]
    Rest(#[source] RestError),
    /// The registry has metrics of another control plane already.
    #[error("the metrics of the control plane cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// A part ended by a panic.
    #[error("a part of the control plane ended by a defect")]
    Defect(#[source] tokio::task::JoinError),
}

/// Serves until `stop` resolves.
pub async fn run(parts: Parts, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), RunError> {
    let (tell_world, world) = watch::channel(None);
    let (tell_observed, observed) = watch::channel(Arc::new(Observed::default()));
    let shared = Shared {
        store: parts.store,
        log: parts.log,
        clock: parts.clock,
        observed,
        plugin_check: parts.plugin_check,
        wake: Arc::new(Notify::new()),
        authority_pem: Arc::clone(parts.authority.certificate_pem()),
        options: Arc::new(parts.options),
        metrics: Metrics::register(&parts.registry)?,
    };
    let book = Arc::new(Book::default());
    let (stopping, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let rest = serve_api(shared.clone(), parts.api, &parts.certificate, until(stopped.clone()))?;
    let sessions = Sessions {
        shared: shared.clone(),
        book: Arc::clone(&book),
        world: world.clone(),
        transfers: Transfers::default(),
    };
    let sessions = serve_sessions(sessions, parts.sessions, &parts.certificate, &parts.authority)?;
    tasks.spawn(async move { sessions.await.map_err(RunError::Sessions) });
    tasks.spawn(forever(observe(shared.clone(), world, tell_observed)));
    tasks.spawn(forever(write_down(shared.clone(), book)));
    tasks.spawn(forever(Reconcilers::new(shared, parts.authority, tell_world).run()));
    let mut rest = std::pin::pin!(rest);
    tokio::select! {
        () = stop => {}
        ended = &mut rest => return ended,
        Some(ended) = tasks.join_next() => return ended.map_err(RunError::Defect)?,
    }
    stopping.send_replace(true);
    // Bounded by itself. Sessions end with this process: nodes go on without them.
    let ended = rest.await;
    tasks.shutdown().await;
    ended
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // Who would tell is gone: that is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn forever(task: impl Future<Output = ()>) -> Result<(), RunError> {
    task.await;
    Ok(())
}

fn serve_sessions(
    sessions: Sessions,
    listener: TcpListener,
    certificate: &Certificate,
    authority: &Authority,
) -> Result<impl Future<Output = Result<(), tonic::transport::Error>> + use<>, RunError> {
    listener.set_nonblocking(true).map_err(RunError::Port)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(RunError::Port)?;
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&certificate.certificate_pem, &certificate.key_pem))
        .client_ca_root(tonic::transport::Certificate::from_pem(&**authority.certificate_pem()))
        .timeout(HANDSHAKE_WITHIN);
    let mut server = Server::builder()
        .tls_config(tls)
        .map_err(|error| RunError::Certificate(Box::new(error)))?
        .http2_keepalive_interval(Some(SILENCE))
        .http2_keepalive_timeout(Some(SILENCE));
    let service = NodesServer::new(sessions).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(server.add_service(service).serve_with_incoming(incoming))
}

fn serve_api(
    shared: Shared,
    listener: TcpListener,
    certificate: &Certificate,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<impl Future<Output = Result<(), RunError>>, RunError> {
    let tls = api_tls(certificate).map_err(RunError::Certificate)?;
    Ok(async move {
        serve_rest(listener, tls, router(shared), Bounds::default(), stop)
            .await
            .map_err(RunError::Rest)
    })
}

fn api_tls(certificate: &Certificate) -> Result<Arc<rustls::ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_slice_iter(certificate.certificate_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())?;
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}
