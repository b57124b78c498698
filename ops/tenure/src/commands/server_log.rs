//! `tenure server log`: one log node of a quorum, from its configuration to a clean end.
//! Promises: the line `ready` appears on stdout once the port answers; SIGINT and SIGTERM end it cleanly, a second one
//! at once; when the disk fails the process ends, and never goes on with what the kernel may have lost.
//! Leaves to `tenure_log_node`: everything a log node does.

mod config;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use tenure_log_node::transport::{Patience, Transport, server_name};
use tenure_log_node::{Bootstrap, LogNode, NodeOptions, Profile, ServeError, StartError, drive_by_thread};
use tenure_log_storage::{IdentityError, OpenFolderError, Scheduling, StdDisk, WalError};
use tenure_types::NodeId;
use tokio::net::TcpListener;
use tracing::{error, info};

use self::config::Config;
use crate::failure::{DEFECT, Failure, OrHint};
use crate::machine_clock::MachineClock;
use crate::metrics_port::MetricsPort;
use crate::parent::DieWithParent;
use crate::reroute::Reroute;
use crate::stop_signals::StopSignals;
use crate::{bootstrap_file, logging, ready_line};

/// Elections wait for less than a second, so a peer that does not answer within one is no help now; a dead connection
/// is noticed within two, also when its machine vanished.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    silence: Duration::from_secs(1),
};

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
    // One thread: what a log node waits for is its disk, which has a thread of its own, and its peers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime").or_hint(DEFECT)?;
    let outcome = runtime.block_on(run_node(config));
    // A read that hangs in the disk must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Opens what the node needs of this machine, and runs it. Everything between the command line and the node is here.
async fn run_node(config: Config) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let mut impatience = StopSignals::listen()?;
    let node = NodeId::new(config.node.get());
    let credentials = config.tls.read()?;
    let told = MetricsPort::open(
        config.metrics.as_ref(),
        "log",
        &format!("log-{}", node.get()),
        &credentials,
    )?;
    let dial = Reroute(config.dial);
    let transport = Transport::new(Arc::new(dial), Some(credentials), PATIENCE);
    let bootstrap = config
        .bootstrap_file
        .as_deref()
        .map(read_bootstrap)
        .transpose()?
        .flatten();
    let disk = StdDisk::open(&config.data_dir).map_err(refused_folder)?;

    let mut options = NodeOptions::new(node);
    options.bootstrap = bootstrap;
    options.registry = told.registry().clone();
    options.profile = match config.profile {
        config::Profile::Fast => Profile::Fast,
        config::Profile::Conservative => Profile::Conservative,
    };
    if let Some(cap_bytes) = config.disk.cap_bytes {
        options.disk_cap_bytes = cap_bytes.get();
    }
    if let Some(segment_bytes) = config.disk.segment_bytes {
        options.wal.segment_bytes = segment_bytes.get();
    }
    let drive = drive_by_thread(Scheduling::default(), Box::new(end_for_disk));
    info!(%node, data_dir = %config.data_dir.display(), "starting");
    let starting = LogNode::start(options, Arc::new(disk), Arc::new(MachineClock), transport, drive);
    let log_node = tokio::select! {
        started = starting => started.map_err(|error| not_started(error, node))?,
        () = stop.next() => return Ok(()),
    };

    // Only now: who dials a node that is still reading its journal is refused, and does not wait in a queue.
    let port = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("could not listen on {}", config.listen))
        .or_hint("choose another address for listen, or end the process that uses it")?;
    let serving = || {
        info!(%node, listen = %config.listen, "serving");
        told.ready();
        ready_line::print();
    };
    let stopped = async {
        stop.next().await;
        told.ending();
        info!(%node, "stopping");
    };
    tokio::select! {
        served = log_node.serve(port, serving, stopped) => served.map_err(not_serving)?,
        () = async { impatience.next().await; impatience.next().await } => {
            let error = anyhow!("stopped by a second signal before it had ended cleanly");
            return Err(Failure::new(error, "nothing is lost: the next start recovers as after a crash"));
        }
    }
    told.close().await;
    info!(%node, "stopped");
    Ok(())
}

/// Called on the thread of the write-ahead log.
fn end_for_disk(cause: WalError) {
    let cause = anyhow::Error::new(cause);
    error!(error = format!("{cause:#}"), "the disk failed, ending");
    let hint = "check the disk and the log of the system; if the disk is well, start the node again: it recovers";
    let failure = Failure::new(cause.context("the disk failed"), hint);
    let _ = write!(io::stderr(), "{failure}");
    std::process::exit(1);
}

/// The file may be gone once the folder has an identity; the node refuses to start if it has none either.
fn read_bootstrap(path: &Path) -> Result<Option<Bootstrap>, Failure> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        info!(path = %path.display(), "no bootstrap file, relying on the data folder");
        return Ok(None);
    }
    bootstrap_file::read(path).map(Some)
}

fn refused_folder(error: OpenFolderError) -> Failure {
    let hint = match &error {
        OpenFolderError::InUse { .. } => "end the other process, or give each node a data_dir of its own",
        OpenFolderError::Io { .. } => "mount its disk, or for a new node make the folder: mkdir -m 700",
    };
    Failure::new(error, hint)
}

fn not_started(error: StartError, node: NodeId) -> Failure {
    let hint = match &error {
        StartError::NoIdentity => {
            "name the quorum's file as bootstrap_file; if this node has run before, its disk is lost: replace the voter"
        }
        StartError::NotAMember { .. } => "check node, and that bootstrap_file is the one of this quorum",
        StartError::OtherNode { .. } => "check node and data_dir: one of them belongs to another node",
        StartError::OtherQuorum => "check data_dir and bootstrap_file: one of them belongs to another quorum",
        StartError::Identity(IdentityError::Version { .. }) => "start the release that wrote it, or a newer one",
        StartError::Identity(_) | StartError::Wal(_) => {
            "keep the folder as it is; check its disk; if it stays so, replace the voter"
        }
        StartError::Folder(_) => "check that this user may read and write the data_dir, and its disk",
        StartError::Transport(_) => {
            let hint = format!(
                "check [tls]: the certificate must be for {} and the key its own",
                server_name(node)
            );
            return Failure::new(error, hint);
        }
        StartError::Group { .. } | StartError::Metrics(_) => DEFECT,
    };
    Failure::new(error, hint)
}

fn not_serving(error: ServeError) -> Failure {
    let hint = match &error {
        ServeError::StaysOut(_) => "if the disk of this node was lost, replace the voter; else check data_dir",
        ServeError::Port(_) => "see the log of this node",
        ServeError::Folder(_) => "check that this user may read and write the data_dir, and its disk",
        ServeError::GroupStopped => "the lines before this one say why; the other nodes go on meanwhile",
    };
    Failure::new(error, hint)
}
