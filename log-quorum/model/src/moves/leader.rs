//! The log's leader: committing, applying, elections, and the memory of one leadership.

use super::Move;
use crate::scope::{DRIFT, Ticks};
use crate::state::{At, Leadership, Proposal, Renewal, State};
use crate::stream::{Entry, View, records};
use crate::{Protocol, Rule};

impl Protocol {
    pub(super) fn offer_leader(&self, state: &State, moves: &mut Vec<Move>) {
        if !state.pending.is_empty() {
            moves.push(Move::Commit);
        }
        for at in [At::Current, At::Deposed] {
            if state
                .leadership(at)
                .is_some_and(|leadership| usize::from(leadership.applied) < state.log.len())
            {
                moves.push(Move::Apply(at));
            }
            if state.leadership(at).is_some_and(|leadership| leadership.fence_unnoted) {
                moves.push(Move::NoteFence(at));
            }
        }
        if state.elections < self.scope.elections {
            self.offer_elections(state, moves);
        }
    }

    fn offer_elections(&self, state: &State, moves: &mut Vec<Move>) {
        for node in 0..2 {
            for inherits in 0..=small(state.pending.len()) {
                for applied in applied_at_least(state, node)..=small(state.log.len()) {
                    moves.push(Move::Elect {
                        node,
                        inherits,
                        applied,
                    });
                }
            }
        }
    }

    /// A proposal is judged where it stands in the log; a refused one leaves no entry.
    pub(super) fn commit(&self, state: &mut State) {
        let proposal = state.pending.remove(0);
        let view = View::of(&state.log);
        let entry = match proposal {
            Proposal::Fence {
                expect,
                owner,
                lease,
                claim,
            } => {
                let expected = expect == view.epoch || !self.follows(Rule::CompareAndSet);
                let caught_up = claim.is_none_or(|tail| tail == view.tail) || !self.follows(Rule::ExpectTail);
                let fence = Entry::Fence {
                    epoch: expect + 1,
                    owner,
                    lease,
                    claim,
                };
                (expected && caught_up).then_some(fence)
            }
            Proposal::Append(sent) => {
                let present = sent.record.epoch == view.epoch && !view.released;
                let owned = view.owner == Some(sent.record.writer);
                let follows = sent.position == view.tail + 1;
                let repeated = records(&state.log).any(|record| record == sent.record);
                let admitted = (present && owned) || !self.follows(Rule::EpochCheck);
                let fits = if repeated {
                    !self.follows(Rule::ResendRecognised)
                } else {
                    follows || !self.follows(Rule::PrevLsn)
                };
                (admitted && fits).then_some(Entry::Append(sent.record))
            }
            Proposal::Release { epoch, owner } => {
                let present = epoch == view.epoch && !view.released;
                let owned = view.owner == Some(owner);
                (present && owned).then_some(Entry::Release)
            }
        };
        // Panics if the log is full: a scope that needs more entries than `LOG_MAX` would else hold by cutting runs short.
        state.log.extend(entry);
    }

    /// A deposed leader applies what its successor commits, and keeps its memory until it notices: its state machine and
    /// its view of its own role are different tasks.
    pub(super) fn apply(&self, state: &mut State, at: At) {
        let fence_sets_old = self.follows(Rule::FenceSetsOldUntil);
        let noted_at_once = self.follows(Rule::FenceNotedBeforeJudging);
        let log = state.log.clone();
        let Some(leadership) = state.leadership_mut(at) else {
            return;
        };
        let is_fence = matches!(log[usize::from(leadership.applied)], Entry::Fence { .. });
        leadership.applied += 1;
        if is_fence && !noted_at_once {
            leadership.fence_unnoted = true;
        } else if is_fence && fence_sets_old {
            leadership.old_left = leadership.clear_left;
        }
    }

