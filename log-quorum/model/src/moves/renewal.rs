//! Renewals: not logged, confirmed by a round of heartbeats, judged against what the leader has applied.

use super::{Move, indices};
use crate::state::{At, Process, Renewal, Role, State};
use crate::stream::{Owner, View};
use crate::{Protocol, Rule};

impl Renewal {
    /// What becomes of it when the log changes its leader. One that waits at a leadership whose node forgets it is lost.
    pub(super) fn after_election(self, same_node: bool) -> Option<Renewal> {
        match (self.at, same_node) {
            (At::Deposed, true) => Some(self),
            (At::Current, false) => Some(Renewal {
                at: At::Deposed,
                ..self
            }),
            (At::Current, true) | (At::Deposed, false) => None,
        }
    }
}

impl Protocol {
    pub(super) fn offer_renewal(&self, state: &State, moves: &mut Vec<Move>) {
        for process in indices(state) {
            let sender = &state.processes[usize::from(process)];
            if self.epoch_to_renew(sender).is_some() {
                moves.push(Move::Renew(process, At::Current));
                if state.deposed.is_some() && self.deposed_confirms() {
                    moves.push(Move::Renew(process, At::Deposed));
                }
            }
            let Some(renewal) = sender.renewal else { continue };
            let applied = state.leadership(renewal.at).map_or(0, |leadership| leadership.applied);
            if applied >= renewal.read_index || !self.follows(Rule::AppliedReadIndex) {
                moves.push(Move::JudgeRenewal(process));
            }
        }
    }

    /// The epoch a renewal would name, and whether its fence is known. A process that hopes for an epoch may renew early.
    fn epoch_to_renew(&self, sender: &Process) -> Option<(u8, bool)> {
        match sender.role {
            Role::Owner(hold) => Some((hold.epoch, true)),
            Role::Replica if self.scope.early_renewal => sender.hopes_for.map(|epoch| (epoch, false)),
            Role::Replica | Role::Retired { .. } => None,
        }
    }

    /// A deposed leader finds no majority, so a renewal that reaches it is lost. Where a rule is out, it answers without
    /// asking anyone, or after its successor confirmed in its stead.
    pub(super) fn deposed_confirms(&self) -> bool {
        !self.follows(Rule::ReadIndex) || !self.follows(Rule::ClearInFromConfirmedLeadership)
    }

    /// A renewal is sent, arrives, and its round of heartbeats is confirmed, at once: one that takes longer on the way, or
    /// in the round, is older and allows nothing that this one does not. How long it waits to be judged is open.
    pub(super) fn renew(&self, state: &mut State, process: u8, at: At) {
        let Some((epoch, fence_known)) = self.epoch_to_renew(&state.processes[usize::from(process)]) else {
            return;
        };
        if self.follows(Rule::RenewalRaisesClearAt) {
            self.raise_clear_at(state, at, epoch);
        }
        let committed = u8::try_from(state.log.len()).unwrap_or(u8::MAX);
        // Without the round of heartbeats a leader judges by what it knows.
        let applied = state.leadership(at).map_or(0, |leadership| leadership.applied);
        let read_index = if self.follows(Rule::ReadIndex) {
            committed
        } else {
            applied
        };
        state.processes[usize::from(process)].renewal = Some(Renewal {
            epoch,
            incarnation: state.processes[usize::from(process)].incarnation,
            fence_known,
            age: 0,
            at,
            read_index,
        });
    }

    pub(super) fn judge_renewal(&self, state: &mut State, process: u8) {
        let Some(renewal) = state.processes[usize::from(process)].renewal.take() else {
            return;
        };
        let Some(leadership) = state.leadership(renewal.at) else {
            return;
        };
        let view = View::of(&state.log[..usize::from(leadership.applied)]);
        let sender = Owner {
            process,
            incarnation: renewal.incarnation,
        };
        let named = |owner: Owner| {
            owner == sender || (self.same_node(owner, sender) && !self.follows(Rule::RenewalNamesIncarnation))
        };
        if !view.owner.is_some_and(named) || view.epoch != renewal.epoch || view.released {
            return;
        }
        let hearer = &state.processes[usize::from(process)];
        let same_life = hearer.incarnation == renewal.incarnation;
        if hearer.role == Role::Replica && hearer.hopes_for == Some(renewal.epoch) && same_life {
            // The answer is the first it hears of its fence, and it goes by it.
            self.own(state, process, renewal.epoch);
        }
        let told = self.scope.shortening && (renewal.fence_known || !self.follows(Rule::ClearInAfterFenceKnown));
        let clear_in = told.then(|| self.wait_from_answer(leadership.old_left, renewal.age));
        let Role::Owner(hold) = &mut state.processes[usize::from(process)].role else {
            return;
        };
        let asked_for_this = hold.epoch == renewal.epoch && same_life;
        if !asked_for_this && self.follows(Rule::AnswerOfOwnEpoch) {
            return;
        }
        hold.lease_left = hold.lease_left.max(hold.lease.saturating_sub(renewal.age));
        hold.wait_left = clear_in.map_or(hold.wait_left, |clear_in| hold.wait_left.min(clear_in));
    }

    /// A renewal whose answer will be ignored, whatever it is, is not told from none: its sender lost or gave up the epoch,
    /// and never owns the same one again.
    pub(crate) fn forget_ignored(&self, state: &mut State) {
        if !self.follows(Rule::AnswerOfOwnEpoch) {
            return;
        }
        for process in &mut state.processes {
            let awaited = match process.role {
                Role::Owner(hold) => Some(hold.epoch),
                Role::Replica => process.hopes_for,
                Role::Retired { .. } => None,
            };
            let life = process.incarnation;
            process.renewal = process
                .renewal
                .filter(|renewal| Some(renewal.epoch) == awaited && renewal.incarnation == life);
        }
    }

    fn same_node(&self, one: Owner, other: Owner) -> bool {
        let node = |owner: Owner| self.scope.nodes[usize::from(owner.process)];
        node(one) == node(other)
    }

    /// `clear_in` is the leader's ticks, waited for on the owner's clock as they are. `clear_at` was set W after the
    /// sending, on a clock that gains at most (1+ρ) on true time; what is left of it after a time t is at least
    /// W − t(1+ρ), which takes an owner at least L/(1−ρ) − t to wait: together the longest that the lease can last.
    fn wait_from_answer(&self, old_left: u8, age: u8) -> u8 {
        if self.follows(Rule::ClearInCountsFromAnswer) {
            old_left
        } else {
            old_left.saturating_sub(age)
        }
    }
}
