//! `tenure server data`: one data node, from its configuration to a clean end.
//! Promises: the line `ready` appears on stdout once every port is bound and every primary of this node serves; with a control
//! plane, once that holds for the newest that it said. SIGINT and SIGTERM end it in bounded time, also while there is no log, and
//! a second one at once.
//! Leaves to `tenure_server`: everything a data node does. Leaves to the log's client: finding the log.

mod config;
mod control;
mod layout_file;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use futures::FutureExt;
use tenure_log::Log;
use tenure_log_node::transport::{Patience, TcpDial, Transport};
use tenure_log_node::{ClientError, ClientOptions, NodeAddress, QuorumLog};
use tenure_server::{Control, DataNode, DataNodeOptions, Layout, LogFactory, StartError};
use tenure_types::{LeaseLength, NodeId};
use tokio::runtime::Handle;
use tracing::{info, warn};

use tonic::transport::Channel;

pub(super) use self::config::LogNode;
use self::config::{Config, Profile, Source};
use crate::failure::{DEFECT, Failure, OrHint};
use crate::machine_clock::MachineClock;
use crate::metrics_port::MetricsPort;
use crate::parent::DieWithParent;
use crate::stop_signals::StopSignals;
use crate::{logging, ready_line};

/// As between log nodes: a dead connection is noticed within two seconds, also when its machine vanished. One that was
/// killed is noticed at once. `tenure dev` asks the log as patiently.
pub(super) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    silence: Duration::from_secs(1),
};
/// A dead primary is found in less than two seconds by it; machines must never stall for as long. `tenure dev` makes its
/// quorum for it.
pub(super) const LEASE_FAST: LeaseLength = LeaseLength::from_millis(1200).unwrap();

#[derive(Args)]
#[command(after_long_help = config::example())]
pub(crate) struct Arguments {
    /// The configuration, in TOML. `--help` shows one.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    die_with_parent: DieWithParent,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.die_with_parent.apply()?;
    let (config, source) = Config::read(&arguments.config)?;
    logging::start(config.log_format)?;
    // This thread only waits for signals: the shards have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime").or_hint(DEFECT)?;
    let outcome = runtime.block_on(run_node(config, source));
    runtime.shutdown_background();
    outcome
}

/// Opens what the node needs of this machine, and runs it. Everything between the command line and the node is here.
async fn run_node(config: Config, source: Source) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let node = NodeId::new(config.node.get());
    let credentials = config.tls.read()?;
    let told = MetricsPort::open(
        config.metrics.as_ref(),
        "data",
        &format!("data-{}", node.get()),
        &credentials,
    )?;
    let (layout, control) = match source {
        Source::Layout(layout) => {
            let hosted = layout.clusters.iter().flat_map(|cluster| &cluster.shards);
            if !hosted.into_iter().any(|shard| shard.address_on(node).is_some()) {
                warn!(%node, "the layout gives this node nothing to host");
            }
            (layout, None)
        }
        Source::Control(plane) => {
            let channels = plane.channels(&credentials)?;
            (Layout::default(), Some((plane.open(node)?, channels)))
        }
    };
    let log = log_factory(&config)?;
    let options = DataNodeOptions {
        workers: config.workers,
        lease: lease(config.profile),
        durable_copies: config.log.len() / 2 + 1,
        reply_deadline: Duration::from_millis(config.reply_deadline_millis.get()),
        ..DataNodeOptions::new(node, rand::random(), layout)
    };
    info!(%node, profile = ?config.profile, "starting");
    let data_node = DataNode::start(options, Arc::new(MachineClock), log).map_err(not_started)?;
    tell(&told, &data_node, control.as_ref().map(|(control, _)| control)).or_hint(DEFECT)?;
    tokio::select! {
        () = stop.next() => told.ending(),
        failed = data_node.failed() => return Err(not_started(failed)),
        never = serve(node, &data_node, control, &told) => match never {},
    }
    info!(%node, "stopping");
    tokio::select! {
        // Bounded by itself: without a log there is nobody to give the epochs up to.
        () = async {
            data_node.stop().await;
            told.close().await;
        } => info!(%node, "stopped"),
        () = stop.next() => {
            let error = anyhow!("stopped by a second signal before it had ended cleanly");
            return Err(Failure::new(error, "nothing is lost: the next owner waits until the leases have ended"));
        }
    }
    Ok(())
}

