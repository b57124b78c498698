//! `tenure server control`: one control plane, from its configuration to a clean end.
//! Promises: the line `ready` appears on stdout once both ports are bound and the database is open; SIGINT and SIGTERM end it in
//! bounded time. The first start makes what is missing: the authority, the database, and a key for its operator, whose token is
//! in `operator.token`. Leaves to `tenure_control_server`: everything a control plane does.

mod check;
mod config;
mod first_start;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tenure_control_server::{Parts, RunError};
use tenure_control_store::{OpenError, SqliteStore};
use tenure_devcluster::make_folder;
use tenure_log_node::transport::{Credentials, TcpDial, Transport};
use tenure_log_node::{ClientOptions, QuorumLog};
use tenure_types::Clock;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::info;

use self::check::CheckInChild;
use self::config::Config;
use super::server_data::{PATIENCE, addresses, no_client};
use crate::failure::{DEFECT, Failure, OrHint};
use crate::machine_clock::MachineClock;
use crate::metrics_port::MetricsPort;
use crate::parent::DieWithParent;
use crate::stop_signals::StopSignals;
use crate::{logging, ready_line};

/// A question that the log does not answer in this time is asked again by whoever still wants to know.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

#[derive(Args)]
#[command(after_long_help = config::EXAMPLE)]
pub(crate) struct Arguments {
    /// The configuration, in TOML. `--help` shows one.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    die_with_parent: DieWithParent,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.die_with_parent.apply()?;
    let config = Config::read(&arguments.config)?;
    logging::start(config.log_format)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime").or_hint(DEFECT)?;
    let outcome = runtime.block_on(run_control(config));
    runtime.shutdown_background();
    outcome
}

/// Opens what the control plane needs of this machine, and runs it.
async fn run_control(config: Config) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let disk = "check data_dir and its disk";
    make_folder(&config.data_dir).or_hint(disk)?;
    let (api, sessions) = (bind(config.listen_api)?, bind(config.listen_nodes)?);
    let authority = first_start::authority(&config)?;
    let certificate = authority
        .control_plane(&config.hosts(), MachineClock.wall())
        .or_hint("check the files under [authority]")?;
    let credentials = Credentials {
        authority_pem: authority.certificate_pem().to_string(),
        certificate_pem: certificate.certificate_pem.clone(),
        key_pem: certificate.key_pem.clone(),
    };
    let told = MetricsPort::open(config.metrics.as_ref(), "control", "control", &credentials)?;
    let transport = Transport::new(Arc::new(TcpDial), Some(credentials), PATIENCE);
    let options = ClientOptions {
        call_deadline: LOG_ANSWERS_WITHIN,
        ..ClientOptions::default()
    };
    let log = QuorumLog::new(transport, addresses(&config.log), options, &Handle::current()).map_err(no_client)?;
    let store = SqliteStore::open(&config.data_dir.join("tenure.sqlite"))
        .await
        .map_err(not_opened)?;
    first_start::operator_key(&store, &config.data_dir, MachineClock.wall()).await?;
    info!(api = %config.listen_api, nodes = %config.listen_nodes, "serving");
    let parts = Parts {
        store: Arc::new(store),
        log: Arc::new(log),
        clock: Arc::new(MachineClock),
        authority,
        certificate,
        plugin_check: Arc::new(CheckInChild::default()),
        options: config.options(),
        api,
        sessions,
        registry: told.registry().clone(),
    };
    told.ready();
    ready_line::print();
    let (tell_stop, stopped) = oneshot::channel();
    let stopped = async move {
        // Who would tell is gone: that is a stop too.
        let _ = stopped.await;
    };
    let mut running = pin!(tenure_control_server::run(parts, stopped));
    let outcome = tokio::select! {
        outcome = &mut running => outcome,
        () = stop.next() => {
            told.ending();
            let _ = tell_stop.send(());
            running.await
        }
    };
    outcome.map_err(ended)?;
    told.close().await;
    info!("stopped");
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .with_context(|| format!("could not listen on {address}"))
        .or_hint("end the process that uses the port, or give this one another address")
}

fn not_opened(error: OpenError) -> Failure {
    let hint = match &error {
        OpenError::Unreleased { .. } => "move tenure.sqlite away from data_dir, or name another data_dir",
        OpenError::File { .. } | OpenError::Newer { .. } | OpenError::Unusable { .. } => {
            "check tenure.sqlite in data_dir: it must be of this version of tenure or an older one"
        }
    };
    Failure::new(error, hint)
}

fn ended(error: RunError) -> Failure {
    let hint = match &error {
        RunError::Certificate(_) => "check the files under [authority]",
        RunError::Port(_) | RunError::Sessions(_) | RunError::Rest(_) => {
            "check the limits of this machine on open files, and start it again"
        }
        RunError::Defect(_) | RunError::Metrics(_) => DEFECT,
    };
    Failure::new(error, hint)
}
