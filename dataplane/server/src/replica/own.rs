//! Owning a shard: from the fence of an epoch to its end.
//! Promises: nothing is visible before the image holds everything up to the fence and every earlier lease has surely
//! ended. On a stop, and when the layout says so, the epoch is given up once everything has its verdict, so that the next owner
//! waits for nothing. Once that was said to the log, nothing is ever served under that epoch again, whatever the log answers.

use std::rc::Rc;
use std::time::Duration;

use tenure_log::{Fenced, Granted, Release};
use tenure_types::{BootTime, Epoch};
use tokio::sync::watch;
use tokio::time::Instant;
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
use crate::client::End;
use crate::layout::ShardLayout;

/// How long a stop waits for verdicts before it leaves without giving the epoch up.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// How long a hand-over waits for verdicts before the owner goes on: nobody is served meanwhile.
pub(super) const HAND_OVER_WITHIN: Duration = Duration::from_secs(1);

/// How long an owner that could not hand its shard over serves before it tries again.
pub(super) const HAND_OVER_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long a hand-over waits, once the log has heard of it, for clients to take what they are owed.
const LAST_REPLIES_WITHIN: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How an ownership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By another epoch.
    Fenced,
    /// The layout said so.
    HandedOver,
    /// The node stops.
    Stopped,
}

