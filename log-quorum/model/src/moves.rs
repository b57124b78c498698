//! The steps of the world: which are possible in a state, and what each does. One family of steps per file.

mod append;
mod fence;
mod leader;
mod release;
mod renewal;
mod tick;

use crate::state::{At, Sent, State};
use crate::{Protocol, Rule};

/// One step. Processes are named by their index in the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// True time moves on; the clocks in the set `fast` move two ticks, the others one.
    Tick {
        /// Bit set: processes from bit 0, then the current leadership, then the deposed one.
        fast: u8,
    },
    /// The newest leader commits its oldest proposal.
    Commit,
    /// A leadership's node applies one more committed entry.
    Apply(At),
    /// A leadership's node notes a fence that it has applied. Happens only where a rule is taken out.
    NoteFence(At),
    /// A log node wins an election.
    Elect {
        /// The node that wins.
        node: u8,
        /// How many of the proposals under way it inherits.
        inherits: u8,
        /// How much of the log it has applied.
        applied: u8,
    },
    /// A fence on behalf of a process reaches the leader.
    SendFence {
        /// The owner to be.
        process: u8,
        /// The length of its leases.
        lease: u8,
        /// The tail it believes in, if it nominates itself.
        claim: Option<u8>,
    },
    /// A process learns what became of the fence on its behalf.
    LearnFence(u8),
    /// An owner hears that its epoch has ended.
    HearFenced(u8),
    /// A process forgets its last renewal and sends another, which reaches a log node and finds that it leads.
    Renew(u8, At),
    /// A renewal is judged and its sender told.
    JudgeRenewal(u8),
    /// An owner executes a write and sends its record.
    Execute(u8),
    /// An owner sends its records without verdict once more. Changes something only where a rule is taken out.
    Resend(u8),
    /// A record reaches the newest leader.
    AppendArrives(Sent),
    /// An owner hears `Ok` for its oldest record without verdict.
    HearOk(u8),
    /// An owner whose lease ended drops its image and reads it back. Happens only where a rule is taken out.
    DropOnLapse(u8),
    /// An owner asks the log to release its epoch.
    SendRelease(u8),
}

impl Protocol {
    /// Lists the steps that are possible in `state`.
    pub(crate) fn offer(&self, state: &State, moves: &mut Vec<Move>) {
        self.offer_tick(state, moves);
        self.offer_leader(state, moves);
        self.offer_fence(state, moves);
        self.offer_renewal(state, moves);
        self.offer_append(state, moves);
        self.offer_release(state, moves);
    }

    /// Takes a step that [`Protocol::offer`] listed for `state`.
    pub(crate) fn take(&self, state: &mut State, step: Move) {
        match step {
            Move::Tick { fast } => self.tick(state, fast),
            Move::Commit => self.commit(state),
            Move::Apply(at) => self.apply(state, at),
            Move::NoteFence(at) => self.note_fence(state, at),
            Move::Elect {
                node,
                inherits,
                applied,
            } => self.elect(state, node, inherits, applied),
            Move::SendFence { process, lease, claim } => self.send_fence(state, process, lease, claim),
            Move::LearnFence(process) => self.learn_fence(state, process),
            Move::HearFenced(process) => self.hear_fenced(state, process),
            Move::Renew(process, at) => self.renew(state, process, at),
            Move::JudgeRenewal(process) => self.judge_renewal(state, process),
            Move::Execute(process) => self.execute(state, process),
            Move::Resend(process) => self.resend(state, process),
            Move::AppendArrives(sent) => self.append_arrives(state, sent),
            Move::HearOk(process) => self.hear_ok(state, process),
            Move::DropOnLapse(process) => self.drop_on_lapse(state, process),
            Move::SendRelease(process) => self.send_release(state, process),
        }
    }

    /// Notes what clients can see now: replies to writes whose verdict is `Ok`, and reads.
    pub(crate) fn show(&self, state: &mut State) {
        for process in &state.processes {
            let Some(hold) = process.hold() else { continue };
            let may_reply = hold.wait_left == 0 || !self.follows(Rule::WaitOutHoldsReplies);
            let may_read = self.may_serve(process);
            let held_back = if self.follows(Rule::HazardHold) {
                usize::from(process.known)
            } else {
                process.image.len()
            };
            for (index, record) in process.image.iter().enumerate() {
                let replied = may_reply && record.epoch == hold.epoch && index < usize::from(process.known);
                let read = may_read && index < held_back;
                if replied || read {
                    state.seen |= 1 << record.number;
                }
            }
        }
    }
}

/// Indices of the processes of `state`.
fn indices(state: &State) -> impl Iterator<Item = u8> + use<> {
    (0u8..).take(state.processes.len())
}
