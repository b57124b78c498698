//! What a leader keeps in memory, beside the replicated state, to shorten the wait of a new owner.
//! Promises: `clear_in` never ends before the leases of the owners before the newest fence, whoever was leader when
//! they were made, and no request of theirs is counted as lease of the new one. Knows instants only as arguments.
//! Leaves to `node`: calling in time (each method says when), and dropping the value on losing leadership. A fence that
//! is applied before it is noted here does no harm: every method compares epochs and answers the longer time.
//! A follower has no [`Clearance`] at all, and a former leader's cannot answer, because it names its leadership.
//!
//! A lease ends at the latest W(L) after a leader received the request that made it: the request was sent before it
//! was received, and W allows for both clocks' rates. So a leader notes when it receives requests:
//!
//! ```text
//!           gained      requests of A           fence A → B applied     renew of B
//!  ───────────┼────────────┼──────┼──────────────────────┼──────────────────┼───────────────▶ leader's clock
//!             │                   └──── clear_at = + W(L of A) ─────────────┼──────┤
//!             └─ clear_at = old_until = + W(L_max)       old_until := clear_at     │
//!                (other leaders' requests)                                  └──────┘ clear_in
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{BootTime, Epoch, LeaseLength, StreamId};

use crate::{Sender, Stream};

/// One leadership's marks. `L` names the leadership so that two never compare as equal; a Raft term alone may not do.
///
/// Not `Clone`: a copy kept past the end of the leadership would answer for it.
#[derive(Debug)]
pub struct Clearance<L> {
    leadership: L,
    lease_max: LeaseLength,
    /// Marks of every stream that nothing was heard of in this leadership, without memory for each.
    untouched: Marks,
    touched: BTreeMap<StreamId, Marks>,
}

/// Instants kept per stream, all on this leader's clock.
#[derive(Debug, Clone, Copy)]
struct Marks {
    /// The stream's epoch when the marks were last brought up to it.
    epoch: Epoch,
    /// By then every lease made so far, of any epoch, has ended. Never goes back.
    clear_at: BootTime,
    /// By then every lease of the epochs before the newest fence has ended.
    old_until: BootTime,
    /// The latest of: the owner's last request, its fence, the gain of leadership.
    heard_at: BootTime,
}

impl<L: PartialEq> Clearance<L> {
    /// Begins a leadership. `now` is read after the election was won; nothing is answered before.
    ///
    /// Requests that other leaders answered cannot be known, so every stream begins with the longest wait there is.
    pub fn on_leadership(leadership: L, lease_max: LeaseLength, now: BootTime) -> Self {
        let clear = now.saturating_add(lease_max.wait_out());
        let untouched = Marks {
            epoch: Epoch::NONE,
            clear_at: clear,
            old_until: clear,
            heard_at: now,
        };
        Self {
            leadership,
            lease_max,
            untouched,
            touched: BTreeMap::new(),
        }
    }

    /// Notes an Append or Renew for `stream`, as applied here. Call it for every one that is going to be judged, with
    /// `now` read after the request left the socket and before it is judged.
    ///
    /// A request for a stream that is not applied here has no `Stream` to name: answer it as unknown, do not judge it.
    pub fn on_request(&mut self, stream: &Stream, sender: Sender, now: BootTime) {
        let current = stream.epoch();
        if sender.epoch < current {
            return; // It will be refused, so it makes no lease.
        }
        let applied = stream.ownership().filter(|applied| applied.epoch == sender.epoch);
        let lease = applied.map_or(self.lease_max, |applied| applied.lease);
        let is_owner = applied.is_some_and(|applied| applied.owner.incarnation == sender.incarnation);
        // First, so that the mark of a new owner's request is never taken for an old one's.
        let marks = self.up_to_date(stream);
        marks.clear_at = marks.clear_at.max(now.saturating_add(lease.wait_out()));
        if is_owner && sender.under_lease {
            marks.heard_at = marks.heard_at.max(now);
        }
    }

    /// Notes that a fence of `stream` was applied here. A repeat of one that is noted changes nothing.
    pub fn on_fence_applied(&mut self, stream: &Stream, now: BootTime) {
        let noted = self.touched.get(&stream.id()).map(|marks| marks.epoch);
        if noted == Some(stream.epoch()) {
            return;
        }
        let marks = self.up_to_date(stream);
        marks.heard_at = marks.heard_at.max(now);
    }

    /// Forgets a stream that was deleted.
    pub fn on_delete_applied(&mut self, stream: StreamId) {
        self.touched.remove(&stream);
    }

    /// How long until every lease before the newest fence has ended, by this leader's clock; what a Renew is told.
    ///
    /// `confirmed` is the leadership that a ReadIndex round, begun after the Renew arrived, confirmed; for any other
    /// than this one there is no answer. Only a Renew sent after its owner learned of its fence may use it.
    pub fn clear_in(&self, stream: &Stream, confirmed: &L, now: BootTime) -> Option<Duration> {
        let old_until = self.marks(stream).old_until;
        (self.leadership == *confirmed).then(|| old_until.elapsed_since(now))
    }

    /// How long nothing was heard of the owner: since its last request under a live lease, its fence, or the gain of
    /// leadership, whichever came last. `confirmed` as in [`clear_in`](Self::clear_in). `None` also while a fence is
    /// applied and not noted.
    pub fn last_request_age(&self, stream: &Stream, confirmed: &L, now: BootTime) -> Option<Duration> {
        let noted = self
            .touched
            .get(&stream.id())
            .is_none_or(|marks| marks.epoch == stream.epoch());
        let heard_at = self.marks(stream).heard_at;
        (noted && self.leadership == *confirmed).then(|| now.elapsed_since(heard_at))
    }

    /// The marks of a stream, as they are once its newest fence is noted.
    fn marks(&self, stream: &Stream) -> Marks {
        let touched = self.touched.get(&stream.id()).copied();
        touched.unwrap_or(self.untouched).in_epoch(stream.epoch())
    }

    fn up_to_date(&mut self, stream: &Stream) -> &mut Marks {
        let marks = self.touched.entry(stream.id()).or_insert(self.untouched);
        *marks = marks.in_epoch(stream.epoch());
        marks
    }
}

impl Marks {
    /// A new epoch makes every lease so far an old one.
    fn in_epoch(self, epoch: Epoch) -> Marks {
        let old_until = if epoch > self.epoch {
            self.clear_at
        } else {
            self.old_until
        };
        Marks {
            epoch,
            old_until,
            ..self
        }
    }
}
