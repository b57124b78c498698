//! Rules of the leader's marks: how long a new owner still waits, and since when the old one was silent.
//! The random run at the end tries requests, fences, lag, late notes and leader changes in any order.

use std::time::Duration;

use proptest::prelude::*;
use tenure_log_protocol::*;
use tenure_types::{BootTime, Epoch, GroupId, Incarnation, StreamId};

use crate::writer::*;

/// A leader of [`STREAM`]'s group: what it has applied, and its marks.
struct Leader {
    table: StreamTable,
    clearance: Clearance<u64>,
}

impl Leader {
    /// Leadership 1, won `gained` milliseconds after its node booted.
    fn since(gained: u64) -> Self {
        Self {
            table: table(),
            clearance: Clearance::on_leadership(1, lease_max(), after(gained)),
        }
    }

    fn stream(&self) -> &Stream {
        self.table.stream(STREAM).unwrap()
    }

    /// Applies a fence for writer `number` with a lease of so many milliseconds, and does not note it.
    fn applies_fence(&mut self, number: u64, millis: u32) {
        let fence = Fence {
            lease: lease(millis),
            ..fence_for(&self.table, owner(number))
        };
        self.table.fence(&fence).unwrap();
    }

    fn notes_fence(&mut self, now: u64) {
        self.clearance
            .on_fence_applied(self.table.stream(STREAM).unwrap(), after(now));
    }

    fn fences(&mut self, number: u64, millis: u32, now: u64) {
        self.applies_fence(number, millis);
        self.notes_fence(now);
    }

    /// A request of writer `number` for `epoch` arrives.
    fn hears(&mut self, number: u64, epoch: u64, under_lease: bool, now: u64) {
        let sender = Sender {
            epoch: Epoch::new(epoch),
            incarnation: life(number),
            under_lease,
        };
        self.clearance
            .on_request(self.table.stream(STREAM).unwrap(), sender, after(now));
    }

    fn tells(&self, now: u64) -> Duration {
        self.clearance.clear_in(self.stream(), &1, after(now)).unwrap()
    }

    fn age(&self, now: u64) -> Option<Duration> {
        self.clearance.last_request_age(self.stream(), &1, after(now))
    }
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
    let mut leader = Leader::since(0);
    let other = StreamId::new(GroupId::new(0), 404);
    leader.table.create(&create(other)).unwrap();
    let full = lease_max().wait_out();
    assert_eq!(leader.tells(0), full);
    let other = leader.table.stream(other).unwrap();
    assert_eq!(
        leader.clearance.clear_in(other, &1, after(1000)),
        Some(full - millis(1000))
    );
    assert_eq!(leader.tells(LATER), Duration::ZERO);
}

#[test]
fn a_fence_applied_by_a_new_leader_still_waits_for_requests_to_other_leaders() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 1000);
    assert_eq!(leader.tells(1000), lease_max().wait_out() - millis(1000));
}

#[test]
fn only_the_confirmed_leadership_answers() {
    let leader = Leader::since(0);
    assert_eq!(leader.clearance.clear_in(leader.stream(), &2, after(0)), None);
    assert_eq!(leader.clearance.last_request_age(leader.stream(), &2, after(0)), None);
}

#[test]
fn a_fence_waits_for_the_requests_before_it() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(1, 1, true, LATER);
    leader.fences(2, 1000, LATER + 300);
    let left = lease(1000).wait_out() - millis(300);
    assert_eq!(leader.tells(LATER + 300), left);
    leader.hears(2, 2, true, LATER + 400);
    assert_eq!(
        leader.tells(LATER + 400),
        left - millis(100),
        "the new owner's own do not count"
    );
}

#[test]
fn a_fence_that_is_applied_and_not_noted_shortens_nothing() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(1, 1, true, LATER);
    leader.applies_fence(2, 1000);
    let full = lease(1000).wait_out();
    assert_eq!(leader.tells(LATER), full, "before it is noted");
    assert_eq!(leader.age(LATER), None, "the fence counts, and nobody said when it was");
    leader.hears(2, 2, true, LATER + 100);
    assert_eq!(
        leader.tells(LATER + 100),
        full - millis(100),
        "a request brings the marks up to it"
    );
    leader.notes_fence(LATER + 200);
    assert_eq!(
        leader.tells(LATER + 200),
        full - millis(200),
        "and the late note changes nothing"
    );
}

#[test]
fn silence_before_the_fence_counts() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(1, 1, true, LATER);
    leader.fences(2, 1000, LATER + 5000);
    assert_eq!(leader.tells(LATER + 5000), Duration::ZERO);
}

#[test]
fn from_a_through_b_to_c_the_lease_of_a_still_counts_when_b_never_spoke() {
    let mut leader = Leader::since(0);
    leader.fences(1, 9000, 0);
    leader.hears(1, 1, true, LATER);
    leader.fences(2, 1000, LATER + 100);
    leader.fences(3, 1000, LATER + 100);
    assert_eq!(leader.tells(LATER + 100), lease(9000).wait_out() - millis(100));
}

