//! Single runs, step by step: what the protocol allows, so that the searches do not hold only because nothing happens.

use stateright::Model;
use tenure_log_model::state::{At, State};
use tenure_log_model::{Move, Protocol, Scope, scope};

/// A run in the making. Every step must be one that the model offers.
struct Walk {
    protocol: Protocol,
    state: State,
}

impl Walk {
    /// The first fence, with a lease of one tick, is committed.
    fn start(scope: Scope) -> Walk {
        let protocol = Protocol::whole(scope);
        let state = protocol.init_states().swap_remove(0);
        Walk { protocol, state }
    }

    fn step(mut self, step: Move) -> Walk {
        let mut offered = Vec::new();
        self.protocol.actions(&self.state, &mut offered);
        assert!(offered.contains(&step), "{step:?} is not among {offered:#?}");
        self.state = self
            .protocol
            .next_state(&self.state, step)
            .expect("a step that was offered changes something");
        self
    }

    fn renews(self, process: u8) -> Walk {
        self.step(Move::Renew(process, At::Current))
            .step(Move::JudgeRenewal(process))
    }

    fn fenced_for(self, process: u8) -> Walk {
        let fence = Move::SendFence {
            process,
            lease: 1,
            claim: None,
        };
        self.step(fence)
            .step(Move::Commit)
            .step(Move::Apply(At::Current))
            .step(Move::LearnFence(process))
    }

    /// One step of time in which every clock that waits runs fast and every other slow.
    fn waits(self) -> Walk {
        let mut offered = Vec::new();
        self.protocol.actions(&self.state, &mut offered);
        let boldest = offered
            .into_iter()
            .find(|step| matches!(step, Move::Tick { .. }))
            .expect("some clock measures");
        self.step(boldest)
    }

    fn serves(self, process: usize, expected: bool) -> Walk {
        let serves = self.protocol.may_serve(&self.state.processes[process]);
        assert_eq!(serves, expected, "process {process} in {:#?}", self.state);
        self
    }
}

#[test]
fn a_fence_alone_makes_no_lease() {
    Walk::start(scope::LEASES)
        .step(Move::LearnFence(0))
        .serves(0, false)
        .renews(0)
        .serves(0, true);
}

#[test]
fn a_lapsed_owner_resumes_under_its_epoch() {
    let walk = Walk::start(scope::LEASES)
        .step(Move::LearnFence(0))
        .renews(0)
        .waits()
        .serves(0, false);
    walk.renews(0).serves(0, true);
}

#[test]
fn a_new_owner_waits_out_the_old_lease() {
    let walk = Walk::start(scope::LEASES)
        .step(Move::LearnFence(0))
        .renews(0)
        .fenced_for(1)
        .renews(1);
    walk.serves(0, true)
        .serves(1, false)
        .waits()
        .serves(0, false)
        .renews(1)
        .serves(1, true);
}

#[test]
fn a_silence_before_the_fence_counts_towards_the_wait() {
    let silent = Walk::start(scope::SHORTENING)
        .step(Move::LearnFence(0))
        .renews(0)
        .waits();
    silent.fenced_for(1).renews(1).serves(0, false).serves(1, true);
}

#[test]
fn a_release_spares_the_wait() {
    let released = Walk::start(scope::HANDOVER)
        .step(Move::LearnFence(0))
        .renews(0)
        .step(Move::SendRelease(0));
    let released = released
        .serves(0, false)
        .step(Move::Commit)
        .step(Move::Apply(At::Current));
    released.fenced_for(1).renews(1).serves(1, true);
}

#[test]
fn a_record_committed_under_one_leader_is_answered_under_the_next() {
    let walk = Walk::start(scope::WRITES)
        .step(Move::LearnFence(0))
        .step(Move::Execute(0));
    let sent = walk.state.wire[0];
    let walk = walk.step(Move::AppendArrives(sent)).step(Move::Elect {
        node: 1,
        inherits: 1,
        applied: 1,
    });
    let walk = walk.step(Move::Commit).step(Move::HearOk(0)).serves(0, true);
    assert_eq!(walk.state.seen, 1);
}
