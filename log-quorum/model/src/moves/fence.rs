//! Fences: sending one, learning what became of it, and hearing that one's own epoch has ended.

use super::{Move, indices};
use crate::scope::Ticks;
use crate::state::{Hold, Process, Proposal, Role, State};
use crate::stream::{Entry, View, fence_of, records};
use crate::{Protocol, Rule};

impl Protocol {
    pub(super) fn offer_fence(&self, state: &State, moves: &mut Vec<Move>) {
        for process in indices(state) {
            self.offer_send_fence(state, process, moves);
            if self.fence_to_learn(state, process).is_some() {
                moves.push(Move::LearnFence(process));
            }
            if self.ended_epoch(state, process).is_some() {
                moves.push(Move::HearFenced(process));
            }
        }
    }

    /// The control plane may fence on behalf of anyone at any time; safety does not rest on its restraint. A replica
    /// that nominates itself may believe in any tail up to the present one.
    fn offer_send_fence(&self, state: &State, process: u8, moves: &mut Vec<Move>) {
        if self.is_renamed_run(state, process) {
            return;
        }
        let candidate = match state.processes[usize::from(process)].role {
            Role::Replica => true,
            Role::Owner(_) => self.scope.fence_in_place,
            Role::Retired { .. } => false,
        };
        if !candidate || state.pending.is_full() || fences(state) >= usize::from(self.scope.epochs) {
            return;
        }
        let tail = View::of(&state.log).tail;
        let claims = (0..=tail).filter(|_| self.scope.self_nomination).map(Some);
        for claim in claims.chain([None]) {
            for &lease in self.scope.leases {
                moves.push(Move::SendFence { process, lease, claim });
            }
        }
    }

    /// Processes on nodes of their own that have not taken part yet are alike: a run in which a later one comes first is
    /// a run in which an earlier one does, with the names changed.
    fn is_renamed_run(&self, state: &State, process: u8) -> bool {
        let alone = |index: u8| {
            let node = self.scope.nodes[usize::from(index)];
            self.scope.nodes.iter().filter(|other| **other == node).count() == 1
        };
        let fresh = |index: u8| {
            alone(index)
                && !state.log.iter().any(|entry| is_fence_for(entry, index))
                && state.processes[usize::from(index)] == Process::new()
        };
        (1..process).any(|earlier| fresh(earlier) && fresh(process))
    }

    pub(super) fn send_fence(&self, state: &mut State, process: u8, lease: Ticks, claim: Option<u8>) {
        let expect = View::of(&state.log).epoch;
        let owner = state.identity(process);
        state.pending.push(Proposal::Fence {
            expect,
            owner,
            lease,
            claim,
        });
        state.processes[usize::from(process)].hopes_for = Some(expect + 1);
    }

    /// The epoch whose fence `process` waits for, once that epoch has begun.
    fn fence_to_learn(&self, state: &State, process: u8) -> Option<u8> {
        let waiting = &state.processes[usize::from(process)];
        if waiting.role != Role::Replica {
            return None;
        }
        let begun = View::of(&state.log).epoch;
        waiting.hopes_for.filter(|&epoch| epoch <= begun)
    }

    /// An unknown outcome is recognised by the epoch and the own incarnation.
    pub(super) fn learn_fence(&self, state: &mut State, process: u8) {
        let Some(epoch) = self.fence_to_learn(state, process) else {
            return;
        };
        state.processes[usize::from(process)].hopes_for = None;
        let identity = state.identity(process);
        if fence_of(&state.log, epoch).is_some_and(|(_, owner, _)| owner == identity) {
            self.own(state, process, epoch);
        }
    }

