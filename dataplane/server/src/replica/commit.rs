//! Carrying turns to the log: seals their effects, sends, and takes verdicts.
//! Promises: a turn's effects leave as soon as there is room in flight and nobody is worth waiting for (see `gather`), in the
//! order of the turns; after anything that is not final everything without a verdict is sent again, in order, after a pause. Ends
//! only with the epoch.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tenure_log::{Appended, CallError, Fenced, Unsettled};
use tokio::time::Instant;
use tracing::debug;

use super::Replica;
use super::pipeline::{Attempt, Step};
use super::role::Broken;

/// Appends of one shard without an answer. What comes meanwhile leaves as one record with the next: fewer starve the log,
/// more make records small (DESIGN 16).
const APPENDS_MAX: usize = 4;

/// Pause before everything is sent again. Doubles with each time that changes nothing.
const RESEND_AFTER_MIN: Duration = Duration::from_millis(5);
const RESEND_AFTER_MAX: Duration = Duration::from_millis(200);

type Answers = FuturesUnordered<BoxFuture<'static, (Attempt, Result<Appended, CallError<Unsettled>>)>>;

/// How an epoch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// By another.
    Fenced(Fenced),
    /// It cannot go on.
    Broken(Broken),
}

/// Sends and takes verdicts until the epoch is over. May be dropped at any point and begun again: what it sent is sent
/// again then.
pub(super) async fn commit(replica: &Replica) -> Over {
    replica.begin_attempt();
    let mut answers = Answers::new();
    let mut pause = RESEND_AFTER_MIN;
    let mut resend_at: Option<Instant> = None;
    let mut over = pin!(replica.epoch_over());
    loop {
        let gathers = answers.len() < APPENDS_MAX && replica.gathers();
        if resend_at.is_none()
            && let Err(broken) = send(replica, &mut answers, gathers)
        {
            return Over::Broken(broken);
        }
        let step = tokio::select! {
            Some((attempt, answer)) = answers.next(), if !answers.is_empty() => {
                if answer.is_ok() {
                    pause = RESEND_AFTER_MIN;
                } else {
                    debug!(?replica, ?attempt, ?answer, "an append has no verdict");
                }
                replica.on_answer(attempt, answer)
            }
            () = replica.turned.notified() => Step::GoOn,
            // Comes back when the sockets have been looked at.
            () = tokio::task::yield_now(), if gathers && resend_at.is_none() => Step::GoOn,
            () = tokio::time::sleep_until(resend_at.unwrap_or_else(Instant::now)), if resend_at.is_some() => {
                resend_at = None;
                Step::GoOn
            }
            // Told by a renewal.
            over = &mut over => return over,
        };
        match step {
            Step::GoOn => {}
            Step::Resend => {
                replica.tallies.resent();
                resend_at = Some(Instant::now() + pause);
                pause = (pause * 2).min(RESEND_AFTER_MAX);
            }
            Step::Fenced(fenced) => return Over::Fenced(fenced),
            Step::Broken(refused) => return Over::Broken(Broken::Refused(refused)),
        }
    }
}

/// Sends what has a place, and the open record unless it `gathers`.
fn send(replica: &Replica, answers: &mut Answers, gathers: bool) -> Result<(), Broken> {
    while answers.len() < APPENDS_MAX {
        if !gathers {
            replica.seal()?;
        }
        // The clock is read before the append leaves: the lease counts from here.
        let now = replica.clock.boot();
        let next = replica
            .state
            .borrow_mut()
            .role
            .pipeline_mut()
            .and_then(|pipeline| pipeline.next_append(now));
        let Some(sending) = next else {
            return Ok(());
        };
        let attempt = sending.attempt;
        let answer = replica.log.append(sending.append);
        answers.push(answer.map(move |answer| (attempt, answer)).boxed());
    }
    Ok(())
}

impl Replica {
    /// What an earlier run of `commit` sent counts as not sent.
    fn begin_attempt(&self) {
        if let Some(pipeline) = self.state.borrow_mut().role.pipeline_mut() {
            pipeline.begin_attempt();
        }
    }

    /// Whether the open record should wait for more turns.
    fn gathers(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let open_bytes = state.image.effects_bytes();
        let pipeline = state.role.pipeline_mut().filter(|_| open_bytes > 0);
        pipeline.is_some_and(|pipeline| pipeline.gathers(open_bytes, self.clock.boot()))
    }

    /// Gives the effects of the open turn a place, if there are any and there is room.
    fn seal(&self) -> Result<(), Broken> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(pipeline) = state.role.pipeline_mut() else {
            return Ok(());
        };
        if state.image.effects_bytes() > 0 && pipeline.may_seal() {
            let written_at = state.image.now();
            state.written_at = state.written_at.max(written_at);
            let sealed = pipeline.seal(state.image.take_effects().into(), written_at);
            sealed.ok_or(Broken::NoPositionsLeft)?;
        }
        Ok(())
    }

    fn on_answer(&self, attempt: Attempt, answer: Result<Appended, CallError<Unsettled>>) -> Step {
        let step = {
            let mut state = self.state.borrow_mut();
            let Some(pipeline) = state.role.pipeline_mut() else {
                return Step::GoOn;
            };
            let step = pipeline.on_answer(attempt, answer);
            let now = self.clock.boot();
            for sent in pipeline.take_released() {
                self.tallies.committed(now.elapsed_since(sent));
            }
            pipeline.expect_back(now);
            state.wake_released();
            step
        };
        self.tell_change();
        step
    }

    /// Resolves when a renewal found the epoch over.
    pub(super) async fn epoch_over(&self) -> Over {
        let mut changes = self.changes();
        loop {
            if let Some(over) = self.over.take() {
                return over;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
