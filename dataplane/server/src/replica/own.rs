//! Owning a shard: from the fence of an epoch to its end.
//! Promises: nothing is visible before the image holds everything up to the fence and every earlier lease has surely
//! ended. On a stop the epoch is given up once everything has its verdict, so that the next owner waits for nothing.

use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use tenure_engine::Image;
use tenure_log::{CallError, Create, Description, Fence, FenceRefused, Fenced, Granted, Nomination, Release, Reply};
use tenure_types::{BootTime, Epoch, Incarnation, Owner};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::commit::{Over, commit};
use super::follow::{Place, Reader};
use super::life::stopped;
use super::maintain::maintain;
use super::pipeline::Pipeline;
use super::role::{Broken, Role};
use super::{Replica, Standing, image_options};

/// Pause before a call that the log could not answer is made again. The log's client repeats by itself until its own
/// deadline, so this is for a log that is gone for longer.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a stop waits for verdicts before it leaves without giving the epoch up.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// How an ownership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By another epoch. The image is kept if it holds nothing but what is in the stream, up to here.
    Fenced(Option<Place>),
    /// The node stops.
    Stopped,
}

/// Takes the shard, whoever had it, and serves until another takes it or the node stops.
pub(super) async fn own(replica: &Rc<Replica>, mut stop: watch::Receiver<bool>) -> Result<Ended, Broken> {
    let (incarnation, granted) = tokio::select! {
        taken = take(replica) => taken?,
        () = stopped(&mut stop) => return Ok(Ended::Stopped),
    };
    let learned = replica.clock.boot();
    info!(?replica, epoch = %granted.epoch, wait_out = ?granted.wait_out, "owning an epoch");
    // From here on the lease is renewed: an owner that loads is alive.
    replica.begin_epoch(incarnation, &granted, learned);
    let over = tokio::select! {
        over = serve(replica, &granted) => over,
        () = stopped(&mut stop) => return give_up(replica, incarnation, granted.epoch).await,
    };
    match over {
        Over::Fenced(fenced) => Ok(Ended::Fenced(replica.on_fenced(&fenced))),
        Over::Broken(broken) => Err(broken),
    }
}

/// Loads the image, then carries turns to the log until the epoch is over.
async fn serve(replica: &Replica, granted: &Granted) -> Over {
    let end = Place {
        tail: granted.tail,
        chain: granted.chain,
    };
    let mut reader = Reader::new(replica);
    tokio::select! {
        caught_up = reader.catch_up(end) => match caught_up {
            Ok(()) => replica.loaded(),
            Err(broken) => return Over::Broken(broken),
        },
        over = replica.epoch_over() => return over,
    }
    tokio::select! {
        over = commit(replica) => over,
        never = maintain(replica) => never,
    }
}

/// Fences the stream until this node owns it.
async fn take(replica: &Replica) -> Result<(Incarnation, Granted), Broken> {
    settle(replica, || {
        replica.log.create(Create {
            stream: replica.stream(),
            tenant: replica.cluster.borrow().tenant,
            restore_window: false,
        })
    })
    .await
    .map_err(Broken::NoStream)?;
    loop {
        let incarnation = replica.draw_incarnation();
        let fence = Fence {
            stream: replica.stream(),
            expect_epoch: describe(replica)
                .await
                .ownership
                .map_or(Epoch::NONE, |current| current.epoch),
            owner: Owner {
                node: replica.node,
                incarnation,
            },
            lease: replica.lease,
            nomination: Nomination::ByControlPlane,
        };
        match settle(replica, || replica.log.fence(fence)).await {
            Ok(granted) => return Ok((incarnation, granted)),
            Err(refused @ (FenceRefused::Lost { .. } | FenceRefused::TailMoved { .. })) => {
                warn!(?replica, %refused, "another took the shard, trying again");
            }
            Err(
                refused @ (FenceRefused::LeaseTooLong { .. } | FenceRefused::NoEpochsLeft | FenceRefused::NoStream),
            ) => {
                return Err(Broken::NoEpoch(refused));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How the stream stands, once it exists and the log answers.
pub(super) async fn describe(replica: &Replica) -> Description {
    loop {
        let answer = replica.log.describe(vec![replica.stream()]).next().await;
        match answer.map(|answer| answer.outcome) {
            Some(Ok(Some(status))) => return status.description,
            Some(Ok(None) | Err(_)) | None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Repeats a call until the log says yes or no.
async fn settle<T, R>(replica: &Replica, call: impl Fn() -> Reply<T, R>) -> Result<T, R> {
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Refused(refused)) => return Err(refused),
            Err(CallError::Unknown(unknown)) => debug!(?replica, %unknown, "the log did not answer, trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends an epoch by choice.
async fn give_up(replica: &Rc<Replica>, incarnation: Incarnation, epoch: Epoch) -> Result<Ended, Broken> {
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
            incarnation,
        };
        match replica.log.release(release).await {
            Ok(_) => info!(?replica, %epoch, "gave the epoch up"),
            Err(error) => warn!(?replica, %epoch, ?error, "could not give the epoch up, the next owner has to wait"),
        }
    }
    Ok(Ended::Stopped)
}

impl Replica {
    fn draw_incarnation(&self) -> Incarnation {
        let random = &mut self.state.borrow_mut().random;
        loop {
            if let Some(incarnation) = Incarnation::new(random.next()) {
                return incarnation;
            }
        }
    }

    pub(super) fn begin_epoch(&self, incarnation: Incarnation, granted: &Granted, learned: BootTime) {
        let begun = self.state.borrow().begun.next_life();
        let pipeline = Pipeline::begin(self.stream(), incarnation, granted, learned, begun);
        self.change_role(Role::Owner(Box::new(pipeline)));
    }

    /// The image holds everything up to the fence.
    pub(super) fn loaded(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.loaded();
        }
        self.tell_change();
    }

    /// Releases what is in the stream for good. Tells up to where the image is the stream's, or drops it if it holds what
    /// never will be.
    fn on_fenced(&self, fenced: &Fenced) -> Option<Place> {
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
        if kept.is_none() {
            self.state.borrow_mut().image = Image::new(image_options(&self.cluster.borrow()));
        }
        self.change_role(Role::Loading);
        kept
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
