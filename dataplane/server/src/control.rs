//! The control plane, as a data node meets it.
//! Promises: what the node is to host is on its disk before it is hosted, and never goes back to an older generation, nor to
//! another of the same; while the control plane says such a thing, the node reports that it does. A node that has been told
//! once starts and serves without the control plane. Leaves to [`DataNode`]: hosting it. Leaves to who makes
//! the channels: certificates, and noticing a connection that is silent.
//!
//! ```text
//!   session ── Desired ──▶ kept on disk ──▶ wanted ──▶ DataNode::apply ──▶ refused
//!      ▲                                                                     │
//!      └───────── Report ◀── DataNode::report ◀──────────────────────────────┘
//! ```

mod desired;
mod fetch;
mod kept;
mod modules;
mod plugins;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::Registry;
use tenure_types::NodeId;
use tenure_wire::control_v1::{self as wire, Desired};
use tokio::sync::watch;
use tonic::transport::Channel;
use tracing::{debug, error, info, warn};

use self::desired::{Converted, convert};
use self::fetch::Source;
pub use self::kept::{KeptDesired, KeptError};
use self::modules::ModuleId;
pub use self::modules::Modules;
use self::plugins::ToCome;
use crate::metrics::{self, MeasuredControl};
use crate::node::{DataNode, Refused};

/// Pause before what was refused is tried again. Doubles with each time that changes nothing.
const TRY_AGAIN_AFTER_MIN: Duration = Duration::from_secs(1);
const TRY_AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);

/// What a node tells of itself.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Which node it is. Its certificate must name the same.
    pub node: NodeId,
    /// Random: another one at each start of the process.
    pub process: NonZeroU64,
    /// Version of the program, for people.
    pub version: String,
    /// Where it stands. Replicas of one shard are kept in different zones.
    pub zone: String,
    /// The address at which clients reach its ports.
    pub host: IpAddr,
    /// On which it may be told to serve shards.
    pub ports: Vec<RangeInclusive<u16>>,
    /// Memory that all shards on it may be promised together.
    pub memory_bytes: u64,
}

/// What a node and the control plane have told each other. Outlives their sessions.
#[derive(Debug)]
pub struct Control {
    introduction: Introduction,
    told: Arc<Told>,
    applied: watch::Sender<Applied>,
    /// `None`: this node runs no plugins.
    modules: Option<Modules>,
    /// Who gives modules. `None`: there is no session.
    source: watch::Sender<Option<Source>>,
    /// Why a module that is missing could not be fetched, the last time.
    not_fetched: Mutex<BTreeMap<ModuleId, String>>,
}

/// What came from the control plane. Shared with the thread that writes it to the disk: what is there is wanted, also if the
/// session ends meanwhile.
struct Told {
    kept: Mutex<KeptDesired>,
    /// What is on the disk. `None` before the first.
    wanted: watch::Sender<Option<Arc<Desired>>>,
    /// Why the newest that came was refused, for an operator. `None`: it was not.
    refused: watch::Sender<Option<Outdated>>,
}

/// Why what came is no successor of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Outdated {
    #[error(
        "the control plane told of generation {told}, and this node holds {held}: the control plane's database seems to be an \
         older copy; the node goes on with what it holds"
    )]
    Older { told: u64, held: u64 },
    #[error(
        "the control plane told of another generation {generation} than this node holds: the control plane's database seems to \
         be an older copy that has changed since; the node goes on with what it holds"
    )]
    Forked { generation: u64 },
}

impl fmt::Debug for Told {
    /// What is wanted has keys, which are never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Applied {
    /// Of what; 0: of nothing yet.
    generation: u64,
    refused: Vec<Refused>,
    /// Modules of plugins are still to be compiled.
    compiles: bool,
}

/// What could not be done of a Desired.
#[derive(Debug, Default)]
struct Undone {
    /// Whether something may be possible later.
    may_mend: bool,
    to_come: ToCome,
}

