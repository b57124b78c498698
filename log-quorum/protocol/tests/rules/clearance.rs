//! Rules of the leader's marks: how long a new owner still waits, and since when the old one was silent.
//! The random run at the end tries requests, fences, lag and leader changes in any order.

use std::time::Duration;

use proptest::prelude::*;
use tenure_log_protocol::*;
use tenure_types::{BootTime, Epoch, StreamId};

use crate::writer::*;

/// Leadership 1 of a leader that won `gained` milliseconds after it booted.
fn leader(gained: u64) -> Clearance<u64> {
    Clearance::on_leadership(1, lease_max(), after(gained))
}

/// `millis` after boot.
fn after(millis: u64) -> BootTime {
    BootTime::from_nanos(millis * 1_000_000)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Long after the gain of leadership, when the wait for other leaders' requests is over.
const LATER: u64 = 1_000_000;

#[test]
fn a_new_leader_begins_with_the_longest_wait_for_every_stream() {
    let clearance = leader(0);
    let full = lease_max().wait_out();
    assert_eq!(clearance.clear_in(STREAM, &1, after(0)), Some(full));
    assert_eq!(
        clearance.clear_in(StreamId::new(404), &1, after(1000)),
        Some(full - millis(1000))
    );
    assert_eq!(clearance.clear_in(STREAM, &1, after(LATER)), Some(Duration::ZERO));
}

#[test]
fn a_fence_applied_by_a_new_leader_still_waits_for_requests_to_other_leaders() {
    let mut clearance = leader(0);
    clearance.on_fence_applied(STREAM, after(1000));
    let left = lease_max().wait_out() - millis(1000);
    assert_eq!(clearance.clear_in(STREAM, &1, after(1000)), Some(left));
}

#[test]
fn only_the_confirmed_leadership_answers() {
    let clearance = leader(0);
    assert_eq!(clearance.clear_in(STREAM, &2, after(0)), None);
    assert_eq!(clearance.last_request_age(STREAM, &2, after(0)), None);
}

#[test]
fn a_fence_waits_for_the_requests_before_it() {
    let mut table = table();
    let mut clearance = leader(0);
    let first = Writer::fencing(&mut table, 1);
    clearance.on_request(table.stream(STREAM).unwrap(), first.epoch, life(1), after(LATER));
    let second = Writer::fencing(&mut table, 2);
    clearance.on_fence_applied(STREAM, after(LATER + 300));
    let left = lease(1000).wait_out() - millis(300);
    assert_eq!(clearance.clear_in(STREAM, &1, after(LATER + 300)), Some(left));

    clearance.on_request(table.stream(STREAM).unwrap(), second.epoch, life(2), after(LATER + 400));
    let left = left - millis(100);
    assert_eq!(
        clearance.clear_in(STREAM, &1, after(LATER + 400)),
        Some(left),
        "the new owner's own do not count"
    );
}

#[test]
fn silence_before_the_fence_counts() {
    let mut table = table();
    let mut clearance = leader(0);
    let first = Writer::fencing(&mut table, 1);
    clearance.on_request(table.stream(STREAM).unwrap(), first.epoch, life(1), after(LATER));
    clearance.on_fence_applied(STREAM, after(LATER + 5000));
    assert_eq!(
        clearance.clear_in(STREAM, &1, after(LATER + 5000)),
        Some(Duration::ZERO)
    );
}

#[test]
fn from_a_through_b_to_c_the_lease_of_a_still_counts_when_b_never_spoke() {
    let mut table = table();
    let mut clearance = leader(0);
    let a = table
        .fence(&Fence {
            lease: lease(9000),
            ..fence_for(&table, owner(1))
        })
        .unwrap();
    clearance.on_request(table.stream(STREAM).unwrap(), a.epoch, life(1), after(LATER));
    for contender in [2, 3] {
        Writer::fencing(&mut table, contender);
        clearance.on_fence_applied(STREAM, after(LATER + 100));
    }
    let left = lease(9000).wait_out() - millis(100);
    assert_eq!(clearance.clear_in(STREAM, &1, after(LATER + 100)), Some(left));
}

#[test]
fn a_shorter_lease_never_lowers_the_mark() {
    let mut table = table();
    let mut clearance = leader(0);
    let a = table
        .fence(&Fence {
            lease: lease(9000),
            ..fence_for(&table, owner(1))
        })
        .unwrap();
    clearance.on_request(table.stream(STREAM).unwrap(), a.epoch, life(1), after(LATER));
    let b = Writer::fencing(&mut table, 2);
    clearance.on_fence_applied(STREAM, after(LATER));
    clearance.on_request(table.stream(STREAM).unwrap(), b.epoch, life(2), after(LATER + 1));
    Writer::fencing(&mut table, 3);
    clearance.on_fence_applied(STREAM, after(LATER + 2));
    let left = lease(9000).wait_out() - millis(2);
    assert_eq!(clearance.clear_in(STREAM, &1, after(LATER + 2)), Some(left));
}

#[test]
fn a_request_of_an_epoch_not_applied_here_counts_with_the_longest_lease() {
    let mut table = table();
    let mut clearance = leader(0);
    Writer::fencing(&mut table, 1);
    clearance.on_request(table.stream(STREAM).unwrap(), Epoch::new(2), life(2), after(LATER));
    clearance.on_fence_applied(STREAM, after(LATER));
    assert_eq!(
        clearance.clear_in(STREAM, &1, after(LATER)),
        Some(lease_max().wait_out())
    );
}

#[test]
fn a_request_of_an_older_epoch_makes_no_lease() {
    let mut table = table();
    let mut clearance = leader(0);
    let first = Writer::fencing(&mut table, 1);
    Writer::fencing(&mut table, 2);
    clearance.on_request(table.stream(STREAM).unwrap(), first.epoch, life(1), after(LATER));
    clearance.on_fence_applied(STREAM, after(LATER));
    assert_eq!(clearance.clear_in(STREAM, &1, after(LATER)), Some(Duration::ZERO));
}

#[test]
fn age_counts_from_the_owners_last_request_its_fence_or_the_gain_of_leadership() {
    let mut table = table();
    let mut clearance = leader(1000);
    let age = |clearance: &Clearance<u64>, now| clearance.last_request_age(STREAM, &1, after(now));
    let writer = Writer::fencing(&mut table, 1);
    assert_eq!(age(&clearance, 1500), Some(millis(500)), "since the gain of leadership");
    clearance.on_fence_applied(STREAM, after(2000));
    assert_eq!(age(&clearance, 2300), Some(millis(300)), "since the fence");
    clearance.on_request(table.stream(STREAM).unwrap(), writer.epoch, life(1), after(3000));
    assert_eq!(age(&clearance, 3200), Some(millis(200)), "since its last request");
    clearance.on_request(table.stream(STREAM).unwrap(), writer.epoch, life(99), after(4000));
    assert_eq!(
        age(&clearance, 4200),
        Some(millis(1200)),
        "another incarnation is not the owner"
    );
}

#[test]
fn a_deleted_stream_leaves_no_marks() {
    let mut table = table();
    let mut clearance = leader(0);
    let writer = Writer::fencing(&mut table, 1);
    clearance.on_request(table.stream(STREAM).unwrap(), writer.epoch, life(1), after(LATER));
    clearance.on_delete_applied(STREAM);
    assert_eq!(
        clearance.last_request_age(STREAM, &1, after(LATER)),
        Some(millis(LATER))
    );
}

/// One thing that happens in a run of leaders, fences and owners.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Pass { millis: u64 },
    /// A fence commits. The leader applies it later.
    Fence { lease: u32 },
    /// The leader applies the next committed fence.
    Apply,
    /// The owner of the epoch that is `back` before the newest sends a renewal.
    Renew { back: usize },
    /// A node that has applied all but the newest `behind` fences gains leadership.
    ChangeLeader { behind: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3000u64).prop_map(|millis| Step::Pass { millis }),
        2 => (1..=10_000u32).prop_map(|lease| Step::Fence { lease }),
        2 => Just(Step::Apply),
        6 => (0..3usize).prop_map(|back| Step::Renew { back }),
        1 => (0..3usize).prop_map(|behind| Step::ChangeLeader { behind }),
    ]
}

