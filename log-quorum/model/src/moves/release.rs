//! The planned hand-over: the owner stops, drains its verdicts, and tells the log.

use super::{Move, indices};
use crate::state::{Proposal, Role, State};
use crate::{Protocol, Rule};

impl Protocol {
    pub(super) fn offer_release(&self, state: &State, moves: &mut Vec<Move>) {
        if !self.scope.releases || state.pending.is_full() {
            return;
        }
        for process in indices(state) {
            let owner = &state.processes[usize::from(process)];
            let Some(hold) = owner.hold() else { continue };
            let drained = usize::from(owner.known) == owner.image.len();
            let waited = hold.wait_left == 0 || !self.follows(Rule::ReleaseAfterWaitOut);
            if drained && waited {
                moves.push(Move::SendRelease(process));
            }
        }
    }

    /// Whatever becomes of the request, its sender is out.
    pub(super) fn send_release(&self, state: &mut State, process: u8) {
        let owner = state.identity(process);
        let retiring = &mut state.processes[usize::from(process)];
        let Some(hold) = retiring.hold() else { return };
        if self.follows(Rule::ReleaseEndsService) {
            retiring.step_down();
            retiring.role = Role::Retired { epoch: hold.epoch };
        }
        let repeated = Proposal::Release {
            epoch: hold.epoch,
            owner,
        };
        if !state.pending.contains(&repeated) {
            state.pending.push(repeated);
        }
    }
}