/// What became of a Desired that came.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// It is on the disk, and wanted.
    Newer,
    /// It is the one that is held.
    Same,
    /// An older one is refused, and so is another of the same generation.
    Refused,
}

impl Control {
    /// With what the node's disk has kept.
    pub fn new(introduction: Introduction, kept: KeptDesired) -> Self {
        let wanted = watch::Sender::new(kept.desired().cloned());
        Self {
            introduction,
            told: Arc::new(Told {
                kept: Mutex::new(kept),
                wanted,
                refused: watch::Sender::default(),
            }),
            applied: watch::Sender::default(),
            modules: None,
            source: watch::Sender::default(),
            not_fetched: Mutex::default(),
        }
    }

    /// Plugins run on this node, from these modules.
    #[must_use]
    pub fn with_modules(self, modules: Modules) -> Self {
        Self {
            modules: Some(modules),
            ..self
        }
    }

    /// Makes the node host what is kept and what comes, and speaks with the control plane, through one of these channels at a
    /// time. For ever: without the control plane too.
    pub async fn run(&self, node: &DataNode, channels: Vec<Channel>) -> Infallible {
        tokio::select! {
            never = self.apply_all(node) => never,
            never = self.connect_all(node, channels) => never,
        }
    }

    /// Waits until the newest that is wanted is hosted, as far as it can be, with the plugins whose modules are on the disk, and
    /// [`DataNode::ready`]. Without anything that was kept: until something comes.
    pub async fn ready(&self, node: &DataNode) {
        let (mut wanted, mut applied) = (self.told.wanted.subscribe(), self.applied.subscribe());
        loop {
            wanted.mark_unchanged();
            applied.mark_unchanged();
            let newest = self.generation();
            let is_applied = newest > 0 && self.applied.borrow().is_all_of(newest);
            tokio::select! {
                biased;
                _ = wanted.changed() => {}
                _ = applied.changed() => {}
                () = node.ready(), if is_applied => return,
            }
        }
    }

    /// Of what is on the disk; 0: nothing is.
    fn generation(&self) -> u64 {
        generation_of(&self.told.wanted.borrow())
    }

    /// Puts metrics of what the node and the control plane have told each other into a registry.
    pub fn register_metrics(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        let (wanted, applied) = (self.told.wanted.subscribe(), self.applied.subscribe());
        let source = self.source.subscribe();
        metrics::register_control(registry, move || MeasuredControl {
            is_in_session: source.borrow().is_some(),
            desired_generation: generation_of(&wanted.borrow()),
            applied_generation: applied.borrow().generation,
            refusals: applied.borrow().refused.len(),
        })
    }

