//! The answers that wait to be sent to one caller.
//! Promises: every waiter is answered exactly once: one that is dropped answers that its call was given up. Never more
//! answers than calls in hand, which the caller's connection bounds. Taking them is one step, however many there are.
//! They end when the caller sends no more and has all its answers, or when it is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure_wire::log_v1 as wire;
use tokio::sync::Notify;
use tonic::Status;

/// Answers on their way to one caller. Clones are handles to the same queue.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    queue: Mutex<Queue>,
    /// Told when there is something to send, or when a call ended.
    changed: Notify,
}

#[derive(Default)]
struct Queue {
    ready: Vec<wire::Answered>,
    /// Bytes and number of calls that are not answered.
    in_hand: InHand,
    /// No more calls come, for this reason if there is one to tell.
    ended: Option<Result<(), Status>>,
    /// Nobody takes answers any more.
    abandoned: bool,
}

/// Calls that wait for their answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InHand {
    /// How many.
    pub calls: usize,
    /// Their size.
    pub bytes: usize,
}

impl Answers {
    /// Someone to answer for call `number` of this size.
    pub(crate) fn waiter(&self, number: u64, bytes: usize) -> Waiter {
        let mut queue = self.lock();
        queue.in_hand.calls += 1;
        queue.in_hand.bytes += bytes;
        drop(queue);
        Waiter {
            number,
            bytes,
            to: Some(self.clone()),
        }
    }

    /// Everything that can be sent; waits until there is something. `None`: that was all.
    pub(crate) async fn take(&self) -> Option<Result<Vec<wire::Answered>, Status>> {
        loop {
            let changed = self.0.changed.notified();
            {
                let mut queue = self.lock();
                if !queue.ready.is_empty() {
                    let ready = std::mem::take(&mut queue.ready);
                    drop(queue);
                    // There is room for more calls.
                    self.0.changed.notify_waiters();
                    return Some(Ok(ready));
                }
                match &queue.ended {
                    Some(Ok(())) if queue.in_hand.calls == 0 => return None,
                    Some(Err(status)) => {
                        let status = status.clone();
                        queue.ended = Some(Ok(()));
                        queue.in_hand.calls = 0;
                        return Some(Err(status));
                    }
                    Some(Ok(())) | None => {}
                }
            }
            changed.await;
        }
    }

    /// Waits until no more than this is in hand, answers that were not taken included. `false`: the caller is gone.
    pub(crate) async fn at_most(&self, calls_max: usize, bytes_max: usize) -> bool {
        loop {
            let changed = self.0.changed.notified();
            {
                let queue = self.lock();
                if queue.abandoned {
                    return false;
                }
                if queue.in_hand.calls + queue.ready.len() <= calls_max && queue.in_hand.bytes <= bytes_max {
                    return true;
                }
            }
            changed.await;
        }
    }

    /// No more calls come. An error is told to the caller, who hears no more answers then.
    pub(crate) fn end(&self, why: Result<(), Status>) {
        self.lock().ended = Some(why);
        self.0.changed.notify_waiters();
    }

    /// The caller is gone.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.0.changed.notify_waiters();
    }

    fn put(&self, answered: wire::Answered, bytes: usize) {
        let mut queue = self.lock();
        queue.in_hand.calls = queue.in_hand.calls.saturating_sub(1);
        queue.in_hand.bytes = queue.in_hand.bytes.saturating_sub(bytes);
        // Whoever is gone, or was told an error, hears no more.
        if !queue.abandoned {
            queue.ready.push(answered);
        }
        drop(queue);
        self.0.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owes one answer.
pub(crate) struct Waiter {
    number: u64,
    bytes: usize,
    /// `None` once it has answered.
    to: Option<Answers>,
}

impl Waiter {
    /// Answers.
    pub(crate) fn answer(mut self, answer: wire::answered::Answer) {
        self.put(answer);
    }

    /// Answers that the outcome is not known.
    pub(crate) fn unknown(self, unknown: tenure_log::Unknown) {
        self.answer(wire::answered::Answer::Unknown(crate::convert::unknown_to_wire(
            unknown,
        )));
    }

    /// The size of its call.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn put(&mut self, answer: wire::answered::Answer) {
        if let Some(to) = self.to.take() {
            let answered = wire::Answered {
                number: self.number,
                answer: Some(answer),
            };
            to.put(answered, self.bytes);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let given_up = crate::convert::unknown_to_wire(tenure_log::Unknown::Discarded);
        self.put(wire::answered::Answer::Unknown(given_up));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tenure_log::Unknown;

    fn numbers(taken: Option<Result<Vec<wire::Answered>, Status>>) -> Vec<u64> {
        taken.unwrap().unwrap().iter().map(|answered| answered.number).collect()
    }

    #[tokio::test]
    async fn a_waiter_that_is_dropped_answers_that_its_call_was_given_up() {
        let answers = Answers::default();
        drop(answers.waiter(7, 1));
        let answered = answers.take().await.unwrap().unwrap();
        let unknown = crate::convert::unknown_to_wire(Unknown::Discarded);
        assert_eq!(answered[0].number, 7);
        assert_eq!(answered[0].answer, Some(wire::answered::Answer::Unknown(unknown)));
    }

    #[tokio::test]
    async fn answers_are_taken_together_and_wake_who_waits_for_them() {
        let answers = Answers::default();
        let (first, second) = (answers.waiter(1, 1), answers.waiter(2, 1));
        let taking = tokio::spawn({
            let answers = answers.clone();
            async move { answers.take().await }
        });
        tokio::task::yield_now().await;
        second.unknown(Unknown::Busy);
        first.unknown(Unknown::Busy);
        assert_eq!(numbers(taking.await.unwrap()), [2, 1]);
    }

    #[tokio::test]
    async fn answers_end_when_no_call_is_in_hand() {
        let answers = Answers::default();
        let waiter = answers.waiter(1, 1);
        answers.end(Ok(()));
        assert!(answers.take().now_or_never().is_none(), "one is still owed");
        waiter.unknown(Unknown::Busy);
        assert_eq!(numbers(answers.take().await), [1]);
        assert!(answers.take().await.is_none());
    }

    #[tokio::test]
    async fn an_error_is_told_once_and_ends_the_answers() {
        let answers = Answers::default();
        let waiter = answers.waiter(1, 1);
        answers.end(Err(Status::invalid_argument("garbage")));
        assert!(answers.take().await.unwrap().is_err());
        assert!(answers.take().await.is_none());
        drop(waiter);
    }

    #[tokio::test]
    async fn room_comes_with_answers() {
        let answers = Answers::default();
        let (one, two) = (answers.waiter(1, 10), answers.waiter(2, 10));
        for (calls_max, bytes_max) in [(1, 100), (100, 10)] {
            assert!(answers.at_most(calls_max, bytes_max).now_or_never().is_none());
        }
        drop(one);
        assert!(
            answers.at_most(1, 10).now_or_never().is_none(),
            "its answer is not taken"
        );
        assert_eq!(numbers(answers.take().await), [1]);
        assert!(answers.at_most(1, 10).await);
        drop(two);
    }

    #[tokio::test]
    async fn nobody_waits_for_room_of_a_caller_that_is_gone() {
        let answers = Answers::default();
        let waiter = answers.waiter(1, 10);
        answers.abandon();
        assert!(!answers.at_most(0, 0).await);
        drop(waiter);
        assert!(answers.lock().ready.is_empty());
    }
}
