//! From whoever calls to the task that sends: the calls of one group in the order in which they were submitted.
//! Promises: submitting never waits; what finds no room is answered `Busy`, and what nobody will send any more
//! `Disconnected`, before the method returns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use tenure_log::Unknown;
use tenure_wire::log_v1 as wire;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::bounds::{Bounds, Place};
use super::options::ClientOptions;
use super::waiter::Waiter;

/// A call, who waits for it, and its room.
pub(super) struct Submitted {
    pub(super) call: wire::Call,
    pub(super) waiter: Waiter,
    pub(super) place: Place,
    pub(super) at: Instant,
}

/// The way of calls to the task of their group.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when the queue is no longer empty, and when it is closed.
    changed: Notify,
    appends: Arc<Bounds>,
    /// Of their own, so that a group full of appends can still be fenced.
    others: Arc<Bounds>,
}

struct State {
    calls: Vec<Submitted>,
    phase: Phase,
}

/// Who is at the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Both: calls come and are taken.
    Open,
    /// Nobody submits any more; what is there is still taken.
    Closed,
    /// Nobody takes any more.
    Ended,
}

impl Queue {
    pub(super) fn new(options: &ClientOptions) -> Self {
        let bounds = || Bounds::new(options.queued_calls_max, options.queued_bytes_max);
        Self {
            state: Mutex::new(State {
                calls: Vec::new(),
                phase: Phase::Open,
            }),
            changed: Notify::new(),
            appends: bounds(),
            others: bounds(),
        }
    }

    /// Puts a call behind those submitted before.
    pub(super) fn submit(&self, call: wire::Call, waiter: Waiter) {
        let bounds = if waiter.may_repeat() {
            &self.others
        } else {
            &self.appends
        };
        let Some(place) = bounds.take(call.encoded_len()) else {
            waiter.unknown(Unknown::Busy);
            return;
        };
        let mut state = self.lock();
        match state.phase {
            Phase::Open => {
                // Read under the lock, so that instants are in the order of the calls.
                let at = Instant::now();
                state.calls.push(Submitted {
                    call,
                    waiter,
                    place,
                    at,
                });
                let was_empty = state.calls.len() == 1;
                drop(state);
                if was_empty {
                    self.changed.notify_one();
                }
            }
            Phase::Closed | Phase::Ended => {
                drop(state);
                waiter.unknown(Unknown::Disconnected);
            }
        }
    }

    /// Everything that was submitted, and whether more may come.
    pub(super) fn take(&self) -> (Vec<Submitted>, bool) {
        let mut state = self.lock();
        (std::mem::take(&mut state.calls), state.phase == Phase::Open)
    }

    /// Waits until there may be something to take. For one task only.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The last who could submit is gone.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Who takes is gone. What is left is answered.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.phase = Phase::Ended;
        let left = std::mem::take(&mut state.calls);
        drop(state);
        for submitted in left {
            submitted.waiter.unknown(Unknown::Disconnected);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::samples::{append, create, heard_append, heard_create};
    use futures::FutureExt;

    fn queue(calls_max: usize) -> Queue {
        Queue::new(&ClientOptions {
            queued_calls_max: calls_max,
            ..ClientOptions::default()
        })
    }

    #[test]
    fn calls_are_taken_in_the_order_of_submission() {
        let queue = queue(8);
        let mut heard = Vec::new();
        for number in 1..=3 {
            let (waiter, hears) = heard_append();
            queue.submit(append(number), waiter);
            heard.push(hears);
        }
        let (taken, more) = queue.take();
        let calls: Vec<_> = taken.into_iter().map(|submitted| submitted.call).collect();
        assert_eq!((calls, more), (vec![append(1), append(2), append(3)], true));
        assert!(queue.take().0.is_empty());
    }

    #[test]
    fn a_full_queue_answers_busy_and_others_have_room_of_their_own() {
        let queue = queue(1);
        let (first, _heard) = heard_append();
        queue.submit(append(1), first);
        let (second, heard) = heard_append();
        queue.submit(append(2), second);
        assert_eq!(heard.now_or_never().unwrap().unwrap_err(), Unknown::Busy.into());
        let (other, heard) = heard_create();
        queue.submit(create(), other);
        assert!(heard.now_or_never().is_none(), "it waits");
        let (taken, _) = queue.take();
        assert_eq!(taken.len(), 2);
        drop(taken);
        let (third, heard) = heard_append();
        queue.submit(append(3), third);
        assert!(heard.now_or_never().is_none(), "there is room again");
    }

    #[test]
    fn what_nobody_takes_any_more_is_answered() {
        let queue = queue(8);
        let (before, heard_before) = heard_append();
        queue.submit(append(1), before);
        queue.end();
        let (after, heard_after) = heard_append();
        queue.submit(append(2), after);
        for heard in [heard_before, heard_after] {
            assert_eq!(heard.now_or_never().unwrap().unwrap_err(), Unknown::Disconnected.into());
        }
    }

    #[test]
    fn a_closed_queue_gives_what_is_there() {
        let queue = queue(8);
        let (waiter, heard) = heard_append();
        queue.submit(append(1), waiter);
        queue.close();
        let (taken, more) = queue.take();
        assert_eq!((taken.len(), more), (1, false));
        assert!(heard.now_or_never().is_none());
    }
}
