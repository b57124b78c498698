//! The reconcilers, one file each: what is intended and what was heard become changes.
//! Promises: a reconciler looks at everything each time, takes no input, and does no harm when it runs twice or beside one of
//! another control plane: every row it writes names the version that it read, and every epoch is won in the log. A database
//! or a log that does not answer stops nothing but this.
//!
//! ```text
//!   certificates   epochs   provision   handover   cleanup                          pure: View → changes
//!   presence   generation   replace                                                they remember something, too
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
mod presence;
mod progress;
mod provision;
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
        let world = Arc::new(self.shared.store.world().await?);
        self.world.send_replace(Some(Arc::clone(&world)));
        let observed = Arc::clone(&self.shared.observed.borrow());
        let silences = self.presence.silences(&world.nodes, self.shared.clock.boot());
        let view = View::new(&self.shared, &world, &observed, silences);
        let plans: [fn(&View<'_>) -> Vec<Change>; 4] = [epochs::plan, provision::plan, handover::plan, cleanup::plan];
        let mut changes = certificates::plan(&view, &self.authority);
        changes.extend(plans.iter().flat_map(|plan| plan(&view)));
        changes.extend(self.presence.plan(&view));
        changes.extend(self.generation.plan(&view));
        changes.extend(self.replace.plan(&view));
        let is_over = changes.is_empty();
        for change in changes {
            apply(&self.shared, change).await?;
        }
        if !is_over {
            // What comes next is decided by what is there now.
            self.shared.wake.notify_one();
        }
        self.failover.act(&self.shared, &view).await?;
        self.deprovision.act(&self.shared, &view).await?;
        self.verify.act(&self.shared, &view).await?;
        self.forget.act(&self.shared).await
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
        Err(error @ StoreError::Unavailable { .. }) => Err(error),
    }
}