/// Puts what the node counts where it is told.
fn tell(told: &MetricsPort, data_node: &DataNode, control: Option<&Control>) -> Result<(), prometheus::Error> {
    let measurer = data_node.register_metrics(told.registry())?;
    told.measured_by(Box::new(move || {
        let measurer = measurer.clone();
        async move { measurer.measure().await }.boxed()
    }));
    control.map_or(Ok(()), |control| control.register_metrics(told.registry()))
}

/// Says when it serves. If there is a control plane, does what that says meanwhile.
async fn serve(
    node: NodeId,
    data_node: &DataNode,
    control: Option<(Control, Vec<Channel>)>,
    told: &MetricsPort,
) -> Infallible {
    let ready = async |control: Option<&Control>| {
        match control {
            None => data_node.ready().await,
            Some(control) => control.ready(data_node).await,
        }
        info!(%node, "serving");
        told.ready();
        ready_line::print();
        future::pending::<Infallible>().await
    };
    match control {
        None => ready(None).await,
        Some((control, channels)) => tokio::select! {
            never = control.run(data_node, channels) => never,
            never = ready(Some(&control)) => never,
        },
    }
}

/// The log's client, made once for each worker. One is made here first, so that what cannot work is said before anything
/// is started.
fn log_factory(config: &Config) -> Result<LogFactory, Failure> {
    let transport = Transport::new(Arc::new(TcpDial), Some(config.tls.read()?), PATIENCE);
    let nodes = addresses(&config.log);
    let options = client_options(config.profile);
    let client = move |runtime: &Handle| QuorumLog::new(transport.clone(), nodes.clone(), options.clone(), runtime);
    client(&Handle::current()).map_err(no_client)?;
    Ok(Arc::new(move |runtime| {
        let log: Arc<dyn Log> = Arc::new(client(runtime)?);
        Ok(log)
    }))
}

pub(super) fn addresses(log: &BTreeMap<LogNode, String>) -> Vec<NodeAddress> {
    let address = |(node, address): (&LogNode, &String)| NodeAddress {
        id: NodeId::new(node.get()),
        address: address.clone(),
    };
    log.iter().map(address).collect()
}

fn lease(profile: Profile) -> LeaseLength {
    const CONSERVATIVE: LeaseLength = LeaseLength::from_millis(3000).unwrap();
    match profile {
        Profile::Fast => LEASE_FAST,
        Profile::Conservative => CONSERVATIVE,
    }
}

/// What follows from the length of the lease follows it: the client's defaults are those of the fast profile.
fn client_options(profile: Profile) -> ClientOptions {
    match profile {
        Profile::Fast => ClientOptions::default(),
        Profile::Conservative => ClientOptions {
            renew_deadline: Duration::from_millis(2500),
            lease_claim_max: Duration::from_millis(500),
            ..ClientOptions::default()
        },
    }
}

pub(super) fn no_client(error: ClientError) -> Failure {
    let hint = match &error {
        ClientError::NoNodes => "name the log nodes under [log]",
        ClientError::NamedTwice { .. } => "name each log node once under [log]",
        ClientError::Transport { .. } => {
            "check the address under [log], and that the files under [tls] are of this node"
        }
    };
    Failure::new(error, hint)
}

fn not_started(error: StartError) -> Failure {
    let hint = match &error {
        StartError::Layout(_) => {
            "every slot from 0 to 16383 belongs to one shard, and a primary is one of its replicas"
        }
        StartError::Port { .. } => "end the process that uses the port, or give the replica another address",
        StartError::StreamTaken { .. } => "give every shard a stream of its own",
        StartError::Tls { .. } => "check the paths under [cluster.tls], and that the key is the certificate's own",
        StartError::Log { .. } => "check [log]: the addresses of its nodes, and the files under [tls]",
        StartError::Worker { .. } => "check the limits of this machine on threads and open files",
        StartError::WorkerEnded => DEFECT,
    };
    Failure::new(error, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DESIGN section 6: an owner renews every L/6, and must not look alive by what waited longer.
    #[test]
    fn the_clients_timers_follow_the_lease() {
        for profile in [Profile::Fast, Profile::Conservative] {
            let (lease_millis, client) = (u128::from(lease(profile).as_millis()), client_options(profile));
            assert_eq!(client.lease_claim_max.as_millis(), lease_millis / 6, "{profile:?}");
            assert_eq!(client.renew_deadline.as_millis(), lease_millis * 5 / 6, "{profile:?}");
        }
    }
}