/// The committed fences, the leader of the moment, and every lease that any leader ever made.
struct Run {
    now: u64,
    fences: Vec<Fence>,
    applied: usize,
    table: StreamTable,
    clearance: Clearance<u64>,
    /// Epoch, and when the lease ends at the latest: L after the request arrived.
    leases: Vec<(Epoch, BootTime)>,
}

impl Run {
    fn new() -> Self {
        let (fences, leases) = (Vec::new(), Vec::new());
        Self {
            now: 0,
            fences,
            applied: 0,
            table: table(),
            clearance: leader(0),
            leases,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Pass { millis } => self.now += millis,
            Step::Fence { lease: millis } => {
                let number = self.fences.len() as u64;
                let (expect_epoch, owner) = (Epoch::new(number), owner(number + 1));
                let nomination = Nomination::ByControlPlane;
                self.fences.push(Fence {
                    stream: STREAM,
                    expect_epoch,
                    owner,
                    lease: lease(*millis),
                    nomination,
                });
            }
            Step::Apply => self.apply(),
            Step::Renew { back } if *back < self.fences.len() => self.renew(self.fences.len() - back),
            Step::Renew { .. } => {}
            Step::ChangeLeader { behind } => self.change_leader(self.fences.len().saturating_sub(*behind)),
        }
    }

    fn apply(&mut self) {
        if let Some(fence) = self.fences.get(self.applied) {
            self.table.fence(fence).unwrap();
            self.clearance.on_fence_applied(STREAM, after(self.now));
            self.applied += 1;
        }
    }

    /// As a node does it: note the request, let ReadIndex catch up with what is committed, judge.
    fn renew(&mut self, epoch: usize) {
        let fence = self.fences[epoch - 1];
        let (epoch, incarnation, now) = (Epoch::new(epoch as u64), fence.owner.incarnation, after(self.now));
        self.clearance
            .on_request(self.table.stream(STREAM).unwrap(), epoch, incarnation, now);
        while self.applied < self.fences.len() {
            self.apply();
        }
        if self
            .table
            .check_renew(&Renew {
                stream: STREAM,
                epoch,
                incarnation,
            })
            .is_ok()
        {
            let clear_at = now.saturating_add(self.clearance.clear_in(STREAM, &1, now).unwrap());
            let older = self
                .leases
                .iter()
                .filter(|(of, _)| *of < epoch)
                .map(|(_, ends)| *ends)
                .max();
            assert!(
                Some(clear_at) >= older,
                "epoch {epoch} is told {clear_at:?}, an older lease ends {older:?}"
            );
            self.leases.push((epoch, now.saturating_add(fence.lease.as_duration())));
        }
    }

    fn change_leader(&mut self, applied: usize) {
        self.table = table();
        for fence in &self.fences[..applied] {
            self.table.fence(fence).unwrap();
        }
        self.applied = applied;
        self.clearance = leader(self.now);
    }
}

proptest! {
    #[test]
    fn clear_in_never_ends_before_an_older_lease(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.take(step));
    }
}
