//! Sessions with the control plane: one at a time, with whichever of it answers.
//! Promises: the node introduces itself, and reports at once, at every change and several times a second; what comes is on the
//! disk before the next is heard. What waits to be sent is bounded. However a session ends, another one is begun.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tenure_types::Lsn;
use tenure_wire::control_v1::{self as wire, Down, Up, down, up};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;
use tracing::{debug, info, warn};

use super::fetch::Source;
use super::{Control, KeptError};
use crate::generated::nodes_client::NodesClient;
use crate::node::{DataNode, PluginReport, Refused};
use crate::replica::{Standing, error_chain};
use crate::worker::ReplicaReport;

/// How often a node reports that nothing changed: a node that is silent for a second is thought dead.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Shortest pause between two reports: what changes meanwhile is told together.
const REPORT_PAUSE: Duration = Duration::from_millis(10);

/// Messages that wait to be sent. The introduction and the first report leave before the control plane has answered.
const UPS_MAX: usize = 4;

/// Largest message either way.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Pause before another session is begun. Doubles with each that came to nothing, or to an end soon: what ended it would
/// only end the next.
const AGAIN_AFTER_MIN: Duration = Duration::from_millis(100);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);

/// A session that lasted this long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// It never came to one.
    #[error("the control plane cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// The control plane ended it.
    #[error("the control plane ended the session")]
    ByControlPlane,
    /// It broke.
    #[error("the session broke: {reason}")]
    Broken { reason: String },
    /// What came could not be kept, so it is to be told again.
    #[error("what the control plane says cannot be kept")]
    Unkept(#[from] KeptError),
}

impl Control {
    /// Begins sessions, for ever.
    pub(super) async fn connect_all(&self, node: &DataNode, channels: Vec<Channel>) -> Infallible {
        hold_all(channels, |channel| self.hold_session(node, channel)).await
    }

    async fn hold_session(&self, node: &DataNode, channel: Channel) -> Ended {
        let (ups, waiting) = mpsc::channel(UPS_MAX);
        let sent = stream::unfold(waiting, async |mut waiting: mpsc::Receiver<Up>| {
            waiting.recv().await.map(|up| (up, waiting))
        });
        let of_modules = channel.clone();
        let mut client = NodesClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let hearing = async {
            match client.session(sent).await {
                Ok(answer) => {
                    info!("in session with the control plane");
                    self.source.send_replace(Some(Source::ControlPlane(of_modules)));
                    self.hear(answer.into_inner()).await
                }
                Err(status) => Ended::Unreachable {
                    reason: error_chain(&status),
                },
            }
        };
        let ended = tokio::select! {
            ended = hearing => ended,
            () = self.tell(node, &ups) => Ended::ByControlPlane,
        };
        self.source.send_replace(None);
        ended
    }

    /// Tells the control plane of the node, until nobody listens.
    pub(super) async fn tell(&self, node: &DataNode, ups: &mpsc::Sender<Up>) {
        let (mut wanted, mut applied) = (self.told.wanted.subscribe(), self.applied.subscribe());
        let mut refused = self.told.refused.subscribe();
        if ups
            .send(up(up::Message::Hello(self.introduction.hello())))
            .await
            .is_err()
        {
            return;
        }
        loop {
            // Before the report is made: what changes meanwhile is in the next.
            let changed = node.report_changed();
            wanted.mark_unchanged();
            applied.mark_unchanged();
            refused.mark_unchanged();
            if ups.send(up(up::Message::Report(self.report(node)))).await.is_err() {
                return;
            }
            let sent_at = Instant::now();
            tokio::select! {
                () = changed => {}
                _ = wanted.changed() => {}
                _ = applied.changed() => {}
                _ = refused.changed() => {}
                () = sleep(REPORT_EVERY) => {}
                () = ups.closed() => return,
            }
            sleep_until(sent_at + REPORT_PAUSE).await;
        }
    }