    /// Sets `old_until` for a fence that was applied without.
    pub(super) fn note_fence(&self, state: &mut State, at: At) {
        if let Some(leadership) = state.leadership_mut(at) {
            leadership.fence_unnoted = false;
            leadership.old_left = leadership.clear_left;
        }
    }

    pub(super) fn elect(&self, state: &mut State, node: u8, inherits: u8, applied: u8) {
        let same_node = state.current.node == node;
        for process in &mut state.processes {
            process.renewal = process.renewal.and_then(|renewal| renewal.after_election(same_node));
        }
        let former = state.current;
        let earlier = [Some(former), state.deposed]
            .into_iter()
            .flatten()
            .find(|earlier| earlier.node == node);
        state.current = match earlier {
            Some(earlier) if !self.follows(Rule::LeadershipStartsAnew) => earlier,
            Some(_) | None => self.new_leadership(node, applied),
        };
        if !same_node {
            state.deposed = Some(former);
        }
        state.pending.truncate(usize::from(inherits));
        state.elections += 1;
    }

    /// A deposed leadership that nobody waits at, and that answers nobody, is not told from none.
    pub(crate) fn forget_deposed(&self, state: &mut State) {
        let waits = |renewal: &Renewal| renewal.at == At::Deposed;
        let awaited = state
            .processes
            .iter()
            .filter_map(|process| process.renewal.as_ref())
            .any(waits);
        if !awaited && !self.deposed_confirms() && self.follows(Rule::LeadershipStartsAnew) {
            state.deposed = None;
        }
    }

    fn new_leadership(&self, node: u8, applied: u8) -> Leadership {
        let fresh = if self.follows(Rule::LeadershipReadsClockAfterWinning) {
            0
        } else {
            DRIFT
        };
        let set = |rule| {
            let wanted = self.scope.shortening && self.follows(rule);
            if wanted {
                self.longest_wait().saturating_sub(fresh)
            } else {
                0
            }
        };
        Leadership {
            node,
            applied,
            fence_unnoted: false,
            clear_left: set(Rule::LeadershipSetsClearAt),
            old_left: set(Rule::LeadershipSetsOldUntil),
        }
    }

    /// A request of `epoch` reached the leadership at `at`: until now plus W no `clear_in` may end.
    pub(super) fn raise_clear_at(&self, state: &mut State, at: At, epoch: u8) {
        if !self.scope.shortening {
            return;
        }
        let log = state.log.clone();
        let Some(leadership) = state.leadership_mut(at) else {
            return;
        };
        let view = View::of(&log[..usize::from(leadership.applied)]);
        if let Some(horizon) = self.horizon(view, epoch) {
            let never_lower = if self.follows(Rule::ClearAtNeverLowered) {
                leadership.clear_left
            } else {
                0
            };
            leadership.clear_left = horizon.max(never_lower);
        }
    }

    /// How long a lease made by a request of `epoch` may live, on the leader's clock.
    fn horizon(&self, applied: View, epoch: u8) -> Option<Ticks> {
        let unapplied = epoch > applied.epoch;
        if epoch < applied.epoch || (unapplied && !self.follows(Rule::LaterEpochRaisesClearAt)) {
            return None;
        }
        let longest = unapplied && self.follows(Rule::UnappliedEpochHasLongestLease);
        let lease = if longest {
            crate::scope::LEASE_MAX
        } else {
            applied.lease
        };
        let stale = if self.follows(Rule::ClearAtReadsClockAfterSending) {
            0
        } else {
            DRIFT
        };
        Some(self.stretched(lease, Rule::ClearAtDrift).saturating_sub(stale))
    }
}

/// The least that `node` can have applied when it wins.
fn applied_at_least(state: &State, node: u8) -> u8 {
    [Some(state.current), state.deposed]
        .into_iter()
        .flatten()
        .filter(|leadership| leadership.node == node)
        .map(|leadership| leadership.applied)
        .max()
        .unwrap_or(1)
}

/// A length in a state: at most [`crate::scope::LOG_MAX`].
fn small(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}