    /// `process` takes `epoch` for its own. Its wait-out begins.
    pub(super) fn own(&self, state: &mut State, process: u8, epoch: u8) {
        let log = state.log.clone();
        let Some((before, _, claim)) = fence_of(&log, epoch) else {
            return;
        };
        let learner = &mut state.processes[usize::from(process)];
        learner.hopes_for = None;
        let Some(lease) = lease_of(&log, epoch) else { return };
        let wait_left = self.wait_out(View::of(before));
        learner.role = Role::Owner(Hold {
            epoch,
            lease,
            lease_left: 0,
            wait_left,
        });
        let missed = usize::from(!self.follows(Rule::ReplayToFence));
        let replayed = usize::from(View::of(before).tail).saturating_sub(missed);
        learner.image = match claim {
            Some(held) => records(&log).take(usize::from(held)).collect(),
            None => records(before).take(replayed).collect(),
        };
        learner.known = u8::try_from(learner.image.len()).unwrap_or(u8::MAX);
        learner.ages.clear();
    }

    /// How long the owner of the epoch after `ended` waits, on its own clock.
    fn wait_out(&self, ended: View) -> Ticks {
        let nobody_before = ended.epoch == 0 || ended.released;
        if nobody_before || !self.follows(Rule::WaitOut) {
            return 0;
        }
        let earlier = if self.follows(Rule::LongestEarlierLease) {
            ended.longest_earlier
        } else {
            0
        };
        self.stretched(ended.lease.max(earlier), Rule::WaitOutDrift)
    }

    /// The epoch that `process` believes to hold and that has ended.
    fn ended_epoch(&self, state: &State, process: u8) -> Option<u8> {
        let epoch = match state.processes[usize::from(process)].role {
            Role::Replica => return None,
            Role::Owner(hold) => hold.epoch,
            Role::Retired { epoch } => epoch,
        };
        (epoch < View::of(&state.log).epoch).then_some(epoch)
    }

    /// `Fenced`, with the bound up to which the sender's own records stand.
    pub(super) fn hear_fenced(&self, state: &mut State, process: u8) {
        let Some(epoch) = self.ended_epoch(state, process) else {
            return;
        };
        let log = state.log.clone();
        let newest = View::of(&log);
        let next = if self.follows(Rule::SendersBound) {
            epoch + 1
        } else {
            newest.epoch
        };
        let bound = fence_of(&log, next).map_or(newest.tail, |(before, _, _)| View::of(before).tail);
        self.release_replies(state, process, bound);
        let loser = &mut state.processes[usize::from(process)];
        let beyond = loser.image.len() > usize::from(bound);
        if beyond && self.follows(Rule::DropBeyondFence) {
            loser.incarnation += 1;
        } else if loser.hold().is_some() {
            let committed = records(&log).take(loser.image.len());
            state.kept_wrong_image |= !committed.eq(loser.image.iter().copied());
        }
        loser.step_down();
    }

    /// Replies to records up to the bound leave, unless the sender's own wait-out still ran: its clients are cut off then.
    fn release_replies(&self, state: &mut State, process: u8, bound: u8) {
        let loser = &state.processes[usize::from(process)];
        let Some(hold) = loser.hold() else { return };
        if hold.wait_left > 0 && self.follows(Rule::FencedInWaitOutReleasesNothing) {
            return;
        }
        let own = |record: &&crate::stream::Record| record.epoch == hold.epoch;
        let released = loser.image.iter().take(usize::from(bound)).filter(own);
        state.seen = released.fold(state.seen, |seen, record| seen | 1 << record.number);
    }
}

fn fences(state: &State) -> usize {
    let begun = state
        .log
        .iter()
        .filter(|entry| matches!(entry, Entry::Fence { .. }))
        .count();
    let asked = state
        .pending
        .iter()
        .filter(|proposal| matches!(proposal, Proposal::Fence { .. }))
        .count();
    begun + asked
}

fn is_fence_for(entry: &Entry, process: u8) -> bool {
    matches!(entry, Entry::Fence { owner, .. } if owner.process == process)
}

fn lease_of(log: &[Entry], epoch: u8) -> Option<Ticks> {
    log.iter().find_map(|entry| match *entry {
        Entry::Fence {
            epoch: began, lease, ..
        } if began == epoch => Some(lease),
        Entry::Fence { .. } | Entry::Append(_) | Entry::Release => None,
    })
}
