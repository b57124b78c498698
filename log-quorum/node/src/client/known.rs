//! Which node leads a group, as those who ask it things know it together.
//! Promises: what was learned of one node is never undone by what is older, and a guess is not taken for knowledge. A
//! node counts as the leader once it judged something; who is only named as one is asked first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The leader of one group, for all tasks that ask it something. Nodes are named by their place in the list.
pub(super) struct KnownLeader {
    state: Mutex<Known>,
    /// Told of what the submitter did not find itself.
    found: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    at: usize,
    /// How new that is; `None`: it is a guess.
    as_of: Option<Instant>,
}

impl KnownLeader {
    /// Nothing is known yet; this one may be asked first.
    pub(super) fn guess(at: usize) -> Self {
        Self {
            state: Mutex::new(Known { at, as_of: None }),
            found: Notify::new(),
        }
    }

    /// Whom to ask first.
    pub(super) fn first(&self) -> usize {
        self.lock().at
    }

    /// The node that is known to have led after `instant`.
    pub(super) fn led_after(&self, instant: Instant) -> Option<usize> {
        let known = *self.lock();
        known.as_of.filter(|as_of| *as_of > instant).map(|_| known.at)
    }

    /// The submitter heard a verdict of this node.
    pub(super) fn led(&self, at: usize, heard_at: Instant) {
        self.learn(at, heard_at);
    }

    /// Somebody else did. It led after it was asked, and nothing is known of how long.
    pub(super) fn found(&self, at: usize, asked_at: Instant) {
        self.learn(at, asked_at);
        self.found.notify_one();
    }

    /// The node did not judge what it was asked then, so `next` is asked first, unless more is known by now.
    pub(super) fn doubt(&self, at: usize, asked_at: Instant, next: usize) {
        let mut known = self.lock();
        if at != next && known.at == at && known.as_of.is_none_or(|as_of| as_of < asked_at) {
            *known = Known { at: next, as_of: None };
        }
    }

    /// Waits until there may be another leader. For the submitter only.
    pub(super) async fn changed(&self) {
        self.found.notified().await;
    }

    fn learn(&self, at: usize, instant: Instant) {
        let mut known = self.lock();
        if known.as_of.is_none_or(|as_of| as_of <= instant) {
            *known = Known {
                at,
                as_of: Some(instant),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;

    fn instants() -> [Instant; 3] {
        let start = Instant::now();
        [0, 1, 2].map(|seconds| start + Duration::from_secs(seconds))
    }

    #[test]
    fn a_guess_is_asked_first_and_is_no_leader() {
        let [start, later, _] = instants();
        let leader = KnownLeader::guess(1);
        assert_eq!((leader.first(), leader.led_after(start)), (1, None));
        leader.doubt(1, later, 2);
        assert_eq!((leader.first(), leader.led_after(start)), (2, None));
    }

    #[test]
    fn what_is_older_undoes_nothing() {
        let [start, middle, end] = instants();
        let leader = KnownLeader::guess(0);
        leader.found(1, middle);
        leader.found(2, start);
        leader.doubt(1, start, 2);
        assert_eq!((leader.first(), leader.led_after(start)), (1, Some(1)));
        assert_eq!(leader.led_after(middle), None, "of later nothing is known");
        leader.doubt(2, end, 0);
        assert_eq!(leader.first(), 1, "of another node");
        leader.led(2, end);
        assert_eq!((leader.first(), leader.led_after(middle)), (2, Some(2)));
    }

    #[test]
    fn a_leader_that_does_not_judge_any_more_is_none() {
        let [start, middle, end] = instants();
        let leader = KnownLeader::guess(0);
        leader.found(1, middle);
        leader.doubt(1, end, 1);
        assert_eq!(leader.led_after(start), Some(1), "it is only asked again");
        leader.doubt(1, end, 2);
        assert_eq!((leader.first(), leader.led_after(start)), (2, None));
    }

    #[test]
    fn the_submitter_is_told_of_what_it_did_not_find_itself() {
        let leader = KnownLeader::guess(0);
        leader.led(1, Instant::now());
        assert!(leader.changed().now_or_never().is_none());
        leader.found(1, Instant::now());
        assert!(leader.changed().now_or_never().is_some());
    }
}