/// Serves under an epoch that this replica was granted, until another takes the shard, it is to be handed over or the replica
/// is to stop.
pub(super) async fn own(replica: &Rc<Replica>, taken: Taken, mut stop: watch::Receiver<bool>) -> Result<Ended, Broken> {
    let Taken { granted, learned } = taken;
    info!(?replica, epoch = %granted.epoch, wait_out = ?granted.wait_out, "owning an epoch");
    // From here on the lease is renewed: an owner that loads is alive.
    replica.begin_epoch(&granted, learned);
    let mut hand_over_from = Instant::now();
    loop {
        let over = tokio::select! {
            over = serve(replica, &granted) => Some(over),
            () = stopped(&mut stop) => return Ok(stop_owning(replica, granted.epoch).await),
            () = replica.is_to_hand_over(granted.epoch, hand_over_from) => None,
        };
        let over = match over {
            Some(over) => over,
            None => match hand_over(replica, granted.epoch, &mut stop).await {
                HandedOver::Done => return Ok(Ended::HandedOver),
                HandedOver::Over(over) => over,
                HandedOver::Undone => {
                    hand_over_from = Instant::now() + HAND_OVER_AGAIN_AFTER;
                    continue;
                }
            },
        };
        return match over {
            Over::Fenced(fenced) => {
                replica.on_fenced(&fenced);
                Ok(Ended::Fenced)
            }
            Over::Broken(broken) => Err(broken),
        };
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

/// Ends an epoch because the replica stops.
async fn stop_owning(replica: &Replica, epoch: Epoch) -> Ended {
    // 1. Execute nothing more: connections stop reading when the replica stops. 2. Let everything have its verdict.
    // 3. Serve no more, then release. A crash in between leaves an epoch whose successor waits for the lease to end.
    match drain(replica, DRAIN_WITHIN).await {
        Drained::Whole | Drained::Late => {}
        Drained::Over(over) => debug!(?replica, ?over, "the epoch ended while it was given up"),
    }
    let may_release = replica.may_release();
    replica.end_epoch();
    if may_release {
        release(replica, epoch).await;
    }
    Ended::Stopped
}

/// What became of a hand-over.
enum HandedOver {
    /// The epoch was given up: it is never served again.
    Done,
    /// It ended meanwhile.
    Over(Over),
    /// Nothing was given up, the owner goes on.
    Undone,
}

/// Ends an epoch in favour of another node, of which somebody knows that it can take the shard.
async fn hand_over(replica: &Replica, epoch: Epoch, stop: &mut watch::Receiver<bool>) -> HandedOver {
    info!(?replica, %epoch, "handing the shard over");
    // 1. Execute nothing more; who is connected takes what it is owed, and comes again. 2. Let everything have its verdict.
    // 3. Release. 4. Follow under another name. A crash before 3 leaves an epoch whose successor waits for the lease to end.
    replica.end_epoch();
    let owed = replica.clients.list();
    replica.clients.end_all(End::Stopping);
    let drained = tokio::select! {
        drained = drain(replica, HAND_OVER_WITHIN) => drained,
        // It stops as one that was not told to hand over: it looks again.
        () = stopped(stop) => Drained::Late,
    };
    match drained {
        Drained::Over(over) => return HandedOver::Over(over),
        Drained::Whole if replica.may_release() => {}
        Drained::Whole | Drained::Late => {
            warn!(?replica, %epoch, "the shard could not be handed over, going on");
            replica.resume_epoch();
            return HandedOver::Undone;
        }
    }
    release(replica, epoch).await;
    let taken = async {
        while owed.iter().any(|client| replica.clients.has(client.id)) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // Nobody waits for this: the next owner may be there already.
    let _ = tokio::time::timeout(LAST_REPLIES_WITHIN, taken).await;
    // The log may not have heard it, and would grant this very epoch again to whoever asks by the same name.
    replica.take_another_name();
    replica.follow_from_here();
    HandedOver::Done
}

/// What became of the records that have no verdict.
#[derive(Debug)]
enum Drained {
    /// Each has one.
    Whole,
    /// Not in time.
    Late,
    /// The epoch ended.
    Over(Over),
}

async fn drain(replica: &Replica, within: Duration) -> Drained {
    tokio::select! {
        over = commit(replica) => Drained::Over(over),
        () = replica.drained() => Drained::Whole,
        () = tokio::time::sleep(within) => Drained::Late,
    }
}

/// Tells the log that the next owner need not wait. Whatever comes of it, nothing may be served under this epoch again.
async fn release(replica: &Replica, epoch: Epoch) {
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

impl Replica {
    pub(super) fn begin_epoch(&self, granted: &Granted, learned: BootTime) {
        if self.topology.learn(self.stream(), granted.epoch, self.node) {
            self.tallies.epoch_began();
        }
        let begun = self.state.borrow().begun.next_life();
        let pipeline = Pipeline::begin(self.stream(), self.incarnation(), granted, learned, begun);
        self.change_role(Role::Owner(Box::new(pipeline)));
    }

    /// The image holds everything up to the fence.
    pub(super) fn loaded(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.loaded();
        }
        self.news.notify_one();
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

    /// Resolves when the layout says that the owner of this epoch gives it up, and it can: it serves, so it has waited out
    /// whoever owned the shard before. Not before `from`.
    async fn is_to_hand_over(&self, epoch: Epoch, from: Instant) {
        tokio::time::sleep_until(from).await;
        let (mut orders, mut changes) = (self.topology.orders(), self.changes());
        let is_told = || {
            let gives_up = |shard: &ShardLayout| shard.give_up == Some(epoch) && shard.primary != self.node;
            self.topology.ordered(self.stream, gives_up) == Some(true)
        };
        loop {
            if is_told() && self.standing() == Standing::Primary {
                return;
            }
            let is_gone = tokio::select! {
                ordered = orders.changed() => ordered.is_err(),
                // Each verdict is a change: they are no concern of an owner that was told nothing.
                changed = changes.changed(), if is_told() => changed.is_err(),
                () = self.wait_out(), if is_told() => false,
            };
            if is_gone {
                return std::future::pending().await;
            }
        }
    }

    fn may_release(&self) -> bool {
        let now = self.clock.boot();
        let state = self.state.borrow();
        let open_bytes = state.image.effects_bytes();
        let pipeline = state.role.pipeline();
        pipeline.is_some_and(|pipeline| pipeline.may_release(open_bytes, now))
    }

    /// Nothing more is executed under this epoch. Replies that are released still leave.
    fn end_epoch(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.end();
        }
        self.news.notify_one();
        self.tell_change();
    }

    /// It goes on after all: nothing was released.
    fn resume_epoch(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.resume();
        }
        self.news.notify_one();
        self.tell_change();
    }

    /// The epoch was given up with everything in the log: the image holds that and nothing else, and follows from there.
    fn follow_from_here(&self) {
        {
            let mut state = self.state.borrow_mut();
            if let Some(place) = state.role.pipeline().map(Pipeline::place) {
                state.place = place;
            }
            // As when it is fenced: its own clock may have been ahead.
            let written_at = state.written_at;
            state.image.go_by_record(written_at);
        }
        self.change_role(Role::Loading);
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
