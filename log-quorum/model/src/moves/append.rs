//! The commit pipeline: records are executed, sent, lost, reordered, resent, and get their verdict.

use super::{Move, indices};
use crate::state::{At, Proposal, Role, Sent, State};
use crate::stream::{Record, View, records};
use crate::{Protocol, Rule};

impl Protocol {
    pub(super) fn offer_append(&self, state: &State, moves: &mut Vec<Move>) {
        for process in indices(state) {
            let owner = &state.processes[usize::from(process)];
            let Some(hold) = owner.hold() else { continue };
            if state.executed < self.scope.records {
                moves.push(Move::Execute(process));
            }
            let Some(oldest) = owner.image.get(usize::from(owner.known)) else {
                continue;
            };
            if !self.follows(Rule::FirstSendingTime) {
                moves.push(Move::Resend(process));
            }
            if records(&state.log).any(|record| record == *oldest) {
                moves.push(Move::HearOk(process));
            }
            if hold.lease_left == 0 && !self.follows(Rule::DropEndsOwnership) {
                moves.push(Move::DropOnLapse(process));
            }
        }
        let admissible =
            |sent: &&Sent| !state.pending.contains(&Proposal::Append(**sent)) && self.may_commit(state, **sent);
        if !state.pending.is_full() {
            moves.extend(
                state
                    .wire
                    .iter()
                    .filter(admissible)
                    .map(|&sent| Move::AppendArrives(sent)),
            );
        }
    }

    /// Could it still be committed? An arrival that cannot changes nothing but `clear_at`, and raising that allows less.
    fn may_commit(&self, state: &State, sent: Sent) -> bool {
        let stands = records(&state.log).any(|record| record == sent.record);
        let ended = sent.record.epoch < View::of(&state.log).epoch;
        (!stands || !self.follows(Rule::ResendRecognised)) && (!ended || !self.follows(Rule::EpochCheck))
    }

    /// Executes without asking for a lease: the reply waits for the verdict, so the lease guards only what is read.
    pub(super) fn execute(&self, state: &mut State, process: u8) {
        let writer = state.identity(process);
        let owner = &mut state.processes[usize::from(process)];
        let Some(hold) = owner.hold() else { return };
        let record = Record {
            number: state.executed,
            epoch: hold.epoch,
            writer,
        };
        owner.image.push(record);
        owner.ages.push(0);
        let position = position(owner.image.len());
        state.executed += 1;
        state.wire.push(Sent { record, position });
    }

    pub(super) fn resend(&self, state: &mut State, process: u8) {
        let owner = &mut state.processes[usize::from(process)];
        owner.ages.iter_mut().for_each(|age| *age = 0);
    }

    pub(super) fn append_arrives(&self, state: &mut State, sent: Sent) {
        if self.follows(Rule::AppendRaisesClearAt) {
            self.raise_clear_at(state, At::Current, sent.record.epoch);
        }
        state.pending.push(Proposal::Append(sent));
    }

    /// `Ok`: the reply may leave, and the lease counts from the first sending.
    pub(super) fn hear_ok(&self, state: &mut State, process: u8) {
        let owner = &mut state.processes[usize::from(process)];
        let age = owner.ages.remove(0);
        owner.known += 1;
        if let Role::Owner(hold) = &mut owner.role {
            hold.lease_left = hold.lease_left.max(hold.lease.saturating_sub(age));
        }
    }

    pub(super) fn drop_on_lapse(&self, state: &mut State, process: u8) {
        let committed = records(&state.log).collect();
        let owner = &mut state.processes[usize::from(process)];
        owner.image = committed;
        owner.known = position(owner.image.len());
        owner.ages.clear();
    }
}

fn position(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}
