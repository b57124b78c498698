//! `tenure server log`: one log node of a quorum, from its configuration to a clean end.
//! Promises: the line `ready` appears on stdout once the port answers; SIGINT and SIGTERM end it cleanly, a second one
//! at once; when the disk fails the process ends, and never goes on with what the kernel may have lost.
//! Leaves to `tenure_log_node`: everything a log node does.

mod config;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use tenure_log_node::transport::{Credentials, Patience, Transport, server_name};
use tenure_log_node::{Bootstrap, LogNode, NodeOptions, Profile, ServeError, StartError, drive_by_thread};
use tenure_log_storage::{IdentityError, OpenFolderError, Scheduling, StdDisk, WalError};
use tenure_types::NodeId;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use self::config::Config;
use crate::failure::{Failure, OrHint};
use crate::machine_clock::MachineClock;
use crate::reroute::Reroute;
use crate::{bootstrap_file, logging, parent};

/// Elections wait for less than a second, so a peer that does not answer within one is no help now; a dead connection
/// is noticed within two, also when its machine vanished.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    silence: Duration::from_secs(1),
};
const DEFECT: &str = "this is a defect of tenure: please report it with the log of this node";

#[derive(Args)]
#[command(after_long_help = config::EXAMPLE)]
pub(crate) struct Arguments {
    /// The configuration, in TOML. `--help` shows one.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Die when the process that started this one dies, in whatever way. With its number also if it is dead already.
    #[arg(long, value_name = "PID", num_args = 0..=1, require_equals = true)]
    die_with_parent: Option<Option<u32>>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(parent) = arguments.die_with_parent {
        parent::die_with(parent).or_hint("start it again, or without --die-with-parent")?;
    }
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
    let credentials = read_credentials(&config.tls)?;
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
        print_ready();
    };
    let stopped = async {
        stop.next().await;
        info!(%node, "stopping");
    };
    tokio::select! {
        served = log_node.serve(port, serving, stopped) => served.map_err(not_serving)?,
        () = async { impatience.next().await; impatience.next().await } => {
            let error = anyhow!("stopped by a second signal before it had ended cleanly");
            return Err(Failure::new(error, "nothing is lost: the next start recovers as after a crash"));
        }
    }
    info!(%node, "stopped");
    Ok(())
}

/// SIGINT and SIGTERM, from the moment this is made. Each of several sees all of them.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("could not listen for signals").or_hint(DEFECT);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn print_ready() {
    // Whoever started the node may have closed stdout, and does not want to know then.
    let mut out = io::stdout();
    let _ = writeln!(out, "ready").and_then(|()| out.flush());
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

fn read_credentials(tls: &config::Tls) -> Result<Credentials, Failure> {
    let read = |path: &Path| {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        text.or_hint("check the paths under [tls], and that this user may read the files")
    };
    Ok(Credentials {
        authority_pem: read(&tls.authority)?,
        certificate_pem: read(&tls.certificate)?,
        key_pem: read(&tls.key)?,
    })
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
        StartError::Group { .. } => DEFECT,
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