    /// Makes the node host what is wanted.
    async fn apply_all(&self, node: &DataNode) -> Infallible {
        let (mut wanted, mut source) = (self.told.wanted.subscribe(), self.source.subscribe());
        let mut again_after = TRY_AGAIN_AFTER_MIN;
        let mut fetched = BTreeSet::new();
        loop {
            let newest = wanted.borrow_and_update().clone();
            let mut undone = Undone::default();
            if let Some(desired) = newest {
                undone = Box::pin(self.apply(node, &desired)).await;
            }
            let Undone { may_mend, to_come } = undone;
            source.mark_unchanged();
            let ToCome { uncompiled, missing } = to_come;
            if !uncompiled.is_empty() {
                // What is wanted meanwhile does not wait for it.
                tokio::select! {
                    () = self.compile(&uncompiled) => {}
                    _ = wanted.changed() => {}
                }
                continue;
            }
            if !missing.is_empty() {
                // What is wanted meanwhile does not wait for it. What is missing again at once, a disk loses: that is no haste.
                tokio::select! {
                    has_come = Box::pin(self.fetch(&missing)) => if has_come && missing != fetched {
                        fetched = missing;
                        continue;
                    },
                    _ = wanted.changed() => continue,
                }
            }
            tokio::select! {
                _ = source.changed(), if !missing.is_empty() => {}
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                    again_after = TRY_AGAIN_AFTER_MIN;
                }
                () = tokio::time::sleep(again_after), if may_mend => {
                    again_after = (again_after * 2).min(TRY_AGAIN_AFTER_MAX);
                    self.look_again(&missing);
                }
            }
        }
    }

    async fn apply(&self, node: &DataNode, desired: &Desired) -> Undone {
        let Converted {
            mut layout,
            mut refused,
        } = convert(desired);
        for Refused { cluster, reason, .. } in &refused {
            warn!(cluster = %cluster.name, reason, "what the control plane says of a cluster cannot be used");
        }
        let whole = refused.iter().filter(|refused| refused.plugin.is_none());
        let kept: BTreeSet<_> = whole.map(|refused| refused.cluster.clone()).collect();
        let to_come = self.add_modules(&mut layout, &mut refused).await;
        let undone = node.apply(layout, &kept).await;
        let may_mend = !undone.is_empty() || !to_come.missing.is_empty();
        refused.extend(undone);
        let applied = Applied {
            generation: desired.generation,
            refused,
            compiles: !to_come.uncompiled.is_empty(),
        };
        self.applied.send_if_modified(|before| {
            let is_other = *before != applied;
            if before.generation != applied.generation {
                info!(generation = applied.generation, "hosting what the control plane says");
            }
            *before = applied;
            is_other
        });
        Undone { may_mend, to_come }
    }

    /// Takes what came: keeps it, and wants it then.
    async fn take(&self, desired: Desired) -> Result<Taken, KeptError> {
        let told = Arc::clone(&self.told);
        let taking = move || told.take(desired);
        // The disk may be slow, and this thread has signals to hear.
        match tokio::task::spawn_blocking(taking).await {
            Ok(taken) => taken,
            Err(panicked) => {
                error!(error = %panicked, "keeping what the control plane says ended by a defect");
                Ok(Taken::Refused)
            }
        }
    }
}

fn generation_of(wanted: &Option<Arc<Desired>>) -> u64 {
    wanted.as_ref().map_or(0, |desired| desired.generation)
}

impl Applied {
    /// Whether it is of this generation, and nothing is under way.
    fn is_all_of(&self, generation: u64) -> bool {
        self.generation == generation && !self.compiles
    }
}

impl Told {
    fn take(&self, desired: Desired) -> Result<Taken, KeptError> {
        // Nothing is half-way in what the lock keeps when somebody panics.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, generation) = (kept.generation(), desired.generation);
        if kept.desired().is_some_and(|held| **held == desired) {
            debug!(generation, "the control plane told of what is held");
            self.refused.send_replace(None);
            return Ok(Taken::Same);
        }
        if generation <= held {
            self.refuse(held, generation);
            return Ok(Taken::Refused);
        }
        // 1. Keep. 2. Want. A crash in between is a restart that begins with it.
        let desired = Arc::new(desired);
        kept.replace(Arc::clone(&desired))?;
        self.wanted.send_replace(Some(desired));
        self.refused.send_replace(None);
        Ok(Taken::Newer)
    }

    /// Generations only grow, each with one content: what says otherwise has forgotten what this node was told.
    fn refuse(&self, held: u64, told: u64) {
        let outdated = match (held, told) {
            // Neither has said anything yet.
            (0, 0) => return,
            _ if held == told => Outdated::Forked { generation: held },
            _ => Outdated::Older { told, held },
        };
        let is_news = self.refused.send_replace(Some(outdated)) != Some(outdated);
        // Each session begins with the same, and it is said once.
        if is_news {
            error!(%outdated, "what the control plane says is refused");
        }
    }
}

impl Introduction {
    fn hello(&self) -> wire::Hello {
        let port_range = |ports: &RangeInclusive<u16>| wire::PortRange {
            first: u32::from(*ports.start()),
            last: u32::from(*ports.end()),
        };
        wire::Hello {
            node: self.node.get(),
            process: self.process.get(),
            version: self.version.clone(),
            zone: self.zone.clone(),
            host: self.host.to_string(),
            ports: self.ports.iter().map(port_range).collect(),
            memory_bytes: self.memory_bytes,
        }
    }
}
