//! What the other side of one stream owes an answer to, and since when.
//! Promises: the age is that of the oldest call, whatever is answered meanwhile; it grows with nothing but calls without
//! an answer. Whether anybody still waits for one does not matter. Knows instants only as arguments.

use std::collections::BTreeMap;

use tenure_wire::log_v1 as wire;
use tokio::time::Instant;

/// Calls that were sent and not answered, by their numbers on the wire.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    sent_at: BTreeMap<u64, Instant>,
    /// How many of them were sent at each instant.
    counts: BTreeMap<Instant, usize>,
}

impl Unanswered {
    pub(super) fn sent(&mut self, submissions: &[wire::Submission], now: Instant) {
        for submission in submissions {
            self.answered(submission.number);
            self.sent_at.insert(submission.number, now);
            *self.counts.entry(now).or_insert(0) += 1;
        }
    }

    /// Does nothing if it is not owed.
    pub(super) fn answered(&mut self, number: u64) {
        let Some(sent_at) = self.sent_at.remove(&number) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&sent_at) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&sent_at);
            }
        }
    }

    /// When the oldest of them was sent; `None`: nothing is owed.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.counts.keys().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn calls(numbers: &[u64]) -> Vec<wire::Submission> {
        let call = |number: &u64| wire::Submission {
            number: *number,
            call: None,
        };
        numbers.iter().map(call).collect()
    }

    #[test]
    fn answers_to_later_calls_do_not_make_the_oldest_younger() {
        let (first, second) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let mut unanswered = Unanswered::default();
        assert_eq!(unanswered.oldest(), None);
        unanswered.sent(&calls(&[7, 8]), first);
        unanswered.sent(&calls(&[1, 2]), second);
        for number in [1, 8, 8, 99] {
            unanswered.answered(number);
            assert_eq!(unanswered.oldest(), Some(first), "{number}");
        }
        unanswered.answered(7);
        assert_eq!(unanswered.oldest(), Some(second));
        unanswered.answered(2);
        assert_eq!(unanswered.oldest(), None);
    }
}
