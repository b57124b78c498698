//! Time. All clocks move together, each by one tick or two.
//!
//! Not every combination of rates is tried, only those that can do most harm. A state is *bolder* than another when its
//! leases are longer, its ages shorter, its waits and the leader's `clear_at` and `old_until` nearer. A bolder state can
//! do all that a meeker one can and ends up bolder again, and every property that fails in the meeker fails in the
//! bolder. So the log's clocks run fast, a process that does not wait runs slow, and one that waits with nothing else to
//! measure runs fast; only one that does both is tried both ways. Scopes with `every_rate` try all and hold this to be
//! true.

use super::Move;
use crate::Protocol;
use crate::scope::{LEASE_MAX, PROCESSES_MAX, Ticks};
use crate::state::{At, Leadership, Process, Role, State};

impl Protocol {
    /// Offers the combinations of rates that can do most harm, or all of them.
    pub(super) fn offer_tick(&self, state: &State, moves: &mut Vec<Move>) {
        let (mut measuring, mut either, mut fast) = (0, 0, 0);
        for (bit, pace) in paces(state) {
            measuring |= u8::from(pace != Pace::Idle) << bit;
            either |= u8::from(pace == Pace::Either || (self.scope.every_rate && pace != Pace::Idle)) << bit;
            fast |= u8::from(pace == Pace::Fast) << bit;
        }
        if measuring == 0 {
            return;
        }
        // Walks all subsets of `either`, the full one first.
        let mut chosen = either;
        loop {
            moves.push(Move::Tick {
                fast: chosen | (fast & !either),
            });
            if chosen == 0 {
                return;
            }
            chosen = (chosen - 1) & either;
        }
    }

    pub(super) fn tick(&self, state: &mut State, fast: u8) {
        for (index, process) in state.processes.iter_mut().enumerate() {
            advance(process, ticks(fast, index));
        }
        for (bit, at) in leadership_bits() {
            if let Some(leadership) = state.leadership_mut(at) {
                leadership.clear_left = leadership.clear_left.saturating_sub(ticks(fast, bit));
                leadership.old_left = leadership.old_left.saturating_sub(ticks(fast, bit));
            }
        }
    }
}

fn ticks(fast: u8, bit: usize) -> Ticks {
    if fast >> bit & 1 == 1 { 2 } else { 1 }
}

fn leadership_bits() -> [(usize, At); 2] {
    [(PROCESSES_MAX, At::Current), (PROCESSES_MAX + 1, At::Deposed)]
}

/// Which rate of a clock can do harm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// It measures nothing now.
    Idle,
    Slow,
    Fast,
    Either,
}

fn paces(state: &State) -> impl Iterator<Item = (usize, Pace)> {
    let processes = state.processes.iter().map(pace_of_process).enumerate();
    let leaderships =
        leadership_bits().map(|(bit, at)| (bit, state.leadership(at).map_or(Pace::Idle, pace_of_leadership)));
    processes.chain(leaderships)
}

fn pace_of_leadership(leadership: Leadership) -> Pace {
    let measures = leadership.clear_left > 0 || leadership.old_left > 0;
    if measures { Pace::Fast } else { Pace::Idle }
}

fn pace_of_process(process: &Process) -> Pace {
    let waits = process.hold().is_some_and(|hold| hold.wait_left > 0);
    let leases = process.hold().is_some_and(|hold| hold.lease_left > 0);
    let renews = process.renewal.is_some_and(|renewal| renewal.age < LEASE_MAX);
    let ages = leases || renews || process.ages.iter().any(|&age| age < LEASE_MAX);
    match (waits, ages) {
        (false, false) => Pace::Idle,
        (false, true) => Pace::Slow,
        (true, false) => Pace::Fast,
        (true, true) => Pace::Either,
    }
}

fn advance(process: &mut Process, ticks: Ticks) {
    if let Role::Owner(hold) = &mut process.role {
        hold.lease_left = hold.lease_left.saturating_sub(ticks);
        hold.wait_left = hold.wait_left.saturating_sub(ticks);
    }
    if let Some(renewal) = &mut process.renewal {
        renewal.age = older(renewal.age, ticks);
    }
    for age in &mut process.ages {
        *age = older(*age, ticks);
    }
}

/// An age of `LEASE_MAX` makes no lease, and neither does a greater one: they are one state.
fn older(age: Ticks, ticks: Ticks) -> Ticks {
    (age + ticks).min(LEASE_MAX)
}