#[test]
fn a_shorter_lease_never_lowers_the_mark() {
    let mut leader = Leader::since(0);
    leader.fences(1, 9000, 0);
    leader.hears(1, 1, true, LATER);
    leader.fences(2, 1000, LATER);
    leader.hears(2, 2, true, LATER + 1);
    leader.fences(3, 1000, LATER + 2);
    assert_eq!(leader.tells(LATER + 2), lease(9000).wait_out() - millis(2));
}

#[test]
fn a_request_of_an_epoch_not_applied_here_counts_with_the_longest_lease() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(2, 2, true, LATER);
    leader.fences(2, 1000, LATER);
    assert_eq!(leader.tells(LATER), lease_max().wait_out());
}

#[test]
fn a_request_of_an_older_epoch_makes_no_lease() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.fences(2, 1000, 0);
    leader.hears(1, 1, true, LATER);
    leader.fences(3, 1000, LATER);
    assert_eq!(leader.tells(LATER), Duration::ZERO);
}

#[test]
fn a_request_without_a_live_lease_makes_a_lease_all_the_same() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(1, 1, false, LATER);
    leader.fences(2, 1000, LATER);
    assert_eq!(leader.tells(LATER), lease(1000).wait_out());
}

#[test]
fn age_counts_from_the_owners_last_request_its_fence_or_the_gain_of_leadership() {
    let mut leader = Leader::since(1000);
    assert_eq!(leader.age(1500), Some(millis(500)), "since the gain of leadership");
    leader.fences(1, 1000, 2000);
    assert_eq!(leader.age(2300), Some(millis(300)), "since the fence");
    leader.notes_fence(2300);
    assert_eq!(
        leader.age(2300),
        Some(millis(300)),
        "a repeated fence is no sign of life"
    );
    leader.hears(1, 1, true, 3000);
    assert_eq!(leader.age(3200), Some(millis(200)), "since its last request");
    leader.hears(99, 1, true, 4000);
    assert_eq!(
        leader.age(4200),
        Some(millis(1200)),
        "another incarnation is not the owner"
    );
    leader.hears(1, 1, false, 5000);
    assert_eq!(
        leader.age(5200),
        Some(millis(2200)),
        "nor is one alive that hears no answers"
    );
}

#[test]
fn a_deleted_stream_leaves_no_marks() {
    let mut leader = Leader::since(0);
    leader.fences(1, 1000, 0);
    leader.hears(1, 1, true, LATER);
    leader.clearance.on_delete_applied(STREAM);
    assert_eq!(leader.age(LATER), Some(millis(LATER)));
}

/// One thing that happens in a run of leaders, fences and owners.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Pass { millis: u64 },
    /// A fence commits. The leader applies it later.
    Fence { lease: u32 },
    /// The leader applies the next committed fence, and may be late to note it.
    Apply { notes: bool },
    /// The owner of the epoch that is `back` before the newest sends a renewal.
    Renew { back: usize },
    /// A node that has applied all but the newest `behind` fences gains leadership.
    ChangeLeader { behind: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3000u64).prop_map(|millis| Step::Pass { millis }),
        2 => (1..=10_000u32).prop_map(|lease| Step::Fence { lease }),
        2 => any::<bool>().prop_map(|notes| Step::Apply { notes }),
        6 => (0..3usize).prop_map(|back| Step::Renew { back }),
        1 => (0..3usize).prop_map(|behind| Step::ChangeLeader { behind }),
    ]
}

/// The committed fences, the leader of the moment, and every lease that any leader ever made.
struct Run {
    now: u64,
    fences: Vec<Fence>,
    applied: usize,
    leader: Leader,
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
            leader: Leader::since(0),
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
            Step::Apply { notes } => self.apply(*notes),
            Step::Renew { back } if *back < self.fences.len() => self.renew(self.fences.len() - back),
            Step::Renew { .. } => {}
            Step::ChangeLeader { behind } => self.change_leader(self.fences.len().saturating_sub(*behind)),
        }
    }

    fn apply(&mut self, notes: bool) {
        if let Some(fence) = self.fences.get(self.applied) {
            self.leader.table.fence(fence).unwrap();
            self.applied += 1;
        }
        if notes {
            self.leader.notes_fence(self.now);
        }
    }

    /// As a node does it: note the request, let ReadIndex catch up with what is committed, judge.
    fn renew(&mut self, epoch: usize) {
        let fence = self.fences[epoch - 1];
        let (number, now) = (epoch as u64, after(self.now));
        self.leader.hears(number, number, true, self.now);
        while self.applied < self.fences.len() {
            self.apply(number.is_multiple_of(2));
        }
        let (epoch, incarnation) = (Epoch::new(number), fence.owner.incarnation);
        if self.leader.table.check_renew(&renewing(epoch, incarnation)).is_ok() {
            let clear_at = now.saturating_add(self.leader.tells(self.now));
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
        self.leader = Leader::since(self.now);
        for fence in &self.fences[..applied] {
            self.leader.table.fence(fence).unwrap();
        }
        self.applied = applied;
    }
}

fn renewing(epoch: Epoch, incarnation: Incarnation) -> Renew {
    Renew {
        stream: STREAM,
        epoch,
        incarnation,
        under_lease: true,
    }
}

proptest! {
    #[test]
    fn clear_in_never_ends_before_an_older_lease(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.take(step));
    }
}