    /// Takes what the control plane says, until the session ends.
    pub(super) async fn hear<E: std::error::Error>(&self, downs: impl Stream<Item = Result<Down, E>>) -> Ended {
        let mut downs = pin!(downs);
        while let Some(down) = downs.next().await {
            let message = match down {
                Ok(Down { message }) => message,
                Err(error) => {
                    return Ended::Broken {
                        reason: error_chain(&error),
                    };
                }
            };
            match message {
                Some(down::Message::Desired(desired)) => match self.take(desired).await {
                    Ok(taken) => debug!(?taken, "heard what to host"),
                    Err(unkept) => return Ended::Unkept(unkept),
                },
                None => debug!("the control plane said something that this version does not know"),
            }
        }
        Ended::ByControlPlane
    }

    fn report(&self, node: &DataNode) -> wire::Report {
        let refusal = |refused: &Refused| wire::Refusal {
            stream: refused.stream.map_or(0, tenure_types::StreamId::to_bits),
            cluster: refused.cluster.name.clone(),
            reason: refused.reason.clone(),
            plugin: refused.plugin.clone().unwrap_or_default(),
            tenant: refused.cluster.tenant.get(),
        };
        // Of no cluster: it is all that was said.
        let outdated = self.told.refused.borrow().map(|outdated| wire::Refusal {
            stream: 0,
            cluster: String::new(),
            reason: outdated.to_string(),
            plugin: String::new(),
            tenant: 0,
        });
        let applied = self.applied.borrow();
        wire::Report {
            generation: self.generation(),
            replicas: node.report().iter().map(replica).collect(),
            refusals: outdated
                .into_iter()
                .chain(applied.refused.iter().map(refusal))
                .collect(),
            plugins: node.plugins().iter().map(plugin).collect(),
        }
    }
}

/// Holds a session with one after the other, for ever.
pub(super) async fn hold_all<C: Clone, F>(channels: Vec<C>, hold: impl Fn(C) -> F) -> Infallible
where
    F: Future<Output = Ended>,
{
    let mut pause = AGAIN_AFTER_MIN;
    let mut said = String::new();
    for channel in channels.iter().cycle() {
        let begun_at = Instant::now();
        let ended = hold(channel.clone()).await;
        if begun_at.elapsed() >= GOOD_AFTER {
            pause = AGAIN_AFTER_MIN;
        }
        // The same reason again and again is said once.
        let reason = error_chain(&ended);
        if reason == said {
            debug!(reason, "no session with the control plane");
        } else {
            warn!(reason, "no session with the control plane");
            said = reason;
        }
        sleep(pause).await;
        pause = (pause * 2).min(AGAIN_AFTER_MAX);
    }
    // Nobody to speak with.
    std::future::pending().await
}

fn up(message: up::Message) -> Up {
    Up { message: Some(message) }
}

fn replica(report: &ReplicaReport) -> wire::ReplicaReport {
    wire::ReplicaReport {
        stream: report.stream.to_bits(),
        standing: i32::from(standing(report.standing)),
        incarnation: report.incarnation.get(),
        epoch: report.epoch.get(),
        lsn: report.lsn.map_or(0, Lsn::get),
        keys: report.keys,
        memory_bytes: report.memory_bytes,
        clients: report.clients,
    }
}

fn plugin(report: &PluginReport) -> wire::PluginReport {
    wire::PluginReport {
        tenant: report.cluster.tenant.get(),
        cluster: report.cluster.name.clone(),
        name: report.name.clone(),
        sha256: report.sha256.to_vec().into(),
        quarantined: report.quarantined.clone(),
    }
}

fn standing(standing: Standing) -> wire::Standing {
    match standing {
        Standing::Loading => wire::Standing::Loading,
        Standing::Primary => wire::Standing::Primary,
        Standing::Replica => wire::Standing::Replica,
        Standing::Lapsed => wire::Standing::Lapsed,
        Standing::Broken => wire::Standing::Broken,
    }
}
