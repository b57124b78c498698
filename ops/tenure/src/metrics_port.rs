//! The port on which a process tells how it is: `/metrics` for Prometheus, `/healthz` and `/readyz` for who starts and stops it.
//! Promises: it speaks TLS with the process's own certificate, also while the process still starts. What callers can ask of it
//! is bounded: connections, time, and one scrape at a time. Changes nothing, and tells nothing of any tenant's data.
//! Leaves to each plane: what is counted. The comments here are the manual of `[metrics]`.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use futures::future::BoxFuture;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, Opts, Registry, TextEncoder};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tenure_control_server::{Bounds, serve_rest};
use tenure_log_node::transport::Credentials;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::failure::{DEFECT, Failure, OrHint};

/// More than Prometheus, its twin and a person need, and one address leaves most of it to others.
const BOUNDS: Bounds = Bounds {
    all_max: 64,
    of_one_max: 16,
    life_max: Duration::from_secs(600),
    stall_max: Duration::from_secs(10),
};

/// How long the end of the process waits for a scrape that is under way.
const END_WITHIN: Duration = Duration::from_secs(2);

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The section `[metrics]`. Without it there is no such port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsPortText {
    /// Address and port to listen on. No default. Since 0.1.
    pub(crate) listen: SocketAddr,
    /// A file with a token: who scrapes has to say `Authorization: Bearer <token>` then. `/healthz` and `/readyz` ask for none.
    /// Default none: everybody who reaches the port may scrape. Since 0.1.
    pub(crate) token_file: Option<PathBuf>,
}

impl MetricsPortText {
    /// Relative paths start at `folder` from now on.
    pub(crate) fn start_at(&mut self, folder: &Path) {
        if let Some(path) = &mut self.token_file {
            *path = folder.join(&*path);
        }
    }
}

/// What a process tells, and the port on which it does if it has one.
pub(crate) struct MetricsPort {
    told: Arc<Told>,
    serving: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

/// Brings what the registry shows up to date. Bounded by itself.
pub(crate) type Measure = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// What callers are told.
struct Told {
    registry: Registry,
    /// Set once by who has something to measure.
    measure: OnceLock<Measure>,
    token_sha256: Option<[u8; 32]>,
    is_ready: AtomicBool,
    /// Whose turn it is to be measured for.
    turn: Mutex<()>,
}

impl MetricsPort {
    /// Opens the port, if there is to be one. `role` is that of the process, `name` its name among people.
    pub(crate) fn open(
        text: Option<&MetricsPortText>,
        role: &str,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Self, Failure> {
        let registry = Registry::new();
        about_the_process(&registry, role, name).or_hint(DEFECT)?;
        let token_sha256 = text.and_then(|text| text.token_file.as_deref()).map(read_token);
        let told = Arc::new(Told {
            registry,
            measure: OnceLock::new(),
            token_sha256: token_sha256.transpose()?,
            is_ready: AtomicBool::new(false),
            turn: Mutex::new(()),
        });
        let serving = text.map(|text| serve(text.listen, credentials, Arc::clone(&told)));
        let serving = serving.transpose()?;
        Ok(Self { told, serving })
    }

    /// Where metrics are put.
    pub(crate) fn registry(&self) -> &Registry {
        &self.told.registry
    }

    /// What has to be done before each scrape. Only the first counts.
    pub(crate) fn measured_by(&self, measure: Measure) {
        let _ = self.told.measure.set(measure);
    }

    /// The process serves.
    pub(crate) fn ready(&self) {
        self.told.is_ready.store(true, Ordering::Relaxed);
    }

    /// The process was told to end: nobody new should come, though it finishes what is under way.
    pub(crate) fn ending(&self) {
        self.told.is_ready.store(false, Ordering::Relaxed);
    }

    /// The process serves no more, and ends.
    pub(crate) async fn close(self) {
        self.ending();
        let Some((stop, mut task)) = self.serving else {
            return;
        };
        stop.send_replace(true);
        if tokio::time::timeout(END_WITHIN, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn about_the_process(registry: &Registry, role: &str, name: &str) -> Result<(), prometheus::Error> {
    let build = Opts::new("tenure_build_info", "Which process this is. The value is always 1.")
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("role", role)
        .const_label("node", name);
    let build = IntGauge::with_opts(build)?;
    build.set(1);
    registry.register(Box::new(build))?;
    registry.register(Box::new(ProcessCollector::for_self()))
}

fn read_token(path: &Path) -> Result<[u8; 32], Failure> {
    let hint = "check token_file under [metrics]: it holds one line, and this user must be able to read it";
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
    let text = text.or_hint(hint)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::new(anyhow!("there is no token in {}", path.display()), hint));
    }
    Ok(Sha256::digest(token).into())
}

fn serve(
    address: SocketAddr,
    credentials: &Credentials,
    told: Arc<Told>,
) -> Result<(watch::Sender<bool>, JoinHandle<()>), Failure> {
    let tls =
        tls(credentials).or_hint("check the certificate and key of this node: they are shown to who scrapes, too")?;
    let listener = TcpListener::bind(address)
        .with_context(|| format!("could not listen on {address} for metrics"))
        .or_hint("end the process that uses the port, or give [metrics] another address")?;
    let (stop, mut stopped) = watch::channel(false);
    let serving = async move {
        let stop = async move {
            // Who would tell is gone: that is a stop too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(error) = serve_rest(listener, tls, router(told), BOUNDS, stop).await {
            error!(%error, "the port of metrics cannot be served any longer");
        }
    };
    let task = tokio::spawn(serving);
    info!(listen = %address, "serving metrics");
    Ok((stop, task))
}

fn tls(credentials: &Credentials) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_slice_iter(credentials.certificate_pem.as_bytes());
    let chain = chain
        .collect::<Result<Vec<_>, _>>()
        .context("the certificate is no PEM")?;
    let key = PrivateKeyDer::from_pem_slice(credentials.key_pem.as_bytes()).context("the key is no PEM")?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and key do not belong together")?;
    Ok(Arc::new(config))
}

fn router(told: Arc<Told>) -> Router {
    Router::new()
        .route("/metrics", routing::get(metrics))
        .route("/healthz", routing::get(async || "ok\n"))
        .route("/readyz", routing::get(readyz))
        .with_state(told)
}

async fn readyz(State(told): State<Arc<Told>>) -> (StatusCode, &'static str) {
    if told.is_ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ready\n")
    } else {
        let why = "the process is starting or ending: its log says how far it is\n";
        (StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

async fn metrics(State(told): State<Arc<Told>>, headers: HeaderMap) -> Response {
    if !told.may_scrape(&headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "the token is missing or another\n").into_response();
    }
    let _turn = told.turn.lock().await;
    if let Some(measure) = told.measure.get() {
        measure().await;
    }
    let mut text = String::new();
    match TextEncoder::new().encode_utf8(&told.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        Err(error) => {
            warn!(%error, "metrics could not be written down");
            (StatusCode::INTERNAL_SERVER_ERROR, "see the log of this process\n").into_response()
        }
    }
}

impl Told {
    fn may_scrape(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.token_sha256 else {
            return true;
        };
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = given
            .and_then(|value| value.strip_prefix(b"Bearer "))
            .unwrap_or_default();
        // Of hashes, so that not even the length of the token shows in how long it takes.
        Sha256::digest(given).as_slice().ct_eq(expected).into()
    }
}

#[cfg(test)]
mod tests;
