//! The reconcilers, one file each: what is intended and what was heard become changes.
//! Promises: a reconciler looks at everything each time, takes no input, and does no harm when it runs twice or beside one of
//! another control plane: every row it writes names the version that it read, and every epoch is won in the log. A database
//! or a log that does not answer stops nothing but this.
//!
//! ```text
//!   certificates   epochs   provision   handover   plugins   cleanup                pure: View → changes
//!   presence   generation   quarantine   replace                                   they remember something, too
//!   failover   deprovision   verify   forget                                        they ask the log or the store, too
//! ```

mod certificates;
mod cleanup;
mod deprovision;
mod epochs;
mod failover;
mod forget;
mod generation;
mod handover;
mod plugins;
mod presence;
mod progress;
mod provision;
mod quarantine;
mod replace;
#[cfg(test)]
mod tests;
mod verify;
mod view;

use std::sync::Arc;
use std::time::Duration;

use tenure_control_model::{Change, World};
use tenure_control_store::StoreError;
use tokio::sync::watch;
use tracing::{debug, info, warn};

pub(crate) use self::view::View;
use crate::authority::Authority;
use crate::metrics::Reconciler;
use crate::shared::Shared;

/// How often everything is looked at, if nobody wakes this sooner.
const EVERY: Duration = Duration::from_millis(250);
/// The shortest pause, however often this is woken.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// How long a database that does not answer is left alone.
const PAUSE_WITHOUT_DATABASE: Duration = Duration::from_secs(1);

/// See the top of the file.
pub(crate) struct Reconcilers {
    shared: Shared,
    authority: Authority,
    /// Whoever tells nodes what to host sees every world that was read.
    world: watch::Sender<Option<Arc<World>>>,
    presence: presence::Presence,
    generation: generation::Generation,
    quarantine: quarantine::Quarantine,
    replace: replace::Replace,
    failover: failover::Failover,
    deprovision: deprovision::Deprovision,
    verify: verify::Verify,
    forget: forget::Forget,
}

impl Reconcilers {
    pub(crate) fn new(shared: Shared, authority: Authority, world: watch::Sender<Option<Arc<World>>>) -> Self {
        Self {
            shared,
            authority,
            world,
            presence: presence::Presence::default(),
            generation: generation::Generation::default(),
            quarantine: quarantine::Quarantine::default(),
            replace: replace::Replace::default(),
            failover: failover::Failover::default(),
            deprovision: deprovision::Deprovision,
            verify: verify::Verify::default(),
            forget: forget::Forget::default(),
        }
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut is_broken = false;
        loop {
            let pause = match self.pass().await {
                Ok(()) => {
                    if is_broken {
                        info!("the database answers again");
                    }
                    is_broken = false;
                    EVERY
                }
                Err(error) => {
                    if !is_broken {
                        warn!(
                            error = crate::error_chain(&error),
                            "the database does not answer, nothing is decided"
                        );
                    }
                    is_broken = true;
                    PAUSE_WITHOUT_DATABASE
                }
            };
            tokio::time::sleep(PAUSE_MIN).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.wake.notified(), if !is_broken => {}
            }
        }
    }

    /// Looks once at everything.
    async fn pass(&mut self) -> Result<(), StoreError> {
        let passed = self.try_pass().await;
        if passed.is_err() {
            self.presence.lose_sight();
        }
        passed
    }

    async fn try_pass(&mut self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        let (metrics, clock) = (&shared.metrics, &shared.clock);
        let read = shared.store.world();
        let world = Arc::new(metrics.reconciling(Reconciler::Read, clock, read).await?);
        self.world.send_replace(Some(Arc::clone(&world)));
        let alive = world.nodes.iter().filter(|node| shared.is_alive(node));
        metrics.show(&world, alive.count());
        let observed = Arc::clone(&shared.observed.borrow());
        let silences = self.presence.silences(&world.nodes, shared.clock.boot());
        let view = View::new(&shared, &world, &observed, silences);
        metrics
            .reconciling(Reconciler::Plan, clock, self.plan(&shared, &view))
            .await?;
        let failover = self.failover.act(&shared, &view);
        metrics.reconciling(Reconciler::Failover, clock, failover).await?;
        let deprovision = self.deprovision.act(&shared, &view);
        metrics.reconciling(Reconciler::Deprovision, clock, deprovision).await?;
        let verify = self.verify.act(&shared, &view);
        metrics.reconciling(Reconciler::Verify, clock, verify).await?;
        let forget = self.forget.act(&shared);
        metrics.reconciling(Reconciler::Forget, clock, forget).await
    }

    /// Those that only plan, and what they change.
    async fn plan(&mut self, shared: &Shared, view: &View<'_>) -> Result<(), StoreError> {
        let plans: [fn(&View<'_>) -> Vec<Change>; 5] = [
            epochs::plan,
            provision::plan,
            handover::plan,
            plugins::plan,
            cleanup::plan,
        ];
        let mut changes = certificates::plan(view, &self.authority);
        changes.extend(plans.iter().flat_map(|plan| plan(view)));
        changes.extend(self.presence.plan(view));
        changes.extend(self.generation.plan(view));
        changes.extend(self.quarantine.plan(view));
        changes.extend(self.replace.plan(view));
        let is_over = changes.is_empty();
        for change in changes {
            apply(shared, change).await?;
        }
        if !is_over {
            // What comes next is decided by what is there now.
            shared.wake.notify_one();
        }
        Ok(())
    }
}

/// Makes a change. One that somebody else was faster with is decided anew in the next pass.
async fn apply(shared: &Shared, change: Change) -> Result<bool, StoreError> {
    match shared.store.apply(change).await {
        Ok(_) => Ok(true),
        Err(error @ (StoreError::Conflict { .. } | StoreError::InUse { .. })) => {
            debug!(%error, "somebody else was faster, looking again");
            shared.wake.notify_one();
            Ok(false)
        }
        // Nothing that is decided here adds what is counted.
        Err(error @ (StoreError::Full { .. } | StoreError::Unavailable { .. })) => Err(error),
    }
}
