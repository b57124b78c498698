//! Owning a shard: from the fence of an epoch to its end.
//! Promises: nothing is visible before the image holds everything up to the fence and every earlier lease has surely
//! ended. On a stop the epoch is given up once everything has its verdict, so that the next owner waits for nothing.

use std::rc::Rc;
use std::time::Duration;

use tenure_log::{Fenced, Granted, Release};
use tenure_types::{BootTime, Epoch};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::commit::{Over, commit};
use super::follow::{Place, catch_up};
use super::life::stopped;
use super::maintain::maintain;
use super::pipeline::Pipeline;
use super::renew::renew_once;
use super::role::{Broken, Role};
use super::take::Taken;
use super::{Replica, Standing};

/// How long a stop waits for verdicts before it leaves without giving the epoch up.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// How an ownership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By another epoch.
    Fenced,
    /// The node stops.
    Stopped,
}

/// Serves under an epoch that this replica was granted, until another takes the shard or the node stops.
pub(super) async fn own(replica: &Rc<Replica>, taken: Taken, mut stop: watch::Receiver<bool>) -> Result<Ended, Broken> {
    let Taken { granted, learned } = taken;
    info!(?replica, epoch = %granted.epoch, wait_out = ?granted.wait_out, "owning an epoch");
    // From here on the lease is renewed: an owner that loads is alive.
    replica.begin_epoch(&granted, learned);
    let over = tokio::select! {
        over = serve(replica, &granted) => over,
        () = stopped(&mut stop) => return give_up(replica, granted.epoch).await,
    };
    match over {
        Over::Fenced(fenced) => {
            replica.on_fenced(&fenced);
            Ok(Ended::Fenced)
        }
        Over::Broken(broken) => Err(broken),
    }
}

/// Loads what the image lacks, then carries turns to the log until the epoch is over.
async fn serve(replica: &Rc<Replica>, granted: &Granted) -> Over {
    // Not the worker's next renewal but one at once: its answer tells how long earlier owners may still be answering.
    let renewing = async {
        renew_once(&replica.log, std::slice::from_ref(replica)).await;
        std::future::pending().await
    };
    tokio::select! {
        over = load_and_commit(replica, granted) => over,
        over = replica.epoch_over() => over,
        never = renewing => never,
    }
}

async fn load_and_commit(replica: &Replica, granted: &Granted) -> Over {
    let end = Place {
        tail: granted.tail,
        chain: granted.chain,
    };
    match catch_up(replica, end).await {
        Ok(()) => replica.loaded(),
        Err(broken) => return Over::Broken(broken),
    }
    tokio::select! {
        over = commit(replica) => over,
        never = maintain(replica) => never,
    }
}

/// Ends an epoch by choice.
async fn give_up(replica: &Replica, epoch: Epoch) -> Result<Ended, Broken> {
    // 1. Execute nothing more: connections stop reading when the node stops. 2. Let everything have its verdict.
    // 3. Serve no more, then release. A crash in between leaves an epoch whose successor waits for the lease to end.
    let drained = tokio::select! {
        over = commit(replica) => {
            debug!(?replica, ?over, "the epoch ended while it was given up");
            false
        }
        () = replica.drained() => true,
        () = tokio::time::sleep(DRAIN_WITHIN) => false,
    };
    let visible = replica.standing() == Standing::Primary;
    replica.end_epoch();
    if drained && visible {
        let release = Release {
            stream: replica.stream(),
            epoch,
            incarnation: replica.incarnation(),
        };
        match replica.log.release(release).await {
            Ok(_) => info!(?replica, %epoch, "gave the epoch up"),
            Err(error) => warn!(?replica, %epoch, ?error, "could not give the epoch up, the next owner has to wait"),
        }
    }
    Ok(Ended::Stopped)
}

impl Replica {
    pub(super) fn begin_epoch(&self, granted: &Granted, learned: BootTime) {
        self.topology.learn(self.stream(), granted.epoch, self.node);
        let begun = self.state.borrow().begun.next_life();
        let pipeline = Pipeline::begin(self.stream(), self.incarnation(), granted, learned, begun);
        self.change_role(Role::Owner(Box::new(pipeline)));
    }

    /// The image holds everything up to the fence.
    pub(super) fn loaded(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.loaded();
        }
        self.tell_change();
    }

    /// Releases what is in the stream for good. Keeps the image if it holds nothing else; else it holds what never will be,
    /// and another life of this replica begins.
    fn on_fenced(&self, fenced: &Fenced) {
        let now = self.clock.boot();
        let kept = {
            let mut state = self.state.borrow_mut();
            let open_bytes = state.image.effects_bytes();
            let kept = state
                .role
                .pipeline_mut()
                .and_then(|pipeline| pipeline.on_fenced(fenced, open_bytes, now));
            state.wake_released();
            kept
        };
        info!(replica = ?self, %fenced, kept = kept.is_some(), "fenced");
        match kept {
            Some(place) => {
                let mut state = self.state.borrow_mut();
                state.place = place;
                // Its own clock may have been ahead: what it hid by it, the next owner may still prolong.
                let written_at = state.written_at;
                state.image.go_by_record(written_at);
            }
            None => self.begin_life(),
        }
        self.change_role(Role::Loading);
    }

    /// Nothing more is served under this epoch. Replies that are released still leave.
    fn end_epoch(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.end();
        }
        self.tell_change();
    }

    async fn drained(&self) {
        let mut changes = self.changes();
        let is_drained = || {
            let state = self.state.borrow();
            state.image.effects_bytes() == 0 && state.role.pipeline().is_none_or(Pipeline::is_drained)
        };
        while !is_drained() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
