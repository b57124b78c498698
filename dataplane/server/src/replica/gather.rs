//! How long the open record waits for more turns to go into it.
//! Promises: it waits only for clients that were answered a moment ago, for at most as many as those were, and only that
//! moment; whoever is alone waits for nobody; where clients do not come back in time, waiting is given up for longer and longer.
//! So clients that wait for one reply before they write again come to share one append, instead of falling apart into groups that
//! each cost the log one. Databases with a group commit have the same (PostgreSQL's `commit_delay` and `commit_siblings`); here
//! nobody has to set it.

use std::time::Duration;

use tenure_types::BootTime;

/// Within it a client nearby that waited for a reply has read it and written again, also if there are many on a busy machine.
const MOMENT: Duration = Duration::from_millis(2);

/// How often in a row the record is asked in vain whether it still waits, before it does not. The clock says so first, unless it
/// stands still.
const ASKED_MAX: u32 = 4096;

/// After so many waits in vain in a row, no more records go without one.
const VAIN_MAX: u32 = 6;

/// Who writes together.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Turns that have written into the open record.
    open: usize,
    wait: Option<Wait>,
    /// Waits in a row that were in vain.
    vain: u32,
    /// Records that wait for nobody, because of those.
    skipped: u32,
}

/// What the open record waits for.
#[derive(Debug)]
struct Wait {
    /// Turns that were answered.
    answered: usize,
    /// Turns that it had by then.
    before: usize,
    until: BootTime,
    /// How often it was asked since the last turn came.
    asked: u32,
}

impl Gather {
    /// A client's turn has written into the open record.
    pub(super) fn note_turn(&mut self) {
        self.open += 1;
        if let Some(wait) = &mut self.wait {
            wait.asked = 0;
        }
    }

    /// So many turns were answered now.
    pub(super) fn note_answered(&mut self, turns: usize, now: BootTime) {
        if turns == 0 {
            return;
        }
        if let Some(wait) = &mut self.wait {
            wait.answered += turns;
        } else if self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.wait = Some(Wait {
                answered: turns,
                before: self.open,
                until: now.saturating_add(MOMENT),
                asked: 0,
            });
        }
    }

    /// Whether more are to come. It is asked again and again while they are.
    pub(super) fn waits(&mut self, now: BootTime) -> bool {
        let Some(wait) = &mut self.wait else {
            return false;
        };
        wait.asked += 1;
        self.open < wait.before + wait.answered && now < wait.until && wait.asked <= ASKED_MAX
    }

    /// The record is closed. How many turns are in it.
    pub(super) fn close(&mut self) -> usize {
        let turns = std::mem::take(&mut self.open);
        if let Some(wait) = self.wait.take() {
            let came = turns.saturating_sub(wait.before);
            if 2 * came >= wait.answered {
                self.vain = 0;
            } else {
                self.vain = VAIN_MAX.min(self.vain + 1);
                self.skipped = 1 << self.vain;
            }
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: BootTime = BootTime::from_nanos(1_000_000_000);

    #[test]
    fn a_record_waits_for_as_many_turns_as_were_answered_beside_those_it_has() {
        let mut gather = Gather::default();
        gather.note_turn();
        assert!(!gather.waits(NOW), "nobody was answered");
        gather.note_answered(1, NOW);
        gather.note_answered(1, NOW);
        for _ in 0..2 {
            assert!(gather.waits(NOW));
            gather.note_turn();
        }
        assert!(!gather.waits(NOW));
        assert_eq!(gather.close(), 3);
        gather.note_turn();
        assert!(!gather.waits(NOW), "those who were answered have had their record");
    }

    #[test]
    fn a_record_waits_for_one_moment_whoever_is_answered_within_it() {
        let mut gather = Gather::default();
        gather.note_answered(2, NOW);
        gather.note_turn();
        let later = NOW.saturating_add(MOMENT / 2);
        gather.note_answered(2, later);
        assert!(gather.waits(later));
        assert!(!gather.waits(NOW.saturating_add(MOMENT)));
    }

    #[test]
    fn a_record_does_not_wait_for_ever_for_a_clock_that_stands_still() {
        let mut gather = Gather::default();
        gather.note_answered(3, NOW);
        gather.note_turn();
        let asked = (0..).take_while(|_| gather.waits(NOW)).count();
        assert_eq!(asked, ASKED_MAX as usize);
        gather.note_turn();
        assert!(gather.waits(NOW), "somebody came");
    }

    #[test]
    fn a_client_that_is_alone_waits_for_nobody() {
        let mut gather = Gather::default();
        for _ in 0..3 {
            gather.note_turn();
            assert!(!gather.waits(NOW));
            let turns = gather.close();
            gather.note_answered(turns, NOW);
        }
    }

    /// Closes records of one turn, each after three others were answered, and counts those that waited.
    fn waited(gather: &mut Gather, records: usize, come: usize) -> usize {
        let round = |_: &usize| {
            gather.note_turn();
            gather.note_answered(3, NOW);
            let waits = gather.waits(NOW);
            (0..come).for_each(|_| gather.note_turn());
            gather.close();
            waits
        };
        (0..records).filter(round).count()
    }

    #[test]
    fn waiting_in_vain_is_given_up_for_longer_and_longer_until_it_is_worth_it_again() {
        let mut gather = Gather::default();
        // 1, and after 2, 4, 8, 16, 32, 64, 64 that do not wait another.
        assert_eq!(waited(&mut gather, 1 + 3 + 5 + 9 + 17 + 33 + 65 + 65, 1), 8);
        assert_eq!(waited(&mut gather, 65, 2), 1);
        assert_eq!(waited(&mut gather, 10, 2), 10);
    }
}
