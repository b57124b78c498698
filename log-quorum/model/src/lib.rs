//! A model of fences, leases, the commit pipeline and failover, searched to the end by `stateright`.
//! Promises: inside the bounds of a [`Scope`], every order of events keeps every property, and for every [`Rule`] that is
//! taken out some scope finds a run that breaks one. The protocol follows the model, not the other way round: a change
//! to fences, leases or verdicts is made here first.
//! Leaves to others: Raft itself (a commit is a step here; openraft and its own tests answer for it), snapshots and trim.
//!
//! What is simplified, and why nothing is lost by it:
//! - One stream. Streams share no state that a verdict or a lease depends on.
//! - An answer arrives the moment it is given. Leases count from the sending and `clear_in` from the answer, so a late
//!   answer allows less than an early one; a lost answer is one that was never given.
//! - A renewal is sent, arrives and is confirmed in one step, and judged in another, any time later. One that spent time
//!   on the way is older and allows less.
//! - A record once sent may arrive at any time, any number of times, in any order, or never.
//! - A fence or a release reaches the leader when it is sent, and its sender learns what became of it from the committed
//!   log, at any later time. A process has one renewal under way; a new one replaces it.
//! - Two log nodes, and at most one leadership that ended unnoticed: a third node adds no memory that could answer.
//! - A dead process is one that takes no further step, which every process may do at any moment.
//! - Of the rates a clock may have, those that can do most harm are tried (`moves/tick.rs` says which and why); one
//!   scope tries all.
//!
//! Where it allows more than the code ever will, it proves more: the control plane fences whom it likes when it likes;
//! an owner executes writes without a lease; a new log leader confirms renewals before it committed what it inherited;
//! a deposed one keeps its memory while it applies what its successor commits.
//!
//! Held by the code's own tests, not by a search, because no run here needs them: that Append, Release and whoever learns
//! of a fence compare the incarnation, that a drop takes a new one, and that a released epoch accepts nothing. They stand
//! behind the rule that a renewal names the incarnation, and behind each other.
//!
//! Not in it: what replicas show in READONLY mode, snapshots and trim, expiry, slices, and the choice of whom to fence.

mod moves;
pub mod properties;
pub mod rules;
pub mod scope;
pub mod search;
pub mod state;
pub mod stream;

use stateright::{Model, Property};

pub use moves::Move;
pub use rules::Rule;
pub use scope::Scope;
pub use state::State;

use scope::{DRIFT, LEASE_MAX, Ticks};
use stream::Owner;

/// The protocol in one scope, whole or with one rule taken out.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// The bounds of the search.
    pub scope: Scope,
    /// The rule that is not followed, if any.
    pub without: Option<Rule>,
}

impl Protocol {
    /// Every rule is followed.
    pub fn whole(scope: Scope) -> Protocol {
        Protocol { scope, without: None }
    }

    /// Every rule but `rule` is followed.
    pub fn without(scope: Scope, rule: Rule) -> Protocol {
        Protocol {
            scope,
            without: Some(rule),
        }
    }

    fn follows(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// `span` on one clock, measured on another: long enough whichever is slow, if the rule that says so is followed.
    fn stretched(&self, span: Ticks, rule: Rule) -> Ticks {
        if self.follows(rule) { span * DRIFT } else { span }
    }

    /// `W(L_max)`: what a new leadership starts from.
    fn longest_wait(&self) -> Ticks {
        self.stretched(LEASE_MAX, Rule::ClearAtDrift)
    }

    /// May this process answer a client now?
    pub fn may_serve(&self, process: &state::Process) -> bool {
        let may_answer = |wait_left: Ticks| wait_left == 0;
        let has_lease = |lease_left: Ticks| lease_left > 0 || !self.follows(Rule::LeaseCheck);
        process
            .hold()
            .is_some_and(|hold| may_answer(hold.wait_left) && has_lease(hold.lease_left))
    }

    fn first_state(&self, lease: Ticks) -> State {
        let first = Owner {
            process: 0,
            incarnation: 0,
        };
        let mut processes: arrayvec::ArrayVec<_, _> = self.scope.nodes.iter().map(|_| state::Process::new()).collect();
        processes[0].hopes_for = Some(1);
        State {
            log: [stream::Entry::Fence {
                epoch: 1,
                owner: first,
                lease,
                claim: None,
            }]
            .into_iter()
            .collect(),
            pending: arrayvec::ArrayVec::new(),
            current: state::Leadership {
                node: 0,
                applied: 1,
                clear_left: 0,
                old_left: 0,
                fence_unnoted: false,
            },
            deposed: None,
            processes,
            wire: arrayvec::ArrayVec::new(),
            seen: 0,
            executed: 0,
            elections: 0,
            kept_wrong_image: false,
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Move;

    /// The first fence is committed; its owner, process 0, has yet to learn it.
    fn init_states(&self) -> Vec<State> {
        self.scope.leases.iter().map(|&lease| self.first_state(lease)).collect()
    }

    fn actions(&self, state: &State, moves: &mut Vec<Move>) {
        self.offer(state, moves);
    }

    fn next_state(&self, last: &State, action: Move) -> Option<State> {
        let mut next = last.clone();
        self.take(&mut next, action);
        self.forget_ignored(&mut next);
        self.forget_deposed(&mut next);
        self.show(&mut next);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        [properties::always(), properties::sometimes(&self.scope)].concat()
    }
}
