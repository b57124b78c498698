//! A log in memory, for tests of everything above the log.
//! Promises: it is judged by the real state machine and the real clearance, passes the contract suite, and does
//! exactly what it is told to do wrong. It is NOT durable: one process, one copy, gone with the last handle.
//! Never reads a clock of its own and starts no thread: a call is done when its method returns.

mod faults;
mod state;
mod tailer;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{self, BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use tenure_log_protocol::{
    Append, Create, CreateRefused, Delete, Fence, FenceRefused, Granted, NotHeld, Release, Released, Renew, Trim,
    TrimRefused, Trimmed, Unsettled,
};
use tenure_types::{BootTime, Clock, LeaseLength, Lsn, StreamId};

use self::faults::{Fate, Fault};
use self::state::State;
use self::tailer::Tailer;
use crate::{Appended, CallError, DescribeAnswer, Log, LogStatus, RenewAnswer, Reply, Tailing, Unknown};

/// How a [`MemoryLog`] is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// L_max: the longest lease a fence may ask for. Default 10 s. Since 0.1.
    pub lease_max: LeaseLength,
    /// How many payload bytes past its newest record a stream is granted credit for. Default 64 MiB. Since 0.1.
    pub credit_bytes: u64,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        const LEASE_MAX: LeaseLength = LeaseLength::from_millis(10_000).unwrap();
        Self {
            lease_max: LEASE_MAX,
            credit_bytes: 64 << 20,
        }
    }
}

/// One log group in memory. Clones are handles to the same log.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl MemoryLog {
    /// A log without streams, whose leader has just won.
    pub fn new(clock: Arc<dyn Clock>, options: MemoryOptions) -> Self {
        let state = State::new(options, clock.boot());
        Self {
            shared: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    /// The next call takes effect, but its caller hears [`Unknown::Disconnected`].
    pub fn lose_next_answer(&self) {
        self.lock().faults.next = Some(Fault::LoseAnswer);
    }

    /// The next call takes no effect, and its caller hears [`Unknown::Discarded`].
    pub fn discard_next_call(&self) {
        self.lock().faults.next = Some(Fault::Discard);
    }

    /// Calls take no effect and hear [`Unknown::NoLeader`] until this much time has passed. Tails go on.
    pub fn refuse_for(&self, time: Duration) {
        let until = self.clock.boot().saturating_add(time);
        self.lock().faults.no_leader_until = Some(until);
    }

    /// Another node gains leadership now: what the leader kept in memory is lost, what was logged is not.
    pub fn change_leader(&self) {
        self.lock().change_leader(self.clock.boot());
    }

    /// Every reader there is now hears [`TailError::Interrupted`](crate::TailError::Interrupted).
    pub fn interrupt_tails(&self) {
        let mut state = self.lock();
        state.readers.interrupt();
        wake_after(state);
    }

    /// From now on grants credit for this many bytes past a stream's newest record. What was granted stays granted.
    pub fn grant_credit(&self, bytes: u64) {
        self.lock().credit_bytes = bytes;
    }

    /// Lets a call through to the state, unless it is to fail.
    fn call<T>(&self, judge: impl FnOnce(&mut State, BootTime) -> T) -> Result<T, Unknown> {
        let mut state = self.lock();
        // Read under the lock, so that calls are judged in the order of their readings.
        let now = self.clock.boot();
        let fate = state.faults.fate_of_next(now);
        match fate {
            Fate::Fails(unknown) => return Err(unknown),
            Fate::Answered | Fate::AnswerLost => {}
        }
        let answer = judge(&mut state, now);
        wake_after(state);
        match fate {
            Fate::Answered => Ok(answer),
            Fate::AnswerLost => Err(Unknown::Disconnected),
            Fate::Fails(unknown) => Err(unknown),
        }
    }

    /// As [`call`](Self::call), for a judgement that may be a refusal; already done when the future is returned.
    fn reply<T, R>(&self, judge: impl FnOnce(&mut State, BootTime) -> Result<T, R>) -> Reply<T, R>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let answer = match self.call(judge) {
            Ok(judged) => judged.map_err(CallError::Refused),
            Err(unknown) => Err(CallError::Unknown(unknown)),
        };
        future::ready(answer).boxed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl Log for MemoryLog {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        self.reply(|state, now| state.append(append, now))
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        self.reply(|state, now| state.fence(&fence, now))
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        let judge_all = |state: &mut State, now| -> Vec<RenewAnswer> {
            renews.iter().map(|renew| state.renew(renew, now)).collect()
        };
        let answers = self.call(judge_all).unwrap_or_else(|unknown| {
            let outcome = Err(CallError::Unknown(unknown));
            renews
                .iter()
                .map(|renew| RenewAnswer { renew: *renew, outcome })
                .collect()
        });
        stream::iter(answers).boxed()
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        self.reply(|state, _| state.release(&release))
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        self.reply(|state, _| state.trim(&trim))
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        self.reply(|state, _| state.create(&create))
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        future::ready(self.call(|state, _| state.delete(&delete))).boxed()
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        let answer = |stream: &StreamId, outcome| DescribeAnswer {
            stream: *stream,
            outcome,
        };
        let tell_all = |state: &mut State, now| -> Vec<_> {
            let tell = |stream: &StreamId| answer(stream, Ok(state.describe(*stream, now)));
            streams.iter().map(tell).collect()
        };
        let answers = self.call(tell_all).unwrap_or_else(|unknown| {
            let unheard = |stream: &StreamId| answer(stream, Err(unknown));
            streams.iter().map(unheard).collect()
        });
        stream::iter(answers).boxed()
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        future::ready(self.call(|state, _| state.status())).boxed()
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        Tailer::new(Arc::clone(&self.shared), stream, from).boxed()
    }
}

/// Takes the lock, also after another test thread panicked holding it: judging never panics, so the state is whole.
fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the lock go, then wakes the readers that have something to read: one that is polled at once takes the lock.
fn wake_after(mut state: MutexGuard<'_, State>) {
    let wakers = state.readers.take_woken();
    drop(state);
    for waker in wakers {
        waker.wake();
    }
}
